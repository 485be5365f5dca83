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


def check_source(source: Source, frame: SwapFrame, tape: DecisionTape, *, seed: int = 0) -> Lookahead:
    """Ask the source again on tapes whose future is cut off or scrambled; compare byte by byte.

    Args:
        source: what made the decisions.
        frame, tape: the tape and the decisions made on all of it.
        seed: the seed they were made with.
    """
    if source.unreachable:
        return Lookahead("declared", (), None, "the source declares that it knows the future: a bound, not a candidate")
    if source.recorded:
        return Lookahead("unchecked", (), None, "recorded decisions can't be asked for again")
    # The cuts depend on the decisions alone, so that the same run is always checked alike.
    rng = np.random.default_rng(int(tape.content_hash[:16], 16))
    cuts = choose_cuts(tape, rng)
    prompts = source.prompts(frame, len(frame))
    for cut in cuts:
        for name, changed in (("cut off", frame[:cut]), ("scrambled", scramble_future(frame, cut, rng))):
            if prompts is not None:
                row = _first_other(prompts[:cut], source.prompts(changed, cut) or [])
                if row is not None:
                    detail = f"with the future after row {cut} {name}, the prompt of row {row + 1} changed"
                    return Lookahead("leak", tuple(cuts), row, detail)
            again = source.ask(changed, seed, head=cut)
            row = _first_difference(tape.head(cut), again)
            if row is not None:
                detail = f"with the future after row {cut} {name}, the decision at row {row + 1} changed"
                return Lookahead("leak", tuple(cuts), row, detail)
    what = "decisions" if prompts is None else "prompts and decisions"
    return Lookahead(
        "clean", tuple(cuts), None, f"{what} stayed the same with the future changed at {len(cuts)} places"
    )


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


def choose_cuts(tape: DecisionTape, rng: np.random.Generator) -> list[int]:
    """Rows at which to cut the tape: some anywhere, some right after a decision to trade."""
    rows = len(tape)
    if rows <= MINIMUM_ROWS:
        return []
    anywhere = rng.integers(MINIMUM_ROWS, rows, size=CUTS // 2)
    trades = np.flatnonzero(np.isin(tape.side, (Side.BUY, Side.SELL))) + 1
    trades = trades[(trades >= MINIMUM_ROWS) & (trades < rows)]
    after_trades = rng.choice(trades, size=min(CUTS // 2, len(trades)), replace=False)
    return sorted({int(cut) for cut in (*anywhere, *after_trades)})


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
