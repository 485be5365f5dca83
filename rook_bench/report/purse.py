"""The report of a purse: one page and its pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup

from rook_bench.core.hashing import sha256_code
from rook_bench.core.reference import short_name
from rook_bench.market.reference import same_coin
from rook_bench.metrics.purse import PurseAnalysis
from rook_bench.report.cells import Cell, bare, cell
from rook_bench.report.charts import purse as charts
from rook_bench.report.charts.purse import largest
from rook_bench.report.drawing import Draw, drawn
from rook_bench.report.entries import COLOURS, HOLD_COLOUR
from rook_bench.report.formatting import count_of, number, percent, span_in_words
from rook_bench.report.live import POINTS, chart_css, has_library, scripts
from rook_bench.report.page import HERE, Shown, template_of
from rook_bench.report.panes import Line, Pane, as_block, seconds_of
from rook_bench.report.topics.topic import Table, Topic
from rook_bench.report.verdict import verdict_box

NAMES = {
    "total_return": "Net return",
    "hold_return": "Holding what it opened with",
    "excess_return": "Net over holding",
    "sharpe_ratio": "Sharpe ratio",
    "max_drawdown": "Deepest drawdown",
    "fills": "Fills",
    "largest_token_share": "Largest token's share, mean",
    "leading_pool_share": "Leading pool's share of gains",
}


def write_purse_report(analysis: PurseAnalysis, folder: Path, *, title: str, with_pictures: bool = True) -> Path:
    """Write report.html and its PNG pictures into an existing folder; returns the page's path."""
    topics = [_measures(analysis), _pools(analysis), _tokens(analysis), _together(analysis)]
    draws: list[Draw] = [
        lambda: [charts.worth(analysis)],
        lambda: [charts.by_pool(analysis)],
        lambda: [charts.by_token(analysis)],
        lambda: [charts.together(analysis)],
    ]
    page = folder / "report.html"
    pictures = by_section(draws, folder) if with_pictures else {}
    page.write_text(render([analysis], topics, pictures, title, _lead(analysis), _chart(analysis)), encoding="utf-8")
    return page


def by_section(draws: Sequence[Draw], folder: Path) -> dict[str, list[Shown]]:
    """The pictures, drawn into a folder, by the section that they belong to."""
    sections: dict[str, list[Shown]] = {}
    for picture in chain.from_iterable(drawn(draws, folder)):
        sections.setdefault(picture.section, []).append(picture)
    return sections


def render(
    analyses: Sequence[PurseAnalysis],
    topics: Sequence[Topic],
    pictures: dict[str, list[Shown]],
    title: str,
    lead: str,
    chart: Markup | None,
    verdict: Mapping[str, Any] | None = None,
) -> str:
    """The page of one purse, or of several over the same pools; with the verdict that rests on them, if one does."""
    analysis = analyses[0]
    run = analysis.run
    seconds = float((analysis.at[-1] - analysis.at[0]) / np.timedelta64(1, "s"))
    swaps = sum(len(leg.frame) for leg in run.legs)
    return template_of("purse.html.j2").render(
        title=title,
        verdict=None if verdict is None else verdict_box(verdict, []),
        where=f"{count_of(len(run.legs), 'pool')}, {count_of(len(run.coins.all), 'token')}, values in {run.numeraire}",
        css=Markup((HERE / "report.css").read_text(encoding="utf-8")),
        chart_css=chart_css(),
        chart=chart,
        scripts=scripts(),
        lead=lead,
        span=f"{swaps:,} swaps of {count_of(len(run.legs), 'pool')} in {span_in_words(seconds)}, "
        f"{_minute(analysis.at[0])} to {_minute(analysis.at[-1])} UTC.",
        simulated=any(leg.pool.chain == "simulated" for leg in run.legs),
        leaks=[
            (f"{one.run.name}, {leg.pool.pair}" if len(analyses) > 1 else leg.pool.pair, leg.lookahead.detail)
            for one in analyses
            for leg in one.run.legs
            if leg.lookahead.status == "leak"
        ],
        topics=topics,
        pictures=pictures,
        assumptions=_assumptions(analysis),
        provenance=list(chain.from_iterable(map(_provenance, analyses))),
    )


def _minute(at: np.datetime64) -> str:
    return str(at)[:16].replace("T", " ")


