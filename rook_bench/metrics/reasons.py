"""What a run's orders came to by the reason that was given for them."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from rook_bench.replay import Run
from rook_bench.replay.evidence import evidence

_NUMBER = re.compile(r"[-+\N{MINUS SIGN}]?\d[\d.,]*(?:e[-+]?\d+)?%?")

SUMS = ("orders", "fills", "value", "shortfall", "pnl", "marked", "markout")


def kind_of(reason: str) -> str:
    """The reason without its numbers, which differ from row to row: "flat: 3.1 bps" is "flat: # bps"."""
    return _NUMBER.sub("#", reason).strip() or "no reason given"


def by_reason(run: Run) -> pd.DataFrame:
    """A row for each kind of reason, the most frequent first.

    Columns: `orders` (wishes to trade), `fills`, `cost_bps` (of what was traded, from the price at which it was
    decided), `markout_300s_bps` (mean over the fills that have one), `pnl` (quote, at the tape's last price); missing
    where there is nothing to tell them from.
    """
    parts, first = [], 0
    for table in evidence(run):
        told = table.select(["base", "value", "shortfall", "pnl", "markout_300s_bps"]).to_pandas()
        kinds = {reason: kind_of(reason) for reason in set(run.orders.reason[first : first + len(told)])}
        named = [kinds[reason] for reason in run.orders.reason[first : first + len(told)]]
        first += len(told)
        filled = told["base"].to_numpy() > 0
        columns = {
            "orders": np.ones(len(told)),
            "fills": filled,
            "value": told["value"].where(filled),
            "shortfall": told["shortfall"].where(filled),
            "pnl": told["pnl"],
            "marked": told["markout_300s_bps"].notna(),
            "markout": told["markout_300s_bps"],
        }
        parts.append(pd.DataFrame(columns).astype(float).groupby(named).sum())
    sums = pd.concat(parts).groupby(level=0).sum().reindex(columns=list(SUMS))
    with np.errstate(divide="ignore", invalid="ignore"):
        table = pd.DataFrame(
            {
                "orders": sums["orders"].astype(int),
                "fills": sums["fills"].astype(int),
                "cost_bps": np.where(sums["value"] > 0, 1e4 * sums["shortfall"] / sums["value"], np.nan),
                "markout_300s_bps": np.where(sums["marked"] > 0, sums["markout"] / sums["marked"], np.nan),
                "pnl": sums["pnl"],
            }
        )
    return table.sort_values("orders", ascending=False, kind="stable").rename_axis("reason")
