"""A sweep: one tape and its decisions under many configurations, on record, with the best one and what it is worth."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from rook_bench.core import ConfigError, InputError
from rook_bench.core.console import err, on_terminal, remark, warn
from rook_bench.core.files import whole_folder
from rook_bench.core.project import trials_folder
from rook_bench.core.reference import short_name
from rook_bench.dataset.split_tapes import with_past
from rook_bench.engines import Engine, Threads
from rook_bench.market.frame import SwapFrame
from rook_bench.market.row_sketch import RowSketch
from rook_bench.metrics import Analysis, analyse
from rook_bench.metrics.clock import Borders
from rook_bench.replay.cautions import cautions
from rook_bench.replay.engine import opening_balances, replay_decided
from rook_bench.sources import Decided
from rook_bench.sources.lookahead import Lookahead
from rook_bench.sweeps.asks import Asks
from rook_bench.sweeps.axes import Axis, axes_of
from rook_bench.sweeps.forward import Purged, WalkForward, purged, walk_forward
from rook_bench.sweeps.found import SHOWN, Found
from rook_bench.sweeps.kept import Kept, piece_key
from rook_bench.sweeps.luck import luck_of
from rook_bench.sweeps.part import Part, rows_of
from rook_bench.sweeps.points import Points, Values, points_of
from rook_bench.sweeps.replays import GONE, Decisions, Measured, Replays, hold_equity
from rook_bench.sweeps.scores import By, Returns, best_of, by_of
from rook_bench.sweeps.settings import Asked, Settings
from rook_bench.tapecheck.check import check_tape
from rook_bench.trials import TrialLedger
from rook_bench.trials.trial import Trial, pool_of, span_of
from rook_bench.workbench.compare import Comparison
from rook_bench.workbench.config import BenchConfig, settings_of
from rook_bench.workbench.evaluation import Evaluation
from rook_bench.workbench.folder import title_of
from rook_bench.workbench.running import Asked as AskedSource
from rook_bench.workbench.running import Tape, named, run_sources, tape_of, told_apart
from rook_bench.workbench.tries import looks_of, put_on_record

if TYPE_CHECKING:
    from rook_bench.report.charts.canvas import Picture

LARGEST_PIECE, SMALLEST_PIECE = 64, 8
"""Points in one piece of work: about half a second of it, and enough pieces for several workers."""


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
        tape: the swaps, or a file or folder of them.
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
    part = rows_of(tape_of(tape), split, prepared, forward=walk_forward is not None or purged is not None, judge=judge)
    work = _Work(part.frame, settings, engine or Threads(), fresh)
    found, asked, measured = work.all(drawn, metric)
    names = [work.name_of(one.source) for one in asked]
    usable = work.usable(asked, measured)
    looks = _record(part.frame, work, asked, measured, trials)
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
        luck=None if best is None or returns is None else luck_of(returns, best, usable),
        walk_forward=_forward(work, asked, returns, walk_forward, metric, usable),
        purged=_purged(asked, returns, purged, metric, usable),
        judged=_judge(part, settings, asked[best], trials)
        if judge and best is not None and part.test is not None
        else None,
        lookahead={work.name_of(place): check for place, (_, check) in enumerate(work.answers)},
        looks=looks,
        tape_check=work.tape_check,
        settings=base,
        engine=str(work.engine),
    )


def _with_sources(axes: list[Axis], sources: Sequence[Any]) -> list[Axis]:
    """The axes, the first of which is the source where several are asked."""
    if len(sources) < 2:
        return axes
    if any(axis.path == "source" for axis in axes):
        raise ConfigError("sources are given beside it", where="vary source", hint="name all of them in one place")
    return [Axis("source", tuple(name or source.reference for name, source in sources)), *axes]


def _try_values(settings: Settings, axis: Axis) -> None:
    """Say what is wrong with a value before anything is computed."""
    ends = () if axis.span is None else (axis.span.low, axis.span.high)
    whole = axis.span is not None and axis.span.whole
    for value in axis.values or tuple(int(end) if whole else end for end in ends):
        settings.try_value(axis.path, value)


class _Work:
    """Asks sources, and replays points on an engine."""

    def __init__(self, frame: SwapFrame, settings: Settings, engine: Engine, fresh: bool) -> None:
        self.frame, self.settings, self.engine, self.fresh = frame, settings, engine, fresh
        self.answers: list[tuple[Decided, Lookahead]] = []
        self.decisions: list[Decisions] = []
        self.kept = Kept()
        for line in cautions(frame, settings.base.replay()):
            remark(line)
        self.tape_check = check_tape(frame)

    def all(self, drawn: Points, by: By) -> tuple[list[Values], list[Asked], Measured]:
        """Every point with what it asks for and what it gave."""
        found: list[Values] = []
        asked: list[Asked] = []
        pieces: list[Measured] = []
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=err, transient=True, disable=not on_terminal()) as bar:
            task = bar.add_task("replaying points", total=drawn.total)
            for batch in drawn.batches():
                wanted = [self.settings.of(point) for point in batch]
                self._ask()
                part = self._replay(wanted, lambda count: bar.advance(task, count))
                drawn.tell(getattr(part, by).tolist())
                found += batch
                asked += wanted
                pieces.append(part)
        self.kept.forget()
        return found, asked, _joined(pieces)

    def _ask(self) -> None:
        """Ask the sources that were not asked yet."""
        new = [source for _, source in self.settings.sources[len(self.answers) :]]
        if not new:
            return
        job = Asks(self.frame, self.settings.base.seed, self.fresh, progress=on_terminal())
        # A source uses the cores itself, one after the other; what is only in memory can't go elsewhere.
        here = isinstance(self.engine, Threads) or len(new) == 1 or any(one.choice.plugin.in_memory for one in new)
        answers: dict[int, tuple[Decided, Lookahead]] = dict((Threads(1) if here else self.engine).results(job, new))
        for place in range(len(new)):
            decided, lookahead = answers[place]
            if lookahead.status == "leak":
                warn(f"{decided.source.reference}: LOOK-AHEAD, {lookahead.detail}; none of its points can be the best")
            self.answers.append((decided, lookahead))
            source = decided.source
            self.decisions.append(Decisions(decided.tape, decided.tape.content_hash, source.spec, source.content))

    def _replay(self, asked: Sequence[Asked], advance: Any) -> Measured:
        """Replay points in pieces; those that are kept from an interrupted sweep are read."""
        # What follows each other shares what was prepared for it: decisions, landing rows, sizing.
        order = sorted(range(len(asked)), key=lambda place: _ground(asked[place]))
        size = min(LARGEST_PIECE, max(SMALLEST_PIECE, -(-len(asked) // LARGEST_PIECE)))
        places = [order[start : start + size] for start in range(0, len(order), size)]
        pieces = [[asked[place] for place in piece] for piece in places]
        keys = [piece_key(self.frame.data_hash, self.decisions, piece) for piece in pieces]
        done: dict[int, Measured] = {}
        for number, key in enumerate(keys):
            kept = None if self.fresh else self.kept.read(key)
            if kept is not None:
                done[number] = kept
                advance(len(pieces[number]))
        if done:
            remark(f"{sum(len(pieces[number]) for number in done):,} points kept from an interrupted sweep")
        left = [number for number in range(len(pieces)) if number not in done]
        job = Replays(self.frame, self.frame.data_hash, tuple(self.decisions))
        for place, result in self.engine.results(job, [pieces[number] for number in left]):
            number = left[place]
            self.kept.write(keys[number], result)
            done[number] = result
            advance(len(pieces[number]))
        whole = _joined([done[number] for number in range(len(pieces))])
        back = np.argsort([place for piece in places for place in piece])
        return _taken(whole, back)

    def name_of(self, source: int) -> str:
        """What a source is called in tables."""
        name, one = told_apart(self.settings.sources)[source]
        return name or short_name(one.reference)

    def usable(self, asked: Sequence[Asked], measured: Measured) -> NDArray[np.bool_]:
        """Points that may be the best: those whose source can't see the future, and whose equity is never gone."""
        honest = [check.status in ("clean", "unchecked") for _, check in self.answers]
        finite = [len(each) > 0 and bool(np.isfinite(each).all()) for each in measured.returns]
        return np.array([honest[one.source] for one in asked]) & np.array(finite)


