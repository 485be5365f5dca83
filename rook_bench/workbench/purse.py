"""One source over several pools with one purse: replayed, measured, put on record, written."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rook_bench.core import ConfigError, InputError
from rook_bench.core.config import read_mapping
from rook_bench.core.console import on_terminal, remark, warn
from rook_bench.core.files import whole_folder, write_json
from rook_bench.core.hashing import PACKAGE, sha256_json
from rook_bench.core.project import trials_folder
from rook_bench.core.untrusted import confined
from rook_bench.gates.formats.verdict_file import read_verdict
from rook_bench.market.row_sketch import RowSketch
from rook_bench.metrics.clock import Borders, Clock
from rook_bench.metrics.purse import PurseAnalysis, difference, surely_gained
from rook_bench.plugins import trusting
from rook_bench.replay.purse import PurseRun, replay_purse
from rook_bench.replay.purse.saved import RECORD, load_purse, save_purse
from rook_bench.trials import TrialLedger
from rook_bench.trials.trial import Kind, Trial, assumed, pool_of, span_of
from rook_bench.workbench.evaluation import within
from rook_bench.workbench.pair_configs import Configs, all_settings, each_for
from rook_bench.workbench.running import Asked, Tape, named, tape_of, told_apart

LISTING = "comparison.json"
"""The file of a comparison of purses that has their measures."""


@dataclass(frozen=True, eq=False, repr=False)
class PurseEvaluation(PurseAnalysis):
    """What a source came to over several pools with one purse."""

    @property
    def title(self) -> str:
        """The report's heading."""
        return f"{self.run.name} with one purse"

    def save(self, folder: str | Path, *, report: bool = True, pictures: bool = True) -> Path:
        """Write the run, its measures and its report into a folder of its own, whole; see `Evaluation.save`."""
        folder = Path(folder)
        with whole_folder(folder) as aside:
            self.write(aside, report=report, pictures=pictures)
        return folder / "report.html" if report else folder

    def write(self, folder: Path, *, report: bool = True, pictures: bool = True) -> None:
        """Write the same into an existing (temporary) folder."""
        save_purse(self.run, folder)
        write_json(folder / "metrics.json", self.to_json())
        write_json(folder / "clock.json", self.clock.model_dump())
        if report:
            from rook_bench.report.purse import write_purse_report

            write_purse_report(self, folder, title=self.title, with_pictures=pictures)


@dataclass(frozen=True, eq=False, repr=False)
class PurseComparison(Sequence[PurseEvaluation]):
    """Several sources over the same pools, each with a purse of its own; the first is the one in question.

    Attributes:
        evaluations: in the order asked for, yardsticks that were added last.
    """

    evaluations: tuple[PurseEvaluation, ...]

    def __getitem__(self, index: Any) -> Any:
        return self.evaluations[index]

    def __len__(self) -> int:
        return len(self.evaluations)

    def __repr__(self) -> str:
        names = ", ".join(one.run.name for one in self.evaluations[:3])
        return f"<PurseComparison over {len(self[0].run.legs)} pools: {within(names, 60)}>"

    def table(self) -> pd.DataFrame:
        """One row per source, one column per measure of the purse; missing where undefined."""
        rows = [{name: estimate.value for name, estimate in one.estimates.items()} for one in self]
        return pd.DataFrame(rows, index=pd.Index([one.run.name for one in self], name="source"), dtype="float64")

    def to_json(self) -> dict[str, Any]:
        """Each source in order, what the first earned beyond each other, and who surely gained on which pool."""
        gained = surely_gained(self.evaluations)
        return {
            "sources": [{"name": one.run.name, "run_hash": one.run.run_hash, **one.to_json()} for one in self],
            "beyond": {one.run.name: difference(self[0], one).to_json() for one in self[1:]},
            "surely_gained": {
                "names": list(gained.names),
                "n": gained.n,
                "convention": gained.convention,
                "undefined_because": gained.undefined_because,
            },
        }

    def save(self, folder: str | Path, *, report: bool = True, pictures: bool = True) -> Path:
        """Write the runs, their measures and one report into a folder of its own, whole; see `Comparison.save`."""
        folder = Path(folder)
        with whole_folder(folder) as aside:
            self.write(aside, report=report, pictures=pictures)
        return folder / "report.html" if report else folder

    def write(
        self, folder: Path, *, report: bool = True, pictures: bool = True, verdict: dict[str, Any] | None = None
    ) -> None:
        """Write the same into an existing (temporary) folder; with the verdict that rests on it, the page has that."""
        for place, one in enumerate(self.evaluations, start=1):
            own = folder / "runs" / str(place)
            own.mkdir(parents=True)
            one.write(own, report=False)
        write_json(folder / LISTING, self.to_json())
        if report:
            from rook_bench.report.purses import write_purses_report

            write_purses_report(self.evaluations, folder, verdict=verdict, with_pictures=pictures)


