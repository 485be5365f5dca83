"""What re-pricing a tape's own swaps says of it, in a few numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from rook_bench.core import mapped
from rook_bench.core.ranks import at_ranks
from rook_bench.market.frame import SwapFrame
from rook_bench.tapecheck.repricing import Repricing, contradiction, reprice

PERCENTS = (50, 90, 99, 100)
"""Percentiles of the error that are reported."""


@dataclass(frozen=True)
class Calibration:
    """How many of a tape's own swaps the pool maths reproduces from the state before each.

    Attributes:
        testable: swaps whose state before them is known; untestable: the others of those that follow
            a swap (they met or left a liquidity that the log does not explain).
        exact: testable swaps that came out equal in both amounts, price, liquidity and tick;
            exact_share: of the testable ones, None where there is none.
        kinds: exact swaps as exact input, exact output and stopped by a price limit.
        crossing: exact swaps that crossed initialised ticks.
        tick_map: "whole" (all initialised ticks are known on every row), "partial" (those opened
            inside the tape), "contradicted" (the log claims the whole life of the pool, but its
            mints and burns don't explain a recorded swap or its liquidity), or "none".
        contradicted_at: the first swap (from 1) of such a contradiction.
        misses: number of swaps by explanation (see `tapecheck.causes`).
        first_break: the first miss: swap (from 1), block and log_index (None where not recorded), reason.
        error_units, error_bps: size of the error of the output, at each of PERCENTS of the testable
            swaps, in units of the output token and in basis points of the recorded output.
    """

    testable: int
    untestable: int
    exact: int
    exact_share: float | None
    kinds: dict[str, int]
    crossing: int
    tick_map: str
    contradicted_at: int | None
    misses: dict[str, int]
    first_break: dict[str, Any] | None
    error_units: list[float]
    error_bps: list[float]


def calibrate(frame: SwapFrame) -> Calibration:
    """Price every swap of a tape again; ValueError where `why_not_repriced` gives a reason."""
    found = reprice(frame)
    rows, tested, came_out = len(frame), found.testable, found.exact
    testable, exact = int(tested.sum()), mapped.count(rows, lambda part: tested[part] & came_out[part])
    untestable = mapped.count(rows, lambda part: (found.kind[part] != 0) & ~tested[part])
    row = contradiction(frame)
    return Calibration(
        testable=testable,
        untestable=untestable,
        exact=exact,
        exact_share=exact / testable if testable else None,
        kinds=found.by_kind(),
        crossing=mapped.count(rows, lambda part: came_out[part] & (found.crossed[part] > 0)),
        tick_map=_tick_map(frame, row),
        contradicted_at=None if row is None else row + 1,
        misses=found.by_reason(),
        first_break=_first_break(frame, found),
        error_units=_percentiles(found.error_units, found.testable),
        error_bps=_percentiles(found.error_bps, found.testable),
    )


def sentence(check: Calibration) -> str:
    """ "This tape re-prices 99.98% of its own swaps exactly", with what that leaves out."""
    if check.exact_share is None:
        return (
            "None of this tape's own swaps can be priced again: the liquidity changed at each, "
            "and the log does not show why."
        )
    # 99.998% is not to be read as all of them.
    share = "100%" if check.exact == check.testable else f"{min(check.exact_share, 0.9999):.2%}"
    whose = "own" if check.untestable == 0 else "own testable"
    counts = f"{check.exact:,} of {check.testable:,}"
    text = f"This tape re-prices {share} of its {whose} swaps exactly, to the last unit ({counts})"
    if check.untestable:
        text += f"; at {check.untestable:,} more the liquidity changed, and the log does not show why"
    return text + "."


def describe(check: Calibration) -> list[tuple[str, str]]:
    """The calibration for a person: what each line is about, and what it says; "" goes on with the one above."""
    shown = [("reprice", sentence(check))]
    kinds = ", ".join(f"{count:,} {name}" for name, count in check.kinds.items() if count)
    if kinds:
        shown.append(("", f"{kinds}; {check.crossing:,} of them crossed ticks"))
    shown.append(("ticks", describe_map(check)))
    if check.first_break is not None:
        first = check.first_break
        place = ", ".join(f"{name.replace('_', ' ')} {first[name]}" for name in ("block", "log_index") if first[name])
        at = f"swap {first['swap']:,}" + (f" ({place})" if place else "")
        shown.append(("breaks", f"first at {at}: {first['reason']}"))
        shown.append(("misses", "; ".join(f"{count:,} {reason}" for reason, count in check.misses.items())))
        percents = "/".join(map(str, PERCENTS))
        units = " / ".join(f"{value:,.0f}" for value in check.error_units)
        bps = " / ".join(f"{value:.2g}" for value in check.error_bps)
        shown.append(("error", f"output off by {units} units, {bps} bps ({percents}% of testable swaps)"))
    return shown


def describe_map(check: Calibration) -> str:
    """What the tape knows of the pool's ticks, and what that means for fills."""
    return {
        "whole": "every initialised tick is known on every row: fills may cross them",
        "partial": "only those of positions opened inside the log are known: fills are exact inside their tick range",
        "contradicted": (
            f"mints and burns do not explain swap {check.contradicted_at}: "
            "fills are exact inside the tick range they start in"
        ),
        "none": "the log holds no mints and burns: fills are exact inside the tick range they start in",
    }[check.tick_map]


def _tick_map(frame: SwapFrame, unexplained: int | None) -> str:
    if frame.history is None:
        return "none"
    if not frame.history.complete:
        return "partial"
    return "whole" if unexplained is None else "contradicted"


def _first_break(frame: SwapFrame, found: Repricing) -> dict[str, Any] | None:
    if len(found.misses) == 0:
        return None
    row = int(found.misses[0])
    return {
        "swap": row + 1,
        "block": None if frame.block is None else int(frame.block[row]),
        "log_index": None if frame.log_index is None else int(frame.log_index[row]),
        "reason": found.reasons[row],
    }


def _percentiles(errors: np.ndarray, testable: np.ndarray) -> list[float]:
    of = lambda rows: np.abs(errors[rows][testable[rows] & np.isfinite(errors[rows])])  # noqa: E731
    finite = mapped.gathered(len(errors), of)
    if len(finite) == 0:
        return []
    return at_ranks(finite, [max(0, int(np.ceil(percent / 100 * len(finite))) - 1) for percent in PERCENTS])