def _ground(asked: Asked) -> tuple[Any, ...]:
    frictions = asked.config.frictions
    return asked.source, str(frictions.latency), frictions.ordering, asked.config.risk.model_dump_json()


def _joined(pieces: Sequence[Measured]) -> Measured:
    """Pieces one after the other."""
    columns: dict[str, Any] = {}
    for one in fields(Measured):
        parts = [getattr(piece, one.name) for piece in pieces]
        columns[one.name] = (
            [each for part in parts for each in part] if one.name == "returns" else np.concatenate(parts)
        )
    return Measured(**columns)


def _taken(measured: Measured, places: NDArray[np.intp]) -> Measured:
    """Points in another order."""
    columns: dict[str, Any] = {}
    for one in fields(Measured):
        values = getattr(measured, one.name)
        columns[one.name] = [values[place] for place in places] if one.name == "returns" else values[places]
    return Measured(**columns)


def _record(
    frame: SwapFrame, work: _Work, asked: Sequence[Asked], measured: Measured, trials: str | Path | None
) -> dict[str, Any]:
    """Put every point on record, and say what the ledger then knows of these rows."""
    ledger = TrialLedger(Path(trials) if trials else trials_folder())
    new = not ledger.chain.path.exists()
    first, last = span_of(frame)
    found = []
    for place, one in enumerate(asked):
        decided, lookahead = work.answers[one.source]
        returns = measured.returns[place]
        because = None if len(returns) and np.isfinite(returns).all() else GONE
        if not len(returns):
            because = f"the tape is shorter than two borders of {one.config.clock.label}"
        # Holding has nothing to tune, and what says that it knows the future is a bound, where that is true.
        yardstick = decided.source.installed and (
            decided.source.choice.plugin.name == "hold" or lookahead.status == "declared"
        )
        found.append(
            Trial(
                kind="sweep",
                role="benchmark" if yardstick else "candidate",
                source=decided.source.reference,
                source_hash=decided.source.content,
                run_hash=str(measured.run_hash[place]),
                decisions_hash=work.decisions[one.source].content_hash,
                config_hash=str(measured.config_hash[place]),
                data_hash=frame.data_hash,
                pool=pool_of(frame),
                first_at=first,
                last_at=last,
                bucket_s=one.config.clock.bucket_s,
                n=len(returns),
                returns=None,
                returns_undefined_because=because,
                lookahead=lookahead.status,
            )
        )
    count = ledger.record_points(found, measured.returns, RowSketch.of(frame))
    looks = ledger.looks(frame)
    marks = " (new)" if new else ""
    remark(
        f"trial ledger: {ledger.folder}{marks}; {count:,} points are on record, "
        f"and these rows were looked at {looks.count:,} times"
    )
    return {
        "count": looks.count,
        "candidates": looks.candidates,
        "first_at": looks.first_at or "",
        "last_at": looks.last_at or "",
    }


