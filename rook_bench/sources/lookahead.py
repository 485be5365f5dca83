"""The look-ahead check: change the future, and see whether the past changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from rook_bench.core import Side
from rook_bench.core.decision_tape import DecisionTape
from rook_bench.market.features import compute_conditions, compute_features
from rook_bench.market.frame import SwapFrame
from rook_bench.sources.decide import Source

CUTS = 8
"""Places at which the tape is cut; half of them right after a decision to trade."""

MANY_CUTS = 48
"""The same where a gate looks: five of six right after a decision to trade, larger ones more often."""

RARE = 0.1
"""Share of the trades, by size, whose leak the check's sentence speaks of."""

TELLING = 0.5
"""Share of the other futures that change a decision which leaks; about what they do to the sign of a move."""

MINIMUM_ROWS = 2


@dataclass(frozen=True)
class Lookahead:
    """What the check found.

    Attributes:
        status: "clean"; "leak"; "declared" (the source says it knows the future); "unchecked"
            (recorded decisions, which can't be asked for again).
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


def check_source(
    source: Source,
    frame: SwapFrame,
    tape: DecisionTape,
    *,
    seed: int = 0,
    again: Callable[[], Source] | None = None,
    rng: np.random.Generator | None = None,
) -> Lookahead:
    """Ask the source again on tapes whose future is cut off or scrambled; compare byte by byte.

    Args:
        source: what made the decisions.
        frame, tape: the tape and the decisions made on all of it.
        seed: the seed they were made with.
        again: makes the source anew for every time it is asked, so that nothing it remembers helps it.
            With it, all of the tape is asked again too, after the tapes that were cut: decisions that
            come from a file may be nobody's.
        rng: of the places. By default they follow from the decisions, so that the same run is always
            checked alike; a gate draws them, so that nobody can know them. It tries many more.
    """
    ask_whole, places, anew = again is not None, MANY_CUTS if rng is not None else CUTS, again or (lambda: source)
    if source.unreachable:
        return Lookahead("declared", (), None, "the source declares that it knows the future: a bound, not a candidate")
    if source.recorded:
        return Lookahead("unchecked", (), None, "recorded decisions can't be asked for again")
    rng = rng or np.random.default_rng(int(tape.content_hash[:16], 16))
    cuts, anywhere, after_trades = choose_cuts(tape, rng, places)
    prompts = source.prompts(frame, len(frame))
    for number, cut in enumerate(rng.permutation(cuts).tolist()):
        # A scrambled future finds what a cut one finds, and more; cutting costs as much again.
        ways = {"scrambled": scramble_future(frame, cut, rng)}
        if number < CUTS:
            ways = {"cut off": frame[:cut]} | ways
        for name, changed in ways.items():
            if prompts is not None:
                row = _first_other(prompts[:cut], anew().prompts(changed, cut) or [])
                if row is not None:
                    detail = f"with the future after row {cut} {name}, the prompt of row {row + 1} changed"
                    return Lookahead("leak", tuple(cuts), row, detail)
            row = _first_difference(tape.head(cut), anew().ask(changed, seed, head=cut))
            if row is not None:
                detail = f"with the future after row {cut} {name}, the decision at row {row + 1} changed"
                return Lookahead("leak", tuple(cuts), row, detail)
    if ask_whole:
        row = _first_difference(tape, anew().ask(frame, seed))
        if row is not None:
            detail = f"asked again on the same tape, the source decides otherwise at row {row + 1}"
            return Lookahead("leak", tuple(cuts), row, detail)
    what = "decisions" if prompts is None else "prompts and decisions"
    # The number that was drawn and not that of different rows: judging again must give the same sentence.
    detail = f"{what} stayed the same with the future changed at {anywhere + after_trades} places"
    if after_trades >= MANY_CUTS // 2:
        found = 1 - (1 - RARE * TELLING) ** after_trades
        detail += f"; a leak in one trade of {1 / RARE:.0f} would be found some {found:.0%} of the time"
    return Lookahead("clean", tuple(cuts), None, detail)


def check_features(
    frame: SwapFrame,
    compute: Callable[[SwapFrame], pd.DataFrame] = lambda frame: pd.concat(
        [compute_features(frame), compute_conditions(frame)], axis=1
    ),
    *,
    cuts: int = CUTS,
) -> dict[str, int]:
    """Columns of `compute` whose past changes with the future, with the first such row; empty when clean."""
    rng = np.random.default_rng(0)
    whole = compute(frame)
    leaks: dict[str, int] = {}
    for cut in sorted({int(cut) for cut in rng.integers(MINIMUM_ROWS, len(frame), size=cuts)}):
        for changed in (frame[:cut], scramble_future(frame, cut, rng)):
            again = compute(changed)
            for name in whole.columns:
                before, after = whole[name].to_numpy()[:cut], again[name].to_numpy()[:cut]
                if before.tobytes() != after.tobytes():
                    row = int(np.argmax(~((before == after) | (pd.isna(before) & pd.isna(after)))))
                    leaks[name] = min(row, leaks.get(name, row))
    return leaks


def scramble_future(frame: SwapFrame, cut: int, rng: np.random.Generator) -> SwapFrame:
    """The same tape with everything after row `cut` in another order (times stay in order)."""
    rows = np.concatenate([np.arange(cut), cut + rng.permutation(len(frame) - cut)])
    return frame.take(rows, keep_position=True)


def choose_cuts(tape: DecisionTape, rng: np.random.Generator, places: int = CUTS) -> tuple[list[int], int, int]:
    """Rows at which to cut the tape; and how many were drawn anywhere, and right after a decision to trade.

    Of many places more lie after trades, drawn by the trades' size: tiny ones are no decoys.
    """
    rows = len(tape)
    if rows <= MINIMUM_ROWS:
        return [], 0, 0
    few = places // 2 if places <= CUTS else places // 6
    anywhere = rng.integers(MINIMUM_ROWS, rows, size=few).tolist()
    trades = np.flatnonzero(np.isin(tape.side, (Side.BUY, Side.SELL)) & (tape.size > 0)) + 1
    trades = trades[(trades >= MINIMUM_ROWS) & (trades < rows)]
    count = min(places - few, len(trades))
    weights = None
    if places > CUTS and len(trades):
        weights = tape.size[trades - 1] / tape.size[trades - 1].sum()
    after_trades = rng.choice(trades, size=count, replace=False, p=weights) if count else trades[:0]
    return sorted({int(cut) for cut in (*anywhere, *after_trades)}), few, count


def _first_other(before: list[str], after: list[str]) -> int | None:
    """First row whose texts differ; a list that is too short differs where it ends."""
    if len(after) < len(before):
        after = [*after, *[""] * (len(before) - len(after))]
    return next((row for row, (old, new) in enumerate(zip(before, after, strict=False)) if old != new), None)


def _first_difference(before: DecisionTape, after: DecisionTape) -> int | None:
    if before.to_bytes() == after.to_bytes():
        return None
    low, high = 0, len(before)
    while high - low > 1:  # the first row whose prefix differs
        middle = (low + high) // 2
        if before.head(middle).to_bytes() == after.head(middle).to_bytes():
            low = middle
        else:
            high = middle
    return low