def _lead(analysis: PurseAnalysis) -> str:
    total, held = (analysis.estimates[name].value or 0.0 for name in ("total_return", "hold_return"))
    gains, names = analysis.by_pool[-1] / analysis.hold[0], analysis.names
    best, worst = int(np.argmax(gains)), int(np.argmin(gains))
    line = (
        f"{analysis.run.name} with one purse over {count_of(len(gains), 'pool')}: {percent(total, signed=True)} after "
        f"all costs; what it opened with, held, {percent(held, signed=True)}."
    )
    if len(gains) > 1 and any(len(leg.orders) for leg in analysis.run.legs):
        line += f" {names[best]} added most ({percent(gains[best], signed=True)}), {names[worst]} least "
        line += f"({percent(gains[worst], signed=True)})."
    return line


def _measures(analysis: PurseAnalysis) -> Topic:
    signs = {name: name.endswith(("return", "ratio")) for name in NAMES}
    rows = [(NAMES[name], [cell(each, signed=signs[name])]) for name, each in analysis.estimates.items()]
    excess = analysis.estimates["excess_return"]
    sure = "its interval is not known"
    if excess.low is not None and excess.high is not None:
        sure = "which is more than noise" if excess.low > 0 or excess.high < 0 else "which may be noise"
    lead = f"Against holding the purse comes to {percent(excess.value or 0.0, signed=True)}, {sure}."
    notes = [f"{NAMES[name]}: {estimate.how}." for name, estimate in analysis.estimates.items() if estimate.how]
    return Topic(
        "numbers", "Numbers", "What did it come to?", lead,
        tables=[Table("The whole purse", ("Measure", "Value"), rows)], notes=notes,
    )  # fmt: skip


def _pools(analysis: PurseAnalysis) -> Topic:
    names, rows = analysis.names, []
    total = analysis.equity[-1] / analysis.hold[0] - 1
    without = analysis.left_out / analysis.hold[0] - 1
    for place, leg in enumerate(analysis.run.legs):
        filled = int(leg.orders.filled.sum())
        cells = [
            Cell(f"{len(leg.frame):,}"),
            Cell(f"{len(leg.orders):,}", (f"{filled:,} filled",)),
            cell(analysis.pool_gain(place)),
            Cell(percent(without[place], signed=True)),
        ]
        rows.append((names[place], cells))
    carries = int(np.argmax(np.abs(total - without)))
    change = "no other pool's orders are worth as much" if without[carries] < total else "no other pool costs as much"
    lead = f"Without {names[carries]} the purse would have come to {percent(without[carries], signed=True)} "
    lead += f"and not {percent(total, signed=True)}: {change}."
    if not any(len(leg.orders) for leg in analysis.run.legs):
        lead = "No pool carries anything: not one order was decided."
    elif len(names) == 1:
        lead = f"There is one pool, and all of it is {names[0]}'s."
    return Topic(
        "pools", "Pools", "Which pool carries it?", lead,
        tables=[Table("By pool", ("Pool", "Swaps", "Orders", "Added", "Purse without it"), rows)],
        notes=[
            "Added: what the pool's orders put into the purse, gas and reverts included, at closing prices, over the "
            "opening value. These add up to the net result less holding. What one pool bought and another sold stays "
            "in both, at prices of the time: intervals here and correlations are of positions as much as of skill.",
            "Without it: the same purse replayed with the pool's orders left out. The others then find other balances, "
            "so this is not the difference.",
        ],
    )  # fmt: skip


def _tokens(analysis: PurseAnalysis) -> Topic:
    run, coins = analysis.run, analysis.run.coins
    closing, rates = run.closing, analysis.rates[-1]
    shares = analysis.values / analysis.equity[:, None]
    rows = []
    for place, name in enumerate(coins.names):
        unit = coins.all[place].token.unit
        gain = (closing[place] - run.opening[place]) / unit * rates[place]
        cells = [
            Cell(_amount(run.opening[place] / unit)),
            Cell(_amount(closing[place] / unit), (f"{closing[place]} smallest units",)),
            Cell(_amount(float(rates[place]))),
            Cell(percent(gain / analysis.hold[0], signed=True)),
            Cell(percent(float(shares[:, place].mean()), 1), (f"at most {percent(float(shares[:, place].max()), 1)}",)),
        ]
        rows.append((name, cells))
    share = analysis.estimates["largest_token_share"].value or 0.0
    lead = f"The largest token is {percent(share, 0)} of the purse on average. Every balance follows from the orders "
    lead += "that moved it, to the last unit."
    return Topic(
        "tokens", "Tokens", "What is in the purse?", lead,
        tables=[Table("By token", ("Token", "Opening", "Closing", f"{run.numeraire} for one", "Added", "Share"), rows)],
        notes=["Added: more or less of the token at the end, at its closing price, over the purse's opening value."],
    )  # fmt: skip


