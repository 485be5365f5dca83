"""Sources that are asked and points that are replayed, wherever an engine does it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from rook_bench.core.console import err, on_terminal, remark, warn
from rook_bench.core.hashing import PACKAGE
from rook_bench.core.reference import short_name
from rook_bench.engines import Engine, Threads
from rook_bench.market.frame import SwapFrame
from rook_bench.market.view import MarketView
from rook_bench.plugins import risk_filter, sizer
from rook_bench.replay.causality import risk_lookahead
from rook_bench.replay.cautions import cautions
from rook_bench.replay.config import check_pair
from rook_bench.replay.market_rows import gas_prices, native_prices
from rook_bench.replay.numeraire import numeraire_rate
from rook_bench.risk import apply_risk
from rook_bench.sources import Decided
from rook_bench.sources.lookahead import Lookahead
from rook_bench.sweeps.asks import Asks
from rook_bench.sweeps.kept import Kept, piece_key
from rook_bench.sweeps.points import Points, Values
from rook_bench.sweeps.replays import Decisions, Measured, Replays
from rook_bench.sweeps.scores import By
from rook_bench.sweeps.settings import Asked, Settings
from rook_bench.sweeps.shelf import Shelf
from rook_bench.tapecheck.check import check_tape
from rook_bench.workbench.running import told_apart

LARGEST_PIECE, SMALLEST_PIECE = 64, 8
"""Points in one piece of work: about half a second of it, and enough pieces for several workers."""


class Work:
    """Asks sources, and replays points on an engine."""

    def __init__(self, frame: SwapFrame, settings: Settings, engine: Engine, fresh: bool) -> None:
        self.frame, self.settings, self.engine, self.fresh = frame, settings, engine, fresh
        self.answers: list[tuple[Decided, Lookahead]] = []
        self.decisions: list[Decisions] = []
        self.kept, self.shelf = Kept(), Shelf()
        for line in cautions(frame, settings.base.replay()):
            remark(line)
        self.tape_check = check_tape(frame)
        self._sound: set[str] = set()
        self._risks: dict[tuple[int, str], Lookahead] = {}

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
                for one in wanted:
                    self._refuse_unreplayable(one)
                drawn.refuse_twins(batch, [_identity(one) for one in wanted])
                self._ask()
                part = self._replay(wanted, lambda count: bar.advance(task, count))
                drawn.tell(getattr(part, by).tolist())
                found += batch
                asked += wanted
                pieces.append(part)
        return found, asked, _joined(pieces)

    def _refuse_unreplayable(self, asked: Asked) -> None:
        """What `replay` refuses is refused here: another pair, a numeraire or a coin that nothing prices."""
        config = asked.config.replay().on(self.frame.pool)
        gas = config.frictions.gas
        key = repr((config.pair, config.numeraire, config.frictions.chain, gas.native_price, gas.flat_quote, gas.gwei))
        if key not in self._sound:
            check_pair(config.pair, self.frame.pool)
            numeraire_rate(self.frame, config.numeraire)
            native_prices(self.frame, config.frictions)
            gas_prices(self.frame, config.frictions)
            self._sound.add(key)

    def _ask(self) -> None:
        """Ask the sources that were not asked yet."""
        known = len(self.answers)
        new = [(one, seed) for (_, one), seed in zip(self.settings.sources, self.settings.seeds, strict=True)][known:]
        if not new:
            return
        job = Asks(self.frame, self.fresh, progress=on_terminal())
        # A source uses the cores itself, one after the other; what is only in memory can't go elsewhere.
        here = isinstance(self.engine, Threads) or len(new) == 1 or any(one.choice.plugin.in_memory for one, _ in new)
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
                done[number] = self.shelf.laid_out(kept)
                advance(len(pieces[number]))
        if done:
            remark(f"{sum(len(pieces[number]) for number in done):,} points kept from an interrupted sweep")
        left = [number for number in range(len(pieces)) if number not in done]
        job = Replays(self.frame, self.frame.data_hash, tuple(self.decisions))
        for place, result in self.engine.results(job, [pieces[number] for number in left]):
            number = left[place]
            self.kept.write(keys[number], result)
            done[number] = self.shelf.laid_out(result)
            advance(len(pieces[number]))
        whole = _joined([done[number] for number in range(len(pieces))])
        back = np.argsort([place for piece in places for place in piece])
        return _taken(whole, back)

    def names(self) -> list[str]:
        """What the sources are called in tables."""
        return [name or short_name(one.reference) for name, one in told_apart(self.settings.sources)]

    def lookahead_of(self, asked: Asked) -> Lookahead:
        """What is known of a point's source, and of the sizer and the filters that somebody wrote."""
        risk, lookahead = asked.config.replay().risk, self.answers[asked.source][1]
        key = asked.source, risk.model_dump_json()
        if key not in self._risks:
            chosen = [sizer.choose(risk.sizer), *(risk_filter.choose(reference) for reference in risk.filters)]
            if not all(choice.plugin.file.is_relative_to(PACKAGE) for choice in chosen):
                tape = self.answers[asked.source][0].tape
                permitted = apply_risk(risk, MarketView.whole(self.frame), tape)
                found = risk_lookahead(self.frame, tape, risk, permitted, lookahead)
                if found.status == "leak" != lookahead.status:
                    names = ", ".join(choice.reference for choice in chosen)
                    warn(f"{names}: LOOK-AHEAD, {found.detail}; none of its points can be the best")
                lookahead = found
            self._risks[key] = lookahead
        return self._risks[key]

    def honest(self, asked: Sequence[Asked]) -> NDArray[np.bool_]:
        """Points of which nothing was seen to look at the future, or says that it does."""
        return np.array([self.lookahead_of(one).status in ("clean", "unchecked") for one in asked])


def lasting(measured: Measured) -> NDArray[np.bool_]:
    """Points whose equity is never gone, so that every return has its logarithm."""
    return np.array([len(each) > 0 and bool(np.isfinite(each).all()) for each in measured.returns])


def _identity(asked: Asked) -> str:
    """What two points must not share: source, seed and configuration."""
    return f"{asked.source}|{asked.config.model_dump_json()}"


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
