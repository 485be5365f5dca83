"""What a cell of the page's tables shows, whichever table it stands in."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from rook_bench.core import Estimate
from rook_bench.report.formatting import quantity


@dataclass(frozen=True)
class Cell:
    """One cell.

    Attributes:
        text: the value, or "undefined"; never blank, and never 0 for want of a number.
        small: lines under it, in small type: its interval, its n, its share.
        why: why it is undefined, "" where it is not.
        note: number of the footnote that says why, if the table has footnotes.
        below: a second value under the first, in bold (the net one under the gross one).
    """

    text: str
    small: tuple[str, ...] = ()
    why: str = ""
    note: int | None = None
    below: str = ""


def cell(estimate: Estimate, quote: str = "", *, signed: bool = True) -> Cell:
    """An estimate's value, with its interval and n under it, or why it is undefined."""
    bounds = interval_text(estimate, quote, signed=signed) or "no interval"
    n = count_text(estimate)
    return _cell(estimate, quote, n if estimate.undefined_because else f"{bounds}; {n}", signed=signed)


def plain(estimate: Estimate, *, signed: bool = True) -> Cell:
    """A cell of a replay: exact given its assumptions, so without an interval."""
    return _cell(estimate, "", count_text(estimate), signed=signed)


def bare(estimate: Estimate) -> Cell:
    """The value alone, or why it is undefined."""
    return _cell(estimate, "", "", signed=True)


def _cell(estimate: Estimate, quote: str, small: str, *, signed: bool) -> Cell:
    text = estimate_text(estimate, quote, signed=signed)
    return Cell(text, (small,) if small else (), estimate.undefined_because or "")


def as_return(logs: Estimate) -> Estimate:
    """A sum of log returns as the return that it amounts to: a loss never exceeds the whole."""
    value, low, high = (None if each is None else math.expm1(each) for each in (logs.value, logs.low, logs.high))
    return replace(logs, value=value, low=low, high=high)


def count_text(estimate: Estimate) -> str:
    """ "n = 1,234"."""
    return f"n = {estimate.n:,}"


def estimate_text(estimate: Estimate, quote: str = "", *, signed: bool = False) -> str:
    """The value in its unit, or the word "undefined"; `quote` is the symbol of the quote token."""
    if estimate.value is None:
        return "undefined"
    return quantity(estimate.value, estimate.unit, quote, signed=signed)


def interval_text(estimate: Estimate, quote: str = "", *, signed: bool = False) -> str:
    """ "low to high" where an interval was computed."""
    if estimate.low is None or estimate.high is None:
        return ""
    low, high = (quantity(bound, estimate.unit, quote, signed=signed) for bound in (estimate.low, estimate.high))
    return f"{low} to {high}"