def evaluate_purse(
    tapes: Sequence[Tape],
    source: Asked,
    config: Configs = None,
    *,
    seed: int | None = None,
    fresh: bool = False,
    trials: str | Path | None = None,
) -> PurseEvaluation:
    """Replay one source on several tapes with one purse, measure it, and put the try on record.

    Args:
        tapes: one of each pool; see `evaluate`.
        source: as for `evaluate`; it is asked on each tape for itself.
        config: as for `evaluate`; of several each is for the pools of its `pair`, and one without a pair for the rest.
            Capital, numeraire, clock and seed are the first one's.
        seed, fresh, trials: as for `evaluate`. It is one try on every pool's stretch.

    Raises:
        InputError, ConfigError, UnknownName: for tapes, a source or settings that can't be used.
    """
    (evaluation,) = _evaluated(tapes, [source], config, seed=seed, fresh=fresh)
    put_purse_on_record(evaluation, "replay", trials)
    return evaluation


def compare_purses(
    tapes: Sequence[Tape],
    sources: Sequence[Asked] | Mapping[str, Asked],
    config: Configs = None,
    *,
    benchmarks: bool = True,
    seed: int | None = None,
    fresh: bool = False,
    trials: str | Path | None = None,
) -> PurseComparison:
    """Replay several sources on the same tapes, each with one purse, and put the tries on record.

    Args:
        tapes, config, seed, fresh, trials: as for `evaluate_purse`.
        sources: as for `compare`; the first is the one in question.
        benchmarks: add chance at the first source's rate, where it is not among the sources. Holding what a purse
            opened with stands in every row.

    Raises:
        InputError, ConfigError, UnknownName: for tapes, a source or settings that can't be used.
    """
    if not sources:
        raise ConfigError("there is no source to compare", where="compare", hint="name one, or several")
    found = _evaluated(tapes, sources, config, seed=seed, fresh=fresh)
    known = len(found)
    if benchmarks and not any(_plugin_of(one) == "random" for one in found):
        sides = np.concatenate([leg.decided.tape.trades for leg in found[0].run.legs])
        if 0 < sides.mean() < 1:
            found += _evaluated(tapes, [f"random:{sides.mean():.3f}"], config, seed=seed, fresh=fresh)
    for place, one in enumerate(found):
        put_purse_on_record(one, "compare", trials, yardstick=place >= known, quiet=place < len(found) - 1)
    return PurseComparison(tuple(found))


def _plugin_of(one: PurseEvaluation) -> str:
    return one.run.legs[0].decided.source.choice.plugin.name


def _evaluated(
    tapes: Sequence[Tape],
    sources: Sequence[Asked] | Mapping[str, Asked],
    config: Configs,
    *,
    seed: int | None,
    fresh: bool,
) -> list[PurseEvaluation]:
    settings = all_settings(config, seed)
    frames = [tape_of(tape) for tape in tapes]
    chosen = each_for(settings, [frame.pool for frame in frames])
    shared = settings[0]
    configs = [
        one.replay().model_copy(update={"capital": shared.capital, "numeraire": shared.numeraire}) for one in chosen
    ]
    found = []
    for name, asked in told_apart(named(sources)):
        run = replace(replay_purse(frames, asked, configs, progress=on_terminal(), fresh=fresh), label=name)
        for leg in run.legs:
            if leg.decided.reused:
                remark(f"{leg.pool.pair}: decisions reused from an earlier run")
            for note in leg.decided.notes:
                remark(f"{leg.pool.pair}: {note}")
            if leg.lookahead.status == "leak":
                warn(f"{leg.pool.pair}: LOOK-AHEAD, {leg.lookahead.detail}; this run can't get a verdict")
        found.append(PurseEvaluation(run, shared.clock))
    return found


def worth_at(run: PurseRun, at: NDArray[np.datetime64]) -> NDArray[np.float64]:
    """The whole purse in the numeraire at some times, what is still to come in included, shape (k,)."""
    return np.asarray((run.balances_at(at) * run.rates_at(at)).sum(axis=1) + run.came_in_at(at)[1])


def is_purse(folder: str | Path) -> bool:
    """Whether a folder holds a purse, or a comparison of purses."""
    return any((Path(folder) / name).is_file() for name in (RECORD, LISTING))


