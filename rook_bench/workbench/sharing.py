"""What sharing is worth: one adapter of several pools against one of each, with and without the pool's name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rook_bench.core import SIDE_NAMES, ConfigError, Estimate, InputError
from rook_bench.core.console import remark
from rook_bench.core.files import check_apart, whole_file, write_json, write_text
from rook_bench.dataset.common_split import CommonSplit, SplitRows, folders_of
from rook_bench.dataset.split_tapes import split_tape
from rook_bench.language.runtime import require_train_extra
from rook_bench.market.frame import SwapFrame
from rook_bench.market.pool import names_apart
from rook_bench.metrics.means import mean_of
from rook_bench.metrics.paired import paired
from rook_bench.replay.purse.engine import with_native
from rook_bench.report.formatting import bounded
from rook_bench.rewards.reward import HORIZON_S
from rook_bench.training import TrainSettings
from rook_bench.workbench.compare import Comparison, compare
from rook_bench.workbench.evaluation import Evaluation
from rook_bench.workbench.fine_tune import check_horizon, settings_of_training
from rook_bench.workbench.pair_configs import Configs, all_settings, each_for
from rook_bench.workbench.sharing_work import ALONE, WITHOUT, SharingWork, Variant

if TYPE_CHECKING:
    from rook_bench.report.charts.canvas import Picture

DONE = "sharing.json"


@dataclass(frozen=True, eq=False)
class Row:
    """What one way of training came to on the test rows of one pool.

    Attributes:
        pool, way: which.
        adapter: its folder.
        recall: mean recall of BUY, HOLD and SELL against the labels; beyond: that less the recall of ALONE.
        per_day: net log return beyond holding, bps per day; gained: net log return beyond ALONE, bps per day.
        fills: orders that got something.
    """

    pool: str
    way: str
    adapter: Path
    recall: Estimate
    beyond: Estimate
    per_day: Estimate
    gained: Estimate
    fills: int

    def to_json(self) -> dict[str, Any]:
        """For sharing.json."""
        told = {name: getattr(self, name).to_json() for name in ("recall", "beyond", "per_day", "gained")}
        return {"way": self.way, "adapter": str(self.adapter), "fills": self.fills, **told}


@dataclass(frozen=True, eq=False)
class Sharing:
    """The table of all ways to train, pool by pool.

    Attributes:
        folder: where adapters, comparisons and the table lie.
        rows: in the order of pools, then of ways.
        common: the date that cuts all pools, for every way alike.
        stage: "sft" or "rl".
        tries: how many looks at the test rows this put on record.
    """

    folder: Path
    rows: list[Row]
    common: CommonSplit
    stage: str
    tries: int

    @property
    def pools(self) -> list[str]:
        """Names of the pools."""
        return list(dict.fromkeys(row.pool for row in self.rows))

    def of(self, pool: str) -> list[Row]:
        """The rows of one pool."""
        return [row for row in self.rows if row.pool == pool]

    def to_json(self) -> dict[str, Any]:
        """What sharing.json holds."""
        return {
            "stage": self.stage,
            "common_split": self.common.to_json(),
            "tries": self.tries,
            "pools": [{"pool": pool, "ways": [row.to_json() for row in self.of(pool)]} for pool in self.pools],
        }

    def plot(self) -> Picture:
        """What each way gained over training on the pool alone."""
        from rook_bench.report.charts.sharing import draw_sharing

        money = self.stage == "rl"
        rows = [
            (f"{row.pool}: {row.way}", row.gained if money else row.beyond) for row in self.rows if row.way != ALONE
        ]
        return draw_sharing(rows, "bps per day" if money else "mean recall")


def study_sharing(
    data_dirs: Sequence[str | Path],
    out: str | Path,
    config: Configs = None,
    training: TrainSettings | str | Path | None = None,
    *,
    stage: str = "sft",
    horizon_s: float = HORIZON_S,
    trials: str | Path | None = None,
    say: Callable[[str], None] = remark,
    **settings: Any,
) -> Sharing:
    """Train one adapter of each pool, of all, of all with the pool named, and of all but each; judge all on every pool.

    Every way is cut at the same date and draws as many rows of each pool, so that nothing but sharing differs. An
    adapter is asked on the test rows of the pools it serves; one that never saw a pool is asked there as a transfer.
    Adapters that are there from an interrupted call of the same settings are kept.

    Args:
        data_dirs: prepared folders of at least two pools.
        out: folder for adapters, a comparison of each pool, and the table.
        config: capital, sizing and costs of the replay (and of rewards), for all or for each pair.
        training: settings of training, or a file of them.
        stage: "sft" imitates the labels; "rl" goes on from that by rewards of its own pools (see `reward`).
        horizon_s: of the rewards.
        trials: folder of the trial ledger, which hears of every adapter on every pool.
        say: hears how it goes.
        settings: keys of `TrainSettings` that overrule `training`.

    Raises:
        InputError, ConfigError: for folders or settings that can't be used.
    """
    folders, out = folders_of(data_dirs), Path(out)
    if len(folders.paths) < 2:
        raise InputError("one pool shares with nobody", where=folders.paths[0], hint="give at least two --data-dir")
    if stage not in ("sft", "rl"):
        raise ConfigError(f"stage {stage} is not studied", where="stage", hint="give sft or rl")
    check_apart(out, *folders.paths)
    check_horizon(horizon_s)
    _check_place(out)
    chosen = settings_of_training(training, "sft", {"rewards": None, "drafts": None, "from": None}, settings)
    require_train_extra()
    tests = [split_tape(path, "test").read() for path in folders.paths]
    cuts = [
        SplitRows.of_tapes(path, *(split_tape(path, name).read() for name in ("train", "validation")))
        for path in folders.paths
    ]
    common, names = CommonSplit.of(cuts), names_apart([frame.pool for frame in tests])
    benches = each_for(all_settings(config), [frame.pool for frame in tests])
    tests = with_native(tests, [one.replay() for one in benches])
    for cut in cuts:
        common.cut(cut)  # what can't be cut is told of before anything is trained
    variants = Variant.all_of(len(tests))
    replays = [one.replay() for one in benches]
    work = SharingWork(folders, out, chosen, common, replays, benches[0].seed, stage, horizon_s, trials, say)
    adapters = {variant: work.adapter(variant) for variant in variants}
    rows, tries = [], 0
    for place, (name, frame, bench) in enumerate(zip(names, tests, benches, strict=True)):
        own = [variant for variant in variants if place in variant.judged]
        asked = {one.way: f"lora:{adapters[one]}" + ",transfer=true" * (one.way == WITHOUT) for one in own}
        say(f"{name}: {len(frame):,} test rows, {len(asked)} ways")
        found = compare(frame, asked, bench, trials=trials)
        found.save(out / "pools" / str(place + 1), pictures=False)
        rows += _judged(name, found, {one.way: adapters[one] for one in own}, frame)
        tries += len(asked)
    done = Sharing(out, rows, common, stage, tries)
    write_json(out / DONE, done.to_json())
    write_text(out / "sharing.md", "\n".join(table_of(done)) + "\n")
    _draw(done)
    return done


def table_of(done: Sharing) -> list[str]:
    """The table in Markdown."""
    since = done.common.to_json()["validation_from"]
    lines = [
        f"Stage {done.stage}; all ways are cut at {since} and judged on the test rows of each pool; {done.tries} tries "
        "are on record. Each interval stands for itself, and is of the test rows alone: one seed trained each adapter, "
        "all in as many epochs, so that those of several pools took more steps."
    ]
    for pool in done.pools:
        lines += [
            "",
            f"## {pool}",
            "",
            "| trained | mean recall | against alone | net over holding, bps/day | against alone, bps/day | fills |",
            "|---|---|---|---|---|---|",
        ]
        for row in done.of(pool):
            against = ["", ""]
            if row.way != ALONE:
                against = [bounded(row.beyond, 3, signed=True), bounded(row.gained, 1, signed=True)]
            cells = [
                row.way,
                bounded(row.recall, 3),
                against[0],
                bounded(row.per_day, 1, signed=True),
                against[1],
                f"{row.fills:,}",
            ]
            lines.append(f"| {' | '.join(cells)} |")
    return lines


def _check_place(out: Path) -> None:
    """InputError where something lies that no such study wrote."""
    if out.is_dir() and any(out.iterdir()) and not ((out / "adapters").is_dir() or (out / DONE).is_file()):
        raise InputError("holds files that rook-bench did not write", where=out, hint="choose another --out")


def _draw(done: Sharing) -> None:
    from rook_bench.report.charts.canvas import style

    with style(), whole_file(done.folder / "sharing.png") as aside:
        aside.write_bytes(done.plot().to_png())


def _judged(name: str, found: Comparison, adapters: dict[str, Path], frame: SwapFrame) -> list[Row]:
    by_name = {one.name: one for one in found}
    hold = next(one for one in found if one.run.source.choice.plugin.name == "hold")
    alone = by_name[ALONE]
    base = _recalled(alone, frame)
    rows = []
    for way, adapter in adapters.items():
        one = by_name[way]
        mine = _recalled(one, frame)
        rows.append(
            Row(
                pool=name,
                way=way,
                adapter=adapter,
                recall=_mean(mine, "mean recall of the labelled sides"),
                beyond=_mean(mine - base, f"mean recall less that of the adapter {ALONE}"),
                per_day=paired(one.run, hold.run, one.clock).per_day,
                gained=paired(one.run, alone.run, one.clock).per_day,
                fills=int(one.run.orders.filled.sum()),
            )
        )
    return rows


def _recalled(one: Evaluation, frame: SwapFrame) -> NDArray[np.float64]:
    """What each row adds to the mean recall of the sides that labels have, times the number of rows; shape (rows,)."""
    sides = frame.labels["label_side"].astype(str)
    truth = np.array([SIDE_NAMES.index(side) for side in sides])
    counts = np.bincount(truth, minlength=3)
    weight = len(truth) / (counts[truth] * (counts > 0).sum())
    return np.asarray((one.run.decided.tape.side == truth) * weight)


def _mean(values: NDArray[np.float64], convention: str) -> Estimate:
    if not values.any():
        return Estimate(0.0, len(values), "fraction", f"{convention}; no row differs", low=0.0, high=0.0)
    return mean_of(values, unit="fraction", convention=convention)
