"""The look-ahead check: change the future, and see whether the past changes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields, replace
from functools import partial
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from rook_bench.core import mapped
from rook_bench.core.arrays import text_column
from rook_bench.core.decision_tape import DecisionTape, is_trade
from rook_bench.market.frame import SwapFrame
from rook_bench.sources.source import Source

CUTS = 8
"""Places at which the tape is cut; half of them right after a decision to trade."""

MANY_CUTS = 48
"""The same where a gate looks: five of six right after a decision to trade, larger ones more often."""

RARE = 0.1
"""Share of the trades, by size, whose leak the check's sentence speaks of."""

TELLING = 0.5
"""Share of the other futures that change a decision which leaks; about what they do to the sign of a move."""

MINIMUM_ROWS = 2

NEAR, FURTHER = 1 << 12, 8
"""Rows before a place that a source is shown at first, and how many times more where they are not enough."""

COMPARED = 1 << 10
"""Decisions before a place that are compared where not all of the past is shown, and other rows that come after it."""

WHOLE = 4
"""Of so many places one is asked about with all of the past, and all of its decisions are compared."""


@dataclass(frozen=True)
class Lookahead:
    """What the check found.

    Attributes:
        status: "clean"; "leak"; "declared" (the source says it knows the future); "unchecked"
            (recorded decisions, or those of a source that is gone, can't be asked for again).
        cuts: rows at which the tape was cut.
        leak_row: first row whose decision changed with its future, for a leak.
        detail: one sentence for a person.
    """

    status: Literal["clean", "leak", "declared", "unchecked"]
    cuts: tuple[int, ...]
    leak_row: int | None
    detail: str

    def to_json(self) -> dict[str, Any]:
        """The shape stored in run.json."""
        return asdict(self)


class Unanswered(Exception):
    """A source could not be asked again, or not so that its answer tells anything; the message says why."""


@dataclass(frozen=True)
class Reply:
    """What a source says when it is asked again.

    Attributes:
        tape: its decisions; None where only what it shows was asked for.
        prompts: what it shows a language model on each row; None of a source that shows nothing.
    """

    tape: DecisionTape | None
    prompts: Sequence[str] | None = None


Question = Callable[[], tuple[SwapFrame, int]]
"""Makes a tape and says how many of its rows are asked about, with all of it in view."""

Asker = Callable[[Iterable[Question]], Iterator[Reply]]
"""Asks questions and yields the replies in their order; may raise Unanswered."""


def in_process(again: Callable[[], Source], seed: int) -> Asker:
    """An asker in this process, of a source that is made anew each time: what lies elsewhere in memory is not."""

    def ask(questions: Iterable[Question]) -> Iterator[Reply]:
        for question in questions:
            (frame, rows), source = question(), again()
            yield Reply(source.ask(frame, seed, head=rows), source.prompts(frame, rows))

    return ask


def check_source(
    source: Source,
    frame: SwapFrame,
    tape: DecisionTape,
    ask: Asker | None = None,
    *,
    seed: int = 0,
    rng: np.random.Generator | None = None,
) -> Lookahead:
    """Ask the source again on tapes whose future is cut off or scrambled; compare byte by byte.

    Args:
        source: what made the decisions.
        frame, tape: the tape and the decisions made on all of it.
        ask: asks it where it has no memory. All of the tape is then asked again too, after the tapes that were
            cut: decisions that come from a file may be nobody's. Without it the source is built once more for the
            check, and first shown the shortest tape: what it takes from the first that it sees it takes from there.
        seed: the seed that decisions were made with.
        rng: of the places. By default they follow from the decisions, so that the same run is always
            checked alike; a gate draws them, so that nobody can know them. It tries many more.
    """
    ask_whole, places = ask is not None, MANY_CUTS if rng is not None else CUTS
    if source.unreachable:
        return Lookahead("declared", (), None, "the source declares that it knows the future: a bound, not a candidate")
    if source.recorded:
        what = "labels, which may know the future," if source.reads_labels else "recorded decisions"
        return Lookahead("unchecked", (), None, f"{what} can't be asked for again")
    if source.gone is not None:
        return Lookahead("unchecked", (), None, source.gone)
    rng = rng or np.random.default_rng(int(tape.content_hash[:16], 16))
    cuts, anywhere, after_trades = choose_cuts(tape, rng, places)
    prompts = source.prompts(frame, len(frame))
    # What is shown parts of the past remembers nothing that whatever is shown all of it could trip over.
    other, nearby = replace(source), replace(source)
    asked = ask or in_process(lambda: other, seed)
    asked_nearby = ask or in_process(lambda: nearby, seed)
    ways = _ways(cuts, source, rng, shortest_first=ask_whole)
    try:
        # Decisions that come out alike from the rows near a place need neither its future nor the rest of its past.
        # Those that don't may need more of the past: only with all of it do they tell of a leak.
        near, far = [way for way in ways if way.back], [way for way in ways if not way.back]
        while near:
            replies = asked_nearby([partial(way.tape, frame.bare) for way in near])
            differ = [way for way, reply in zip(near, replies, strict=True) if way.differs(tape, prompts, reply)]
            near = [way for way in map(_Way.further, differ) if way.back]
            far += [way for way in map(_Way.further, differ) if not way.back]
        far.sort(key=lambda way: way.cut if ask_whole else way.cut != cuts[0])
        for way, reply in zip(far, asked([partial(way.tape, frame.bare) for way in far]), strict=True):
            changed = way.differs(tape, prompts, reply)
            if changed is not None:
                what, changed_row = changed
                detail = f"with the future after row {way.cut} {way.name}, the {what} {changed_row + 1} changed"
                return Lookahead("leak", tuple(cuts), changed_row, detail)
        for reply in asked([lambda: (frame, len(frame))]) if ask_whole else ():
            row = None if reply.tape is None else first_difference(tape, reply.tape)
            if row is not None:
                detail = f"asked again on the same tape, the source decides otherwise at row {row + 1}"
                return Lookahead("leak", tuple(cuts), row, detail)
    except Unanswered as problem:
        return Lookahead("unchecked", tuple(cuts), None, str(problem))
    what = "decisions" if prompts is None else "prompts and decisions"
    # The number that was drawn and not that of different rows: judging again must give the same sentence.
    detail = f"{what} stayed the same with the future changed at {anywhere + after_trades} places"
    if after_trades >= MANY_CUTS // 2:
        found = 1 - (1 - RARE * TELLING) ** after_trades
        detail += f"; a leak in one trade of {1 / RARE:.0f} would be found some {found:.0%} of the time"
    return Lookahead("clean", tuple(cuts), None, detail)