def _together(analysis: PurseAnalysis) -> Topic:
    found = analysis.correlations
    pairs = found[np.triu_indices(len(found), 1)]
    pairs = pairs[~np.isnan(pairs)]
    lead = "Fewer than two pools have gains that vary: nothing tells whether they go together."
    if len(pairs):
        words = (
            "gain and lose together" if pairs.mean() > 0.5 else "go their own ways" if pairs.mean() < 0.2 else "half"
        )
        words = "half go together" if words == "half" else words
        lead = f"Gains by {analysis.clock.label} of two pools correlate by {pairs.mean():.2f} on average, "
        lead += f"{pairs.min():.2f} at least and {pairs.max():.2f} at most: they {words}."
    leading = analysis.estimates["leading_pool_share"]
    lines = []
    if leading.value is not None:
        lines.append(f"Of what pools that added something added, {bare(leading).text} is one pool's.")
    return Topic("together", "Together", "Do the pools go together?", lead, lines=lines)


def _amount(value: float) -> str:
    return number(value, 4) if 0.01 <= abs(value) < 1e12 else f"{value:.6g}"


def _chart(analysis: PurseAnalysis) -> Markup | None:
    if not has_library():
        return None
    percents = [100.0 * (line / analysis.hold[0] - 1.0) for line in (analysis.equity, analysis.hold)]
    worth = Pane(
        "change of value", "%", 3, 320, analysis.at,
        [Line("purse", COLOURS[0], percents[0], width=2.0), Line("held", HOLD_COLOUR, percents[1], "--")],
    )  # fmt: skip
    columns, names, colours = largest(100.0 * analysis.by_pool / analysis.hold[0], analysis.names)
    lines = [Line(name, colour, column) for name, colour, column in zip(names, colours, columns.T, strict=True)]
    panes = [worth, Pane("added by pool", "%", 3, 220, analysis.at, lines)]
    nowhere = np.empty(0, "M8[ns]")
    span = [seconds_of(analysis.at[0]), seconds_of(analysis.at[-1])]
    return as_block({"panes": [pane.thinned(POINTS).to_json(nowhere) for pane in panes], "span": span})


def _assumptions(analysis: PurseAnalysis) -> list[str]:
    run = analysis.run
    order = "block and log index" if run.clock.by_block else "time; of swaps at one time, pools in the order named"
    opening = f"{number(float(analysis.hold[0]))} {run.numeraire}"
    lines = [
        "One balance for each token: an order reserves its input when it is sent, whichever pool it goes to. The "
        f"purse opens with {opening}, shared out evenly among the pools. A pool's share waits in {run.numeraire} until "
        "both of its tokens have a price, and comes in at that one.",
        "An order lands at its time, at the state of its pool's last swap; what it brings is there from then on.",
        f"Pools are replayed in one order: {order}.",
        f"Tokens are worth what the pools' last swaps say, by the shortest way to {run.numeraire}; before a pool's "
        "first swap, what that one says.",
        "A limit on a position counts the whole balance of the base token, one on a pool what its orders have built "
        "up, one on exposure every token but the numeraire; equity is the whole purse's. Orders per day and pauses are "
        "counted by pool; a drawdown stop looks at the whole purse.",
        "Our own trades do not move the recorded tapes, nor one pool's price the other's: arbitrage is assumed to "
        "restore each before its next swap.",
    ]
    for coin, name in zip(run.coins.all, run.coins.names, strict=True):
        for other, called in zip(run.coins.all, run.coins.names, strict=True):
            if coin.token.symbol < other.token.symbol and same_coin(coin.token.symbol, other.token.symbol):
                lines.append(f"{name} and {called} are taken to cost the same, and are two balances.")
    return lines


def _provenance(analysis: PurseAnalysis) -> list[tuple[str, str]]:
    rows = [("rook-bench", version("rook-bench")), ("Code", sha256_code()), ("Purse", analysis.run.run_hash)]
    for name, leg in zip(analysis.names, analysis.run.legs, strict=True):
        rows += [
            (f"{name}: pool", leg.pool.address),
            (f"{name}: tape", f"{leg.frame.data_hash} ({short_name(leg.frame.source) or 'unnamed'})"),
            (f"{name}: decisions", leg.decided.tape.content_hash),
        ]
        rows += [(f"{name}: {spec.kind.replace('_', ' ')} {spec.name}", _spec(spec.to_json())) for spec in leg.specs]
    return rows


def _spec(record: dict[str, Any]) -> str:
    params = ", ".join(f"{key} = {short_name(str(value))}" for key, value in record["params"].items())
    return f"{record['sha256']}{f' ({params})' if params else ''}"