def _in_full(work: _Work, asked: Asked, measured: Measured, best: int, looks: dict[str, Any]) -> Evaluation:
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


def _returns(work: _Work, asked: Sequence[Asked], measured: Measured) -> Returns | None:
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
    # On disk: a hundred thousand points of a year are more than memory holds. The file has no name, and ends with us.
    with tempfile.TemporaryFile(prefix="rook-bench-") as file:
        net = np.memmap(file, dtype=np.float64, mode="w+", shape=(len(asked), max(n, 1)))
    for place, each in enumerate(measured.returns):
        net[place, :n] = each
    table: NDArray[np.float64] = net[:, :n]
    return Returns(table, np.stack(hold), np.array(opening), asked[0].config.clock.periods_per_year)


def _forward(
    work: _Work, asked: Sequence[Asked], returns: Returns | None, folds: int | None, by: By, usable: NDArray[np.bool_]
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
        value = float(getattr(got, by)[0])
        return (value if np.isfinite(value) else None), got.returns[0] - held

    return walk_forward(returns, Borders(work.frame, clock), folds, by, usable, judge)


def _purged(
    asked: Sequence[Asked],
    returns: Returns | None,
    how: tuple[int, int] | None,
    by: By,
    usable: NDArray[np.bool_],
) -> Purged | None:
    if how is None or returns is None:
        return None
    return purged(returns, asked[0].config.clock.bucket_s, *how, by, usable)


def _judge(part: Part, settings: Settings, asked: Asked, trials: str | Path | None) -> Comparison:
    """The best on rows that nothing was chosen by, beside holding and chance; on record as one look."""
    assert part.test is not None
    analyses: list[Analysis] = [
        *run_sources(part.test, [settings.sources[asked.source]], asked.config, benchmarks=True)
    ]
    looks = looks_of(put_on_record(analyses, "compare", trials, asked=1))
    return Comparison(tuple(Evaluation.of(one, looks) for one in analyses), title_of(analyses), looks)
