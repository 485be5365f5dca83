"""A sweep: one tape and its decisions under many configurations, on record, with the best one and what it is worth."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rook_bench.core import ConfigError, InputError
from rook_bench.core.console import remark, warn
from rook_bench.core.files import whole_folder
from rook_bench.dataset.split_tapes import has_split_tapes, with_past
from rook_bench.engines import Engine, Threads
from rook_bench.market.frame import SwapFrame
from rook_bench.metrics import Analysis, analyse
from rook_bench.metrics.clock import Borders
from rook_bench.replay.engine import opening_balances, replay_decided
from rook_bench.sources.lookahead import Lookahead
from rook_bench.sweeps.axes import Axis, axes_of
from rook_bench.sweeps.forward import Purged, WalkForward, edges_of, purged, splits_of, walk_forward
from rook_bench.sweeps.found import SHOWN, Found
from rook_bench.sweeps.luck import luck_of
from rook_bench.sweeps.on_record import put_points_on_record
from rook_bench.sweeps.part import Part, rows_of, rows_of_folder
from rook_bench.sweeps.points import points_of
from rook_bench.sweeps.replays import Decisions, Measured, Replays, hold_equity
from rook_bench.sweeps.scores import By, Returns, best_of, by_of
from rook_bench.sweeps.settings import Asked, Settings
from rook_bench.sweeps.shelf import on_disk
from rook_bench.sweeps.work import Work, lasting
from rook_bench.workbench.compare import Comparison
from rook_bench.workbench.config import BenchConfig, settings_of
from rook_bench.workbench.evaluation import Evaluation
from rook_bench.workbench.folder import title_of
from rook_bench.workbench.running import Asked as AskedSource
from rook_bench.workbench.running import Tape, named, run_sources, tape_of
from rook_bench.workbench.tries import looks_of, put_on_record

if TYPE_CHECKING:
    from rook_bench.report.charts.canvas import Picture


class Sweep(Found):
    """What a sweep found (see `sweeps.found.Found`), with its pictures and its folder."""

    def plot(self, x: str | None = None, y: str | None = None, metric: str | None = None) -> Picture:
        """A heat map over two of the axes, all others as in the best point; a line over one.

        Args:
            x, y: paths of axes; the first two that vary by default.
            metric: a column of `table`; by default what the best was chosen by.

        Raises:
            UnknownName: for an axis or a column that there is not, with the near name.
        """
        from rook_bench.sweeps.pictures import surface_of

        return surface_of(self, x, y, metric)

    def save(self, folder: str | Path) -> Path:
        """Write points, best configuration, its run and the report into a folder of its own, whole.

        Returns:
            The report's path.

        Raises:
            InputError: where the folder holds files that rook-bench did not write.
        """
        from rook_bench.sweeps.saved import write_sweep

        folder = Path(folder)
        with whole_folder(folder) as aside:
            write_sweep(self, aside)
        return folder / "report.html"


def sweep(
    tape: Tape,
    source: AskedSource | Sequence[AskedSource],
    vary: Mapping[str, Any] | Iterable[str],
    config: BenchConfig | str | Path | None = None,
    *,
    split: str | None = None,
    by: str = "sharpe_ratio_excess",
    walk_forward: int | None = None,
    purged: tuple[int, int] | None = None,
    judge: bool = False,
    points: int | None = None,
    seed: int | None = None,
    fresh: bool = False,
    engine: Engine | None = None,
    trials: str | Path | None = None,
    prepared: str | Path | None = None,
) -> Sweep:
    """Replay decisions under many configurations; choose the best, and say what that is worth.

    A source is asked once, and its decisions are replayed under every point. Every point goes on record in the trial
    ledger before this returns. What is interrupted goes on where it stood when it is called again.

    Args:
        tape: the swaps, or a file or folder of them; of a prepared folder the splits are the tapes that it holds.
        source: a source or its reference; several are points of an axis `source`.
        vary: values by path: keys of a configuration ("frictions.gas.gwei"), parameters of the sizer
            ("risk.sizer.fraction") and of filters ("risk.confidence_threshold"), of the source ("source.lookback", for
            which it is asked anew), or `source` itself. Values are lists; ranges "FIRST:LAST:STEP"; "LOW:HIGH" to draw
            from. Or texts "PATH=VALUES", as on the command line.
        config: what holds where a point says nothing, or a file of it.
        split: the rows to sweep: "validation" (the default), "train", "test", "development" (all before test, the
            default where splits of its own are asked for), or "whole".
        by: what the best is chosen by: sharpe_ratio_excess, sharpe_ratio, excess_return, total_return, max_drawdown.
        walk_forward: choose and judge in so many folds, one after the other.
        purged: (N, k): choose on N - k of N groups and judge on k, over every choice of them.
        judge: replay the best on the test rows, which is one look at them.
        points: draw so many points with Optuna in place of a grid.
        seed: of sources that draw random numbers, and of the sampler; the configuration's by default.
        fresh: ask sources again, and compute pieces that are kept again.
        engine: where it is computed (see `rook_bench.engines`); a thread for each core by default.
        trials: folder of the trial ledger; the project's by default (see `core.project.trials_folder`).
        prepared: the folder that `prepare` wrote of this tape: splits are those that it holds.

    Raises:
        InputError, ConfigError, UnknownName: for a tape, a source, a path or values that can't be used.
    """
    axes, metric, base = axes_of(vary), by_of(by), settings_of(config, seed)
    sources = named([source] if isinstance(source, str) or not isinstance(source, Sequence) else source)
    axes = _with_sources(axes, sources)
    if not axes:
        raise ConfigError("nothing is varied", where="vary", hint="give paths and values (--vary PATH=A,B,C)")
    drawn = points_of(axes, points, metric, base.seed)
    settings = Settings(base, sources)
    for axis in axes:
        _try_values(settings, axis)
    forward = walk_forward is not None or purged is not None
    if isinstance(tape, str | Path) and has_split_tapes(Path(tape)):
        part = rows_of_folder(Path(tape), split, forward=forward, judge=judge)
    else:
        part = rows_of(tape_of(tape), split, prepared, forward=forward, judge=judge)
    _refuse_parts(part.frame, axes, base, metric, walk_forward, purged)
    work = Work(part.frame, settings, engine or Threads(), fresh)
    found, asked, measured = work.all(drawn, metric)
    called = work.names()
    names = [called[one.source] for one in asked]
    honest = work.honest(asked)
    usable = honest & lasting(measured)
    looks, tried = put_points_on_record(part.frame, work, asked, measured, trials)
    work.kept.forget()
    best = best_of(getattr(measured, metric), metric, usable)
    evaluation = None if best is None else _in_full(work, asked[best], measured, best, looks)
    returns = None if best is None else _returns(work, asked, measured)
    return Sweep(
        axes=tuple(axes),
        points=tuple(found),
        names=tuple(names),
        measured=measured,
        by=metric,
        part=part,
        best=best,
        best_config=None if best is None else asked[best].config,
        evaluation=evaluation,
        luck=None if best is None or returns is None else luck_of(returns, best, usable, metric, elsewhere=tried),
        walk_forward=_forward(work, asked, returns, walk_forward, metric, honest),
        purged=_purged(asked, returns, purged, metric, honest),
        judged=_judge(part, settings, asked[best], trials)
        if judge and best is not None and part.test is not None
        else None,
        honest=honest,
        lookahead=_lookaheads(work, asked, names),
        looks=looks,
        tape_check=work.tape_check,
        settings=base,
        engine=str(work.engine),
    )


def _with_sources(axes: list[Axis], sources: Sequence[Any]) -> list[Axis]:
    """The axes; several sources are one of their own, and one is the first of those that are varied."""
    given = tuple(name or source.reference for name, source in sources)
    own = next((axis for axis in axes if axis.path == "source"), None)
    if own is None:
        return axes if len(given) < 2 else [Axis("source", given), *axes]
    if len(given) > 1:
        raise ConfigError("sources are given beside it", where="vary source", hint="name all of them in one place")
    both = Axis("source", tuple(dict.fromkeys([*given, *own.values])))
    return [both if axis is own else axis for axis in axes]


def _refuse_parts(
    frame: SwapFrame,
    axes: Sequence[Axis],
    base: BenchConfig,
    by: By,
    folds: int | None,
    groups: tuple[int, int] | None,
) -> None:
    """Say before anything is computed that the tape can't be cut as it is asked for."""
    if folds is None and groups is None:
        return
    if any(axis.path.startswith("clock") for axis in axes):
        hint = "leave one of them out: parts of one tape are cut on one clock"
        raise ConfigError("the clock is varied, and the tape is to be cut in parts", where="vary clock", hint=hint)
    borders = Borders(frame, base.clock)
    if folds is not None:
        edges_of(max(len(borders.at) - 1, 0), base.clock, folds, by)
    if groups is not None:
        splits_of(max(len(borders.at) - 1, 0), base.clock.bucket_s, *groups, by)