@dataclass(frozen=True)
class _Way:
    """One other future of a place.

    Attributes:
        cut: the row after which the future is another one.
        name: "cut off" or "scrambled"; seed: of the order that it is put into.
        back: rows before the place that are shown; 0 shows all.
    """

    cut: int
    name: str
    seed: int
    back: int

    @property
    def first(self) -> int:
        """The first row that is shown."""
        return self.cut - self.back if self.back else 0

    def further(self) -> _Way:
        """The same with more of the past, at last with all of it."""
        return replace(self, back=_worth(self.cut, self.back * FURTHER))

    def tape(self, frame: SwapFrame) -> tuple[SwapFrame, int]:
        """What is shown, and how many of its rows lie before the place."""
        rng = np.random.default_rng(self.seed)
        past = self.cut - self.first
        if self.name == "cut off":
            return frame[self.first : self.cut], past
        if not self.back:
            return scramble_future(frame, self.cut, rng), past
        future = np.arange(self.cut, len(frame))
        drawn = rng.choice(future, size=min(COMPARED, len(future)), replace=False)
        places = np.arange(self.first, self.cut + len(drawn))
        return frame.take(np.concatenate([places[:past], drawn]), places=places), past

    def differs(self, tape: DecisionTape, prompts: Sequence[str] | None, reply: Reply) -> tuple[str, int] | None:
        """What came out otherwise before the place, and the first row of it; None where nothing did."""
        start = max(self.first, self.cut - COMPARED) if self.back else 0
        skipped = start - self.first
        if prompts is not None:
            row = _first_other(prompts, slice(start, self.cut), reply.prompts or [], skipped)
            if row is not None:
                return "prompt of row", start + row
        if reply.tape is None:
            return None
        past = self.cut - self.first
        mine, theirs = tape.rows(slice(start, self.cut)), reply.tape.rows(slice(skipped, past))
        row = first_difference(mine, theirs)
        if row is not None and prompts is not None:
            # What it was shown is the same: what it said may be rounded otherwise, asked about other rows at once.
            row = first_difference(mine, _alike(mine, theirs))
        return None if row is None else ("decision at row", start + row)


ROUNDED = 1e-6
"""How far a language model's confidence in one answer to one prompt may lie from another."""


def _alike(mine: DecisionTape, theirs: DecisionTape) -> DecisionTape:
    """Theirs, with the confidence and the words of mine where nothing differs but a rounded confidence."""
    if len(mine) != len(theirs):
        return theirs
    near = (mine.side == theirs.side) & (np.abs(mine.confidence - theirs.confidence) <= ROUNDED)
    words = [own if same else other for own, other, same in zip(mine.reason, theirs.reason, near, strict=True)]
    confidence = np.where(near, mine.confidence, theirs.confidence)
    return replace(theirs, confidence=confidence, reason=text_column(words))


