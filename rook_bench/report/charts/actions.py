"""What was bought and sold, and at which price."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.dates as mdates
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from rook_bench.core import Side, mapped
from rook_bench.replay.ledger import balances_by_row
from rook_bench.report.charts.canvas import (
    BUY_COLOUR,
    INK,
    SELL_COLOUR,
    SOFT_INK,
    NoPicture,
    Picture,
    blank,
    days,
    round_step,
    time_axis,
)
from rook_bench.report.entries import Entry
from rook_bench.report.formatting import count_of, duration, percent
from rook_bench.report.panes import extremes

MARKS = 300
"""Above this many fills, one marker stands for all fills of a side in a stretch of time."""

SHARES = 20_000
"""Points of the held share that are drawn."""

STRETCHES = 90
LANE_BINS = 160


def actions(entries: Sequence[Entry]) -> list[Picture | NoPicture]:
    """Fills on the price line; for several sources a lane each under it, and the first one's own picture."""
    if len(entries) == 1:
        return [one(entries[0], "actions", lone=True)]
    own = [one(entries[0], f"actions-{entries[0].slug}")] if entries[0].fills else []
    return [lanes(entries), *own]


def one(entry: Entry, name: str, *, lone: bool = False) -> Picture | NoPicture:
    """The price with every fill and revert, and the share held in base under it."""
    heading = "Fills" if lone else f"Fills of {entry.label}"
    frame, fills = entry.run.frame, _Fills(entry)
    if len(fills.row) == 0 and len(fills.reverts) == 0:
        wished = len(entry.run.orders)
        why = f"{count_of(wished, 'order was', 'orders were')} made and none filled" if wished else "no order was made"
        return NoPicture(name, heading, f"{entry.label} has no fills: {why} on {count_of(len(frame), 'swap')}.")
    buys, sells = int((fills.side == Side.BUY).sum()), int((fills.side == Side.SELL).sum())
    title = f"{entry.short}: {count_of(buys, 'buy')} and {count_of(sells, 'sell')} filled, {fills.reverts_text}"
    note = f"{count_of(len(frame), 'swap')}. Marks stand at the pool price each order met."
    if len(fills.row) > MARKS:
        note += (
            f" One mark per side and {duration(round_step(frame.span_s, STRETCHES))}, its size by the number of fills."
        )
    figure = blank(title, note)
    top, under = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    _price(top, entry)
    _marks(top, entry, fills)
    top.legend(loc="best", fontsize=9, ncols=3, frameon=True, framealpha=0.85, edgecolor="none")
    share = _base_share(entry)
    shown = extremes([share], SHARES)
    under.fill_between(frame.at[shown], 100 * share[shown], step="post", color="#8A94A0", alpha=0.35, linewidth=0)
    under.set_ylim(0, 100)
    under.set_ylabel(f"{entry.base} held,\n% of equity")
    under.set_xlabel(f"time, UTC ({days(frame.at)})")
    time_axis(under, frame.at)
    figure.align_ylabels()
    exposed = f"Between {percent(share.min(), 0)} and {percent(share.max(), 0)} of equity was held in {entry.base}."
    return Picture(name, heading, title, exposed, figure, folded=not lone)


class _Fills:
    """Rows, sides and reverts of a run's orders."""

    def __init__(self, entry: Entry) -> None:
        orders = entry.run.orders
        self.row = orders.landing_row[orders.filled]
        self.side = orders.side[orders.filled]
        lost = orders.sent & ~orders.filled
        # An order whose turn came after the tape's end met no row; it is shown at its decision.
        self.reverts = np.where(orders.landing_row >= 0, orders.landing_row, orders.row)[lost]

    @property
    def reverts_text(self) -> str:
        return f"{count_of(len(self.reverts), 'revert')}" if len(self.reverts) else "no reverts"


