"""The tables under the pictures: outcomes, rejections, labels, mark-outs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rook_bench.core import SIDE_NAMES
from rook_bench.metrics.markouts import Markout
from rook_bench.report.charts.markouts import find
from rook_bench.report.entries import Entry
from rook_bench.report.formatting import duration, number, percent

SIDES = ("BUY", "SELL", "BOTH")

OUTCOME_WORDS = {
    "FILLED": "filled whole",
    "PARTIAL": "filled up to the price limit",
    "REJECTED": "refused before it was sent",
    "REVERTED_SLIPPAGE": "the price moved too far; gas was paid",
    "REVERTED_DEADLINE": "too late; gas was paid",
    "INSUFFICIENT_BALANCE": "nothing left to trade with",
    "NO_LIQUIDITY": "the pool could not fill it",
}


def outcome_table(entries: Sequence[Entry]) -> list[dict[str, Any]]:
    """Every outcome with its number of orders and share, by source."""
    names = dict.fromkeys(name for entry in entries for name in entry.analysis.outcomes)
    totals = [sum(entry.analysis.outcomes.values()) for entry in entries]
    rows: list[dict[str, Any]] = []
    for name in names:
        counts = [entry.analysis.outcomes.get(name, 0) for entry in entries]
        rows.append({"name": name, "meaning": OUTCOME_WORDS.get(name, ""), "cells": _shared(counts, totals)})
    rows.append({"name": "All orders", "meaning": "", "cells": [(f"{total:,}", "") for total in totals], "total": True})
    return rows


def rejection_table(entries: Sequence[Entry]) -> list[dict[str, Any]]:
    """Refused orders by the filter that refused them; empty where none did."""
    names = dict.fromkeys(name for entry in entries for name in entry.analysis.rejections)
    totals = [sum(entry.analysis.outcomes.values()) for entry in entries]
    return [
        {"name": name, "cells": _shared([entry.analysis.rejections.get(name, 0) for entry in entries], totals)}
        for name in names
    ]


def confusion_tables(entries: Sequence[Entry]) -> list[dict[str, Any]]:
    """Counts and row shares of decisions by label, one table per source; empty where there are no labels."""
    tables = []
    for entry in entries:
        table = entry.analysis.confusion
        if table is None:
            continue
        names = [*SIDE_NAMES, *(["UNPARSED"] if any(row.get("UNPARSED") for row in table.values()) else [])]
        rows = []
        for label in SIDE_NAMES:
            total = sum(table[label].values())
            cells = _shared([table[label].get(name, 0) for name in names], [total] * len(names))
            rows.append({"label": label, "cells": cells, "total": f"{total:,}"})
        tables.append({"source": entry, "names": names, "rows": rows})
    return tables


def _shared(counts: Sequence[int], totals: Sequence[int]) -> list[tuple[str, str]]:
    """Each count with its share of the total, no share of nothing."""
    return [
        (f"{count:,}", percent(count / total, 1) if total else "") for count, total in zip(counts, totals, strict=True)
    ]


def markout_table(entries: Sequence[Entry]) -> dict[str, Any]:
    """Gross and net mark-outs in bps by source, side and horizon."""
    traded = [entry for entry in entries if entry.fills]
    horizons = sorted({mark.horizon_s for entry in traded for mark in entry.analysis.markouts})
    groups = [
        (entry, [(side, [_markout_cell(find(entry, side, horizon)) for horizon in horizons]) for side in SIDES])
        for entry in traded
    ]
    reasons = dict.fromkeys(cell["why"] for _, rows in groups for _, cells in rows for cell in cells if cell["why"])
    return {"horizons": [duration(horizon) for horizon in horizons], "groups": groups, "reasons": list(reasons)}


def _markout_cell(mark: Markout | None) -> dict[str, str]:
    if mark is None or mark.gross.value is None or mark.net.value is None:
        why = mark.net.undefined_because if mark else None
        return {
            "gross": "",
            "net": "",
            "n": f"{mark.net.n:,}" if mark else "",
            "why": why or "no such mark-out was measured",
        }
    gross, net = number(mark.gross.value, 1, signed=True), number(mark.net.value, 1, signed=True)
    return {"gross": gross, "net": net, "n": f"{mark.net.n:,}", "why": ""}
