"""The adapters of a study of sharing: the ways to train, and the folder in which each is made once."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rook_bench.core import RookError
from rook_bench.core.console import err
from rook_bench.core.files import check_replaceable, write_json
from rook_bench.core.hashing import TRAINING, sha256_code, sha256_json
from rook_bench.dataset.common_split import CommonSplit, Folders
from rook_bench.dataset.split_tapes import split_tape
from rook_bench.language.base import find_base
from rook_bench.language.manifest import adapter_hash
from rook_bench.language.template import load_template
from rook_bench.replay import ReplayConfig
from rook_bench.rewards.make import make_rewards
from rook_bench.training import TrainSettings
from rook_bench.workbench.fine_tune import carry_out, record_choice
from rook_bench.workbench.fold_work import content_of

ALONE, TOGETHER, NAMED, WITHOUT = "trained on it alone", "on all together", "together, pool named", "on the others"
"""The ways to train that stand side by side."""


@dataclass(frozen=True)
class Variant:
    """One way to train.

    Attributes:
        way: ALONE, TOGETHER, NAMED or WITHOUT.
        name: of its adapter's folder.
        pools: places of those that it learns from; judged: places of those on which it is asked.
    """

    way: str
    name: str
    pools: tuple[int, ...]
    judged: tuple[int, ...]

    @classmethod
    def all_of(cls, pools: int) -> list[Variant]:
        """Every way for so many pools: one adapter of each alone, two of all, one of all but each."""
        every = tuple(range(pools))
        others = [tuple(place for place in every if place != out) for out in every]
        # Of two pools, what learned from all but one learned from the other alone.
        left = [f"without-{place + 1}" if pools > 2 else f"alone-{others[place][0] + 1}" for place in every]
        return [
            *(cls(ALONE, f"alone-{place + 1}", (place,), (place,)) for place in every),
            cls(TOGETHER, "together", every, every),
            cls(NAMED, "together-named", every, every),
            *(cls(WITHOUT, left[place], rest, (place,)) for place, rest in enumerate(others)),
        ]


@dataclass(frozen=True)
class SharingWork:
    """Training of the ways, one after the other.

    Attributes:
        folders, common: the pools, and the date that cuts them; out: where adapters go.
        settings, stage, horizon_s: of training; replays, seed: of its rewards.
        trials: the ledger's folder; say: hears how it goes.
    """

    folders: Folders
    out: Path
    settings: TrainSettings
    common: CommonSplit
    replays: Sequence[ReplayConfig]
    seed: int
    stage: str
    horizon_s: float
    trials: str | Path | None
    say: Callable[[str], None]

    def adapter(self, variant: Variant) -> Path:
        """The adapter of a way: kept from an earlier call of the same, or trained."""
        folder = self.out / "adapters" / variant.name
        left = [place for place in range(len(self.folders.paths)) if place not in variant.pools]
        given = Folders(
            tuple(self.folders.paths[place] for place in variant.pools),
            tuple(self.folders.paths[place] for place in left),
        )
        settings = self.settings.model_copy(update={"pair_token": variant.way == NAMED})
        wanted = self._fingerprint(given, settings)
        imitation = folder if self.stage == "sft" else folder.with_name(f"{variant.name}-sft")
        nothing: dict[str, Path | None] = {"rewards": None, "drafts": None, "from": None}
        self._made(imitation, f"{wanted} sft", lambda: self._trained(given, imitation, settings, nothing, variant.name))
        if self.stage == "rl":
            inputs = nothing | {"rewards": folder.with_name(f"{variant.name}-rewards"), "from": imitation}
            self._made(
                folder,
                wanted,
                lambda: self._taught(given, folder, settings, inputs, [*variant.pools, *left], variant.name),
            )
        return folder

    def _made(self, folder: Path, wanted: str, make: Callable[[], None]) -> None:
        """Make an adapter, unless it is there and made of the same."""
        mark = folder.with_name(f"{folder.name}.json")
        if _kept(folder, mark, wanted):
            self.say(f"{folder.name}: kept from before")
            return
        make()
        write_json(mark, {"made": wanted, "adapter": adapter_hash(folder)})

    def _taught(
        self,
        given: Folders,
        folder: Path,
        settings: TrainSettings,
        inputs: dict[str, Path | None],
        places: Sequence[int],
        name: str,
    ) -> None:
        """Rewards of the same pools, and training by them."""
        made = make_rewards(
            given,
            str(inputs["rewards"]),
            load_template(settings.template).telling(pair=settings.pair_token),
            [self.replays[place] for place in places],
            horizon_s=self.horizon_s,
            seed=self.seed,
        )
        for line in made.describe():
            self.say(f"{name}: {line}")
        self._trained(given, folder, settings, inputs, name)

    def _trained(
        self, given: Folders, folder: Path, settings: TrainSettings, inputs: dict[str, Path | None], name: str
    ) -> None:
        check_replaceable(folder)
        say = self.say
        done = carry_out(given, folder, settings, inputs, say=lambda line: say(f"{name}: {line}"), console=err)
        record_choice(done, self.trials)

    def _fingerprint(self, given: Folders, settings: TrainSettings) -> str:
        """What an adapter is made of: the same call finds it again."""
        from rook_bench.training.run import versions

        return sha256_json(
            {
                "settings": settings.model_dump(mode="json"),
                "template": load_template(settings.template).sha256,
                "base": content_of(Path(find_base(settings.model))),
                "stage": [self.stage, self.horizon_s if self.stage == "rl" else None],
                "config": [one.model_dump(mode="json") for one in self.replays],
                "common": self.common.to_json(),
                "seed": self.seed,
                "versions": versions(),
                "rows": [[split_tape(path, name).data_hash for name in ("train", "validation")] for path in given.all],
                "learned": len(given.paths),
                "code": sha256_code(*TRAINING),
            }
        )


def _kept(folder: Path, mark: Path, wanted: str) -> bool:
    try:
        told = json.loads(mark.read_text(encoding="utf-8"))
        return bool(told["made"] == wanted and told["adapter"] == adapter_hash(folder))
    except (OSError, ValueError, KeyError, TypeError, RookError):  # begun and not ended, or damaged since
        return False