def _price(axes: Axes, entry: Entry, prefix: str = "pool price, ") -> None:
    frame = entry.run.frame
    step = max(1, len(frame) // 4000)
    axes.plot(frame.at[::step], frame.price[::step], color="#8A94A0", linewidth=1.1, zorder=2)
    axes.set_ylabel(f"{prefix}{entry.quote} per {entry.base}")


def _marks(axes: Axes, entry: Entry, fills: _Fills) -> None:
    frame = entry.run.frame
    looks = ((Side.BUY, "^", BUY_COLOUR, "BUY"), (Side.SELL, "v", SELL_COLOUR, "SELL"))
    for side, marker, colour, name in looks:
        rows = fills.row[fills.side == side]
        at, price, counts = _gathered(frame.at, frame.price, rows, len(fills.row) > MARKS)
        sizes = 26.0 * np.clip(counts, 1, None) ** 0.6
        axes.scatter(
            at, price, s=sizes, marker=marker, color=colour, alpha=0.8, edgecolor="white", linewidth=0.5,
            label=f"{name} ({len(rows):,})", zorder=4,
        )  # fmt: skip
    rows = fills.reverts
    if len(rows):
        axes.scatter(
            frame.at[rows], frame.price[rows], s=46, marker="x", color=INK, label=f"reverted ({len(rows):,})", zorder=5
        )


def _gathered(
    at: NDArray[np.datetime64], price: NDArray[np.float64], rows: NDArray[np.int64], gather: bool
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Date numbers, prices and numbers of fills of the marks; means over stretches of time if `gather`."""
    when, paid = np.atleast_1d(mdates.date2num(at[rows])), price[rows]
    if not gather or len(rows) == 0:
        return when, paid, np.ones(len(rows))
    first, last = mdates.date2num(at[0]), mdates.date2num(at[-1])
    step = round_step((last - first) * 86_400, STRETCHES) / 86_400
    stretch = ((when - first) / step).astype(int)
    counts = np.bincount(stretch)
    some = counts > 0
    means = [np.bincount(stretch, weights=values)[some] / counts[some] for values in (when, paid)]
    return means[0], means[1], counts[some].astype(float)


def _base_share(entry: Entry) -> NDArray[np.float64]:
    _, base = balances_by_row(entry.run)
    price, equity = entry.run.frame.price, entry.run.equity
    return mapped.by_part(len(price), lambda rows: np.clip(base[rows] * price[rows] / equity[rows], 0.0, 1.0))


def lanes(entries: Sequence[Entry]) -> Picture | NoPicture:
    """The price, and under it a lane per source: buys upwards, sells downwards, by number per stretch."""
    frame = entries[0].run.frame
    traded = [entry for entry in entries if entry.fills]
    if not traded:
        return NoPicture("actions", "Fills", f"No source has any fills on these {count_of(len(frame), 'swap')}.")
    busiest = max(traded, key=lambda entry: entry.fills)
    title = f"{busiest.short} trades most: {count_of(busiest.fills, 'fill')}; " + (
        f"{entries[0].short} has {entries[0].fills:,}" if busiest is not entries[0] else _second(traded, busiest)
    )
    stretch = duration(round_step(frame.span_s, LANE_BINS))
    idle = [entry.short for entry in entries if not entry.fills]
    note = f"{count_of(len(frame), 'swap')}. Fills per {stretch}: buys up (green), sells down (orange)."
    note += " Each lane has its own scale."
    if idle:
        note += f" No fills: {', '.join(idle)}."
    figure = blank(title, note)
    _draw_lanes(figure, entries[0], traded[:8])
    caption = "Green bars are buys, orange bars are sells. " + " ".join(
        f"{e.label}: {count_of(e.fills, 'fill')}." for e in traded
    )
    return Picture("actions", "Fills by source", title, caption, figure)


def _second(traded: Sequence[Entry], busiest: Entry) -> str:
    others = [entry for entry in traded if entry is not busiest]
    if not others:
        return "no other source trades"
    second = max(others, key=lambda entry: entry.fills)
    return f"next is {second.short} with {second.fills:,}"


def _draw_lanes(figure: Figure, first: Entry, traded: Sequence[Entry]) -> None:
    frame = first.run.frame
    ratios = [max(2.2, 0.55 * len(traded)), *([1.0] * len(traded))]
    top, *rest = figure.subplots(len(ratios), 1, sharex=True, height_ratios=ratios)
    _price(top, first, "")
    step = round_step(frame.span_s, LANE_BINS) / 86_400
    edges = mdates.date2num(frame.at[0]) + step * np.arange(int(frame.span_s / 86_400 / step) + 2)
    for axes, entry in zip(rest, traded, strict=True):
        fills = _Fills(entry)
        when = np.atleast_1d(mdates.date2num(frame.at[fills.row]))
        most = 1
        for side, sign, colour in ((Side.BUY, 1, BUY_COLOUR), (Side.SELL, -1, SELL_COLOUR)):
            counts = np.histogram(when[fills.side == side], edges)[0]
            axes.stairs(sign * counts, edges, fill=True, color=colour, linewidth=0)
            most = max(most, int(counts.max()))
        axes.axhline(0, color=SOFT_INK, linewidth=0.6)
        axes.set_ylim(-1.1 * most, 1.1 * most)
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        axes.spines["bottom"].set_visible(axes is rest[-1])
        axes.tick_params(axis="x", length=3.5 if axes is rest[-1] else 0)
        text = f"{entry.short}\n{count_of(entry.fills, 'fill')}, at most {most} per bar"
        axes.annotate(text, (1.0, 0.5), xycoords="axes fraction", xytext=(6, 0), textcoords="offset points",
                      va="center", fontsize=8, color=entry.ink)  # fmt: skip
    rest[-1].set_xlabel(f"time, UTC ({days(frame.at)})")
    time_axis(rest[-1], frame.at)
