"""What pages say in a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd

from rook_bench.core.untrusted import word
from rook_bench.report.formatting import number
from rook_bench.viewer.columns import Columns

LONGEST = 160


def utc(seconds: float) -> str:
    """A time in UTC to the second."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC"


def moment(at: np.datetime64) -> str:
    """The same of a row."""
    return f"{pd.Timestamp(at):%Y-%m-%d %H:%M:%S} UTC"


def order_in_words(order: Mapping[str, Any], base: str, quote: str) -> str:
    """For example "SELL 0.1831 WETH, filled: +10.3 bps five minutes later"."""
    side, outcome = str(order["side"]), str(order["outcome"])
    amount = order.get("base")
    size = f" {number(amount, 4)} {base}" if amount else ""
    if outcome == "REJECTED":
        return f"{side}, not sent: refused by {word(str(order.get('rejected_by') or 'a limit'), LONGEST)}"
    said = f"{side}{size}, {outcome.lower().replace('_', ' ')}"
    later = order.get("markout_300s_bps")
    return said if later is None else f"{said}: {number(later, 1, signed=True)} bps five minutes later"


def moves_after(columns: Columns, row: int) -> list[tuple[str, float | None]]:
    """How far the price moved from a row on, in bps; None beyond the end of the tape."""
    found: list[tuple[str, float | None]] = []
    for name, seconds in (("1 min", 60), ("5 min", 300), ("30 min", 1800)):
        then = columns.at[row] + np.timedelta64(seconds, "s")
        place = int(np.searchsorted(columns.at, then, side="right")) - 1
        known = then <= columns.at[-1]
        found.append((name, float(1e4 * (columns.price[place] / columns.price[row] - 1.0)) if known else None))
    return found