def _lookaheads(work: Work, asked: Sequence[Asked], names: Sequence[str]) -> dict[str, Lookahead]:
    """What was found of each source, and of sizers and filters that somebody wrote where they see the future."""
    found = {name: work.answers[one.source][1] for name, one in zip(names, asked, strict=True)}
    for name, one in zip(names, asked, strict=True):
        check = work.lookahead_of(one)
        if check.status != work.answers[one.source][1].status:
            found[f"{name}, sized and filtered by {one.config.replay().risk.sizer}"] = check
    return found


def _try_values(settings: Settings, axis: Axis) -> None:
    """Say what is wrong with a value before anything is computed."""
    ends = () if axis.span is None else (axis.span.low, axis.span.high)
    whole = axis.span is not None and axis.span.whole
    for value in axis.values or tuple(int(end) if whole else end for end in ends):
        settings.try_value(axis.path, value)


def _in_full(work: Work, asked: Asked, measured: Measured, best: int, looks: dict[str, Any]) -> Evaluation:
    """The best point replayed as any run is: checked for look-ahead, sizing and filters too, and reconciled."""
    decided, _ = work.answers[asked.source]
    run = replay_decided(work.frame, decided, asked.config.replay(), tape_check=work.tape_check)
    evaluation = Evaluation.of(analyse(run, asked.config.clock), looks)
    for name in SHOWN:
        value = evaluation.estimates[name].value
        swept = float(getattr(measured, name)[best])
        if (np.nan if value is None else value) != swept and not (value is None and np.isnan(swept)):
            what = f"{name} is {value} when the best point is replayed by itself, and was {swept} in the sweep"
            raise InputError(what, where="sweep", hint="report this: two ways to the same number must agree")
    if run.lookahead.status == "leak":
        warn(f"the best point: LOOK-AHEAD, {run.lookahead.detail}; it can't get a verdict")
    return evaluation


