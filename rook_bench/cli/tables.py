"""Tables and lines that several verbs print."""

from __future__ import annotations

from collections.abc import Sequence

from rook_bench.cli import layout
from rook_bench.core.console import say
from rook_bench.metrics import Analysis
from rook_bench.metrics.purse import PurseAnalysis, difference, surely_gained
from rook_bench.report.formatting import bounded
from rook_bench.tapecheck.check import TapeCheck, describe, in_lines

TABLE = (
    ("net", "total_return", "{:+.2%}"),
    ("gross", "gross_return", "{:+.2%}"),
    ("vs hold", "excess_return", "{:+.2%}"),
    ("Sharpe", "sharpe_ratio", "{:+.1f}"),
    ("drawdown", "max_drawdown", "{:.2%}"),
    ("fills/day", "trading_frequency", "{:,.0f}"),
    ("cost bps", "cost_per_turnover", "{:.1f}"),
    ("actions", "action_rate", "{:.1%}"),
)
"""Column, metric and format of the table that the verbs print; the report has all of it."""

APART = ("tape", "repeats", "gaps")
"""What is not said of a tape beside a result made from it; `data check` says all."""


def print_tape(check: TapeCheck) -> None:
    """How far a tape can be trusted, before any result made from it."""
    for line in in_lines((name, text) for name, text in describe(check) if name not in APART):
        say(line)


def print_table(analyses: Sequence[Analysis]) -> None:
    """The main figures of each source; undefined ones say so."""
    rows = [([_name(analysis)], [_figure(analysis, *column[1:]) for column in TABLE]) for analysis in analyses]
    say()
    layout.print_table(["source"], [title for title, _, _ in TABLE], rows, rest="metrics.json of each run has them all")
    say()
    frame, clock = analyses[0].run.frame, analyses[0].clock
    currency = analyses[0].run.config.numeraire
    for analysis in analyses if currency is not None else ():
        pnl, net, hold = (analysis.estimates[f"numeraire_{name}"].value for name in ("pnl", "return", "hold_return"))
        say(f"in {currency}: {_name(analysis)} {pnl:+,.2f} ({net:+.2%}), the initial mix {hold:+.2%}")
    hours = frame.covered_s / 3600
    say(f"{len(frame):,} swaps over {hours:,.1f} hours; Sharpe on {clock.label} returns, annualised with 365 days")


def print_purse(analysis: PurseAnalysis) -> None:
    """What a purse came to, and what each pool added."""
    run, estimates = analysis.run, analysis.estimates
    rows = []
    for place, (name, leg) in enumerate(zip(analysis.names, run.legs, strict=True)):
        gain = analysis.pool_gain(place)
        without = analysis.left_out[place] / analysis.hold[0] - 1
        figures = [f"{len(leg.frame):,}", f"{int(leg.orders.filled.sum()):,}", f"{gain.value:+.2%}", f"{without:+.2%}"]
        rows.append(([name], figures))
    say()
    layout.print_table(["pool"], ["swaps", "fills", "added", "without it"], rows, rest="metrics.json has them all")
    say()
    excess = estimates["excess_return"]
    bounds = "" if excess.low is None or excess.high is None else f" ({excess.low:+.2%} to {excess.high:+.2%})"
    net, held = estimates["total_return"].value, estimates["hold_return"].value
    say(f"{run.name} with one purse: net {net:+.2%} in {run.numeraire}; what it opened with, held, {held:+.2%}")
    say(f"over holding {excess.value:+.2%}{bounds}")
    if any(leg.lookahead.status == "leak" for leg in run.legs):
        say("LOOK-AHEAD: it sees the future on at least one pool, and is not valid")


def print_purses(analyses: Sequence[PurseAnalysis]) -> None:
    """What each source came to with a purse of its own, and what the first earned beyond each other."""
    rows, first = [], analyses[0]
    for one in analyses:
        found = one.estimates
        figures = [f"{found[name].value:+.2%}" for name in ("total_return", "excess_return")]
        sharpe, fall, fills = (found[name].value for name in ("sharpe_ratio", "max_drawdown", "fills"))
        beyond = "" if one is first else bounded(difference(first, one), 1, signed=True)
        figures += ["undefined" if sharpe is None else f"{sharpe:.1f}", f"{fall:.2%}", f"{fills:,.0f}", beyond]
        rows.append(([one.run.name], figures))
    say()
    titles = ["net", "over holding", "Sharpe", "drawdown", "fills", "first earned beyond it, bps/day"]
    layout.print_table(["purse of"], titles, rows, rest="comparison.json has them all")
    say()
    gained = surely_gained(analyses)
    known = ", ".join(gained.names) or "none"
    told = f"can't be told: {gained.undefined_because}" if gained.undefined_because is not None else known
    say(f"surely gained over holding, of all sources on all pools: {told}")
    for one in analyses:
        if any(leg.lookahead.status == "leak" for leg in one.run.legs):
            say(f"LOOK-AHEAD: {one.run.name} sees the future on at least one pool, and is not valid")


def _name(analysis: Analysis) -> str:
    mark = {"declared": " (unreachable bound)", "leak": " (LOOK-AHEAD)"}.get(analysis.run.lookahead.status, "")
    return analysis.name + mark


def _figure(analysis: Analysis, metric: str, pattern: str) -> str:
    value = analysis.estimates[metric].value
    return "undefined" if value is None else pattern.format(value)