def _ways(cuts: list[int], source: Source, rng: np.random.Generator, *, shortest_first: bool) -> list[_Way]:
    """The other futures of all places; about one place of four is asked about with all of its past."""
    order = sorted(cuts) if shortest_first else rng.permutation(cuts).tolist()
    # Who can put a scrambled future in order again sees nothing of one that is cut off.
    cut_off = set(rng.permutation(order)[: CUTS if source.installed else max(CUTS, len(order) // 2)].tolist())
    whole = {*rng.permutation(order)[: -(-len(order) // WHOLE)].tolist(), *cuts[:1]}
    # A scrambled future finds what a cut one finds, and more; cutting costs as much again.
    ways = [(cut, name) for cut in order for name in ("cut off", "scrambled") if name == "scrambled" or cut in cut_off]
    seeds = rng.integers(2**63, size=len(ways)).tolist()  # for questions may be made in any order
    return [
        _Way(cut, name, seed, 0 if cut in whole else _worth(cut, NEAR))
        for (cut, name), seed in zip(ways, seeds, strict=True)
    ]


def _worth(cut: int, back: int) -> int:
    """So many rows back, or all of them (0) where they are not many fewer."""
    return back if 2 * back <= cut else 0


SHUFFLED, STRETCH = 1 << 20, 1 << 16
"""Rows that are shuffled as one; where there are more of them, rows of each stretch."""


def scramble_future(frame: SwapFrame, cut: int, rng: np.random.Generator) -> SwapFrame:
    """The same tape with everything after row `cut` in another order (times stay in order).

    A long future is shuffled in stretches, and the stretches with each other: every row and every sum over rows that
    follow is another one as well, and what is read from disk lies together.
    """
    count = len(frame)
    rows = mapped.by_part(count, lambda part: np.arange(part.start, part.stop), np.intp)
    if count - cut <= SHUFFLED:
        rng.shuffle(rows[cut:])
        return frame.take(rows, places=slice(0, count))
    place, starts = cut, np.arange(cut, count, STRETCH)
    for start in rng.permutation(starts).tolist():
        stretch = np.arange(start, min(start + STRETCH, count))
        rng.shuffle(stretch)
        rows[place : place + len(stretch)] = stretch
        place += len(stretch)
    return frame.take(rows, places=slice(0, count))


def choose_cuts(tape: DecisionTape, rng: np.random.Generator, places: int = CUTS) -> tuple[list[int], int, int]:
    """Rows at which to cut the tape; and how many were drawn anywhere, and right after a decision to trade.

    Of many places more lie after trades, drawn by the trades' size: tiny ones are no decoys.
    """
    rows = len(tape)
    if rows <= MINIMUM_ROWS:
        return [], 0, 0
    few = places // 2 if places <= CUTS else places // 6
    anywhere = rng.integers(MINIMUM_ROWS, rows, size=few).tolist()
    wished = lambda part: is_trade(tape.side[part]) & (tape.size[part] > 0)  # noqa: E731
    trades = mapped.gathered(rows, lambda part: part.start + 1 + np.flatnonzero(wished(part)), np.intp)
    trades = trades[(trades >= MINIMUM_ROWS) & (trades < rows)]
    count = min(places - few, len(trades))
    weights = None
    if places > CUTS and len(trades):
        weights = tape.size[trades - 1] / tape.size[trades - 1].sum()
    after_trades = rng.choice(trades, size=count, replace=False, p=weights) if count else trades[:0]
    return sorted({int(cut) for cut in (*anywhere, *after_trades)}), few, count


def _first_other(before: Sequence[str], rows: slice, after: Sequence[str], skipped: int) -> int | None:
    """First of these rows whose text differs from that after so many skipped ones; where those end all are empty."""
    for part in mapped.parts(rows.stop - rows.start):
        old = list(before[rows.start + part.start : rows.start + part.stop])
        new = list(after[skipped + part.start : skipped + part.stop])
        for row, (mine, theirs) in enumerate(zip(old, [*new, *[""] * (len(old) - len(new))], strict=True)):
            if mine != theirs:
                return part.start + row
    return None


def first_difference(before: DecisionTape, after: DecisionTape) -> int | None:
    """The first row at which two decision tapes differ in any byte; None where they are the same."""
    both = min(len(before), len(after))
    found = [both] if len(before) != len(after) else []
    for name in (field.name for field in fields(DecisionTape) if field.name != "transcript"):
        mine, theirs = getattr(before, name), getattr(after, name)
        if mine is None and theirs is None:
            continue
        if mine is None or theirs is None or mine.dtype != theirs.dtype:
            return 0
        for rows in mapped.parts(min([both, *found])):
            changed = _bytes_of(mine[rows]) != _bytes_of(theirs[rows])
            changed = changed.any(axis=1) if changed.ndim > 1 else changed
            if changed.any():
                found.append(rows.start + int(np.argmax(changed)))
                break
    return min(found, default=None)


def _bytes_of(column: NDArray[Any]) -> NDArray[Any]:
    """What is compared of each row: text as it is, numbers by their bytes, of which NaN has some too."""
    if column.dtype == object:
        return column
    return np.ascontiguousarray(column).view(np.uint8).reshape(len(column), column.itemsize)