def _returns(work: Work, asked: Sequence[Asked], measured: Measured) -> Returns | None:
    """Returns of all points side by side; None where their clocks differ, so that nothing is beside anything."""
    clocks = {one.config.clock.model_dump_json() for one in asked}
    if len(clocks) > 1:
        remark("points differ in their clock: what the best is worth after so many tries can't be told")
        return None
    borders, places = Borders(work.frame, asked[0].config.clock), dict[tuple[int, int], int]()
    hold: list[NDArray[np.float64]] = []
    opening: list[int] = []
    for one in asked:
        key = opening_balances(one.config.replay().on(work.frame.pool), work.frame)
        if key not in places:
            places[key] = len(hold)
            hold.append(borders.log_returns(hold_equity(work.frame, key)))
        opening.append(places[key])
    n = len(hold[0])
    table = on_disk(len(asked), n)
    for place, each in enumerate(measured.returns):
        table[place] = each
    return Returns(table, np.stack(hold), np.array(opening), asked[0].config.clock.periods_per_year)


def _forward(
    work: Work, asked: Sequence[Asked], returns: Returns | None, folds: int | None, by: By, honest: NDArray[np.bool_]
) -> WalkForward | None:
    if folds is None or returns is None:
        return None
    clock = asked[0].config.clock

    def judge(point: int, rows: NDArray[np.intp]) -> tuple[float | None, NDArray[np.float64]]:
        one = asked[point]
        frame, told = with_past(work.frame, rows), work.decisions[one.source]
        tape = told.tape.rows(slice(int(rows[0]), int(rows[-1]) + 1))
        job = Replays(frame, frame.data_hash, (Decisions(tape, tape.content_hash, told.spec, told.content),))
        got = job.open()([Asked(0, one.config)])
        opening = opening_balances(one.config.replay().on(frame.pool), frame)
        held = Borders(frame, clock).log_returns(hold_equity(frame, opening))
        value, gain = float(getattr(got, by)[0]), got.returns[0] - held
        # What lies before the first border and after the last counts too: it is where the first orders are paid for.
        gain = np.concatenate([[np.log1p(got.excess_return[0]) - gain.sum()], gain])
        return (value if np.isfinite(value) else None), gain

    return walk_forward(returns, Borders(work.frame, clock), folds, by, honest, judge)


def _purged(
    asked: Sequence[Asked],
    returns: Returns | None,
    how: tuple[int, int] | None,
    by: By,
    honest: NDArray[np.bool_],
) -> Purged | None:
    if how is None or returns is None:
        return None
    return purged(returns, asked[0].config.clock.bucket_s, *how, by, honest)


def _judge(part: Part, settings: Settings, asked: Asked, trials: str | Path | None) -> Comparison:
    """The best on rows that nothing was chosen by, beside holding and chance; on record as one look."""
    assert part.test is not None
    analyses: list[Analysis] = [
        *run_sources(part.test, [settings.sources[asked.source]], asked.config, benchmarks=True)
    ]
    looks = looks_of(put_on_record(analyses, "compare", trials, asked=1))
    return Comparison(tuple(Evaluation.of(one, looks) for one in analyses), title_of(analyses), looks)