def load_purses(folder: str | Path) -> list[PurseEvaluation]:
    """The purses of a folder that `PurseEvaluation.save` or `PurseComparison.save` wrote, checked and replayed.

    Raises:
        InputError: where files are missing or changed, or other orders come out.
    """
    folder = Path(folder)
    places = [folder]
    if not (folder / RECORD).is_file():
        runs = (folder / "runs").glob("*/" + RECORD)
        places = sorted((one.parent for one in runs if one.parent.name.isdecimal()), key=lambda one: int(one.name))
        if not places:
            raise InputError("the comparison holds no run", where=folder, hint="compare again")
    return [
        PurseEvaluation(load_purse(place), Clock.parse(read_mapping(place / "clock.json"), where=place / "clock.json"))
        for place in places
    ]


def purse_report_again(folder: Path, *, pictures: bool = True) -> Path:
    """Write the report of a purse, or of a comparison of purses, again from the runs themselves; returns its path.

    No code is run but what is installed.
    """
    from rook_bench.report.purse import write_purse_report
    from rook_bench.report.purses import write_purses_report

    with trusting(strategies=False):
        found = load_purses(folder)
        with tempfile.TemporaryDirectory(prefix=".report.", dir=folder) as aside:
            if (folder / RECORD).is_file():
                write_purse_report(found[0], Path(aside), title=found[0].title, with_pictures=pictures)
            else:
                verdict = _verdict_of(folder, found)
                write_purses_report(found, Path(aside), verdict=verdict, with_pictures=pictures)
            for file in Path(aside).iterdir():
                file.replace(folder / file.name)
    return folder / "report.html"


def _verdict_of(folder: Path, purses: Sequence[PurseEvaluation]) -> dict[str, Any] | None:
    """The verdict that rests on these purses, where the folder is a gate's; InputError for one about others."""
    path = folder / "verdict.json"
    if not path.is_file():
        return None
    verdict = read_verdict(path)
    # By decisions, as of one pool: another version of the code gives every run another hash.
    own = [read_verdict(confined(folder, str(pool["folder"]))) for pool in verdict["pools"]]
    known = {side["decisions_hash"] for one in own for side in (one["candidate"], one["champion"]) if side is not None}
    if any(leg.decided.tape.content_hash not in known for one in purses for leg in one.run.legs):
        raise InputError("the verdict is about other purses than those beside it", where=path, hint="judge again")
    return verdict


def put_purse_on_record(
    evaluation: PurseAnalysis,
    kind: Kind,
    trials: str | Path | None,
    *,
    yardstick: bool = False,
    quiet: bool = False,
) -> None:
    """A try on each pool's stretch, with the purse's returns there: to look at all of them is to look at each.

    Args:
        evaluation, kind: what was evaluated, and by what.
        trials: folder of the ledger; the project's by default.
        yardstick: whether the tool added it by itself; quiet: say nothing of it.
    """
    run, clock = evaluation.run, evaluation.clock
    ledger = TrialLedger(Path(trials) if trials else trials_folder())
    for leg in run.legs:
        plugin = leg.decided.source.choice.plugin
        holds = plugin.name == "hold" and plugin.file.is_relative_to(PACKAGE)
        on_tape = Borders(leg.frame, clock)
        borders, equity = on_tape.at, worth_at(run, on_tape.at)
        because = f"the tape is shorter than two borders of {clock.label}" if len(borders) < 2 else None
        if because is None and not (np.isfinite(equity) & (equity > 0)).all():
            because = "the purse is not positive at some border, and has no logarithm there"
        first, last = span_of(leg.frame)
        trial = Trial(
            kind=kind,
            role="benchmark" if holds or yardstick else "candidate",
            source=leg.decided.source.reference,
            source_hash=leg.decided.source.content,
            run_hash=run.run_hash,
            decisions_hash=leg.decided.tape.content_hash,
            config_hash=sha256_json([assumed(leg.config), [other.run_hash for other in run.legs]]),
            data_hash=leg.frame.data_hash,
            pool=pool_of(leg.frame),
            first_at=first,
            last_at=last,
            bucket_s=clock.bucket_s,
            n=max(len(borders) - 1, 0),
            returns=None,
            returns_undefined_because=because,
            lookahead=leg.lookahead.status,
        )
        returns = np.empty(0) if because else np.diff(np.log(equity))
        for bucket, row in () if because else on_tape.broken:  # what a hole of the tape did is nobody's return
            before, after = worth_at(run, leg.frame.at[row - 1 : row + 1])
            returns[bucket] -= np.log(after) - np.log(before)
        ledger.record_points([trial], [returns], RowSketch.of(leg.frame))
    if not quiet:
        remark(f"trial ledger: {ledger.folder}; one try on each of {len(run.legs)} pools")
