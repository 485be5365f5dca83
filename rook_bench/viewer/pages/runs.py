"""The first page: every run, by tape."""

from __future__ import annotations

from collections.abc import Sequence

from rook_bench.core.untrusted import word
from rook_bench.report.cells import Cell
from rook_bench.report.formatting import count_of
from rook_bench.viewer.pages.desk import Desk, Page, Query, roles_of, whole_number
from rook_bench.viewer.sentences import LONGEST, utc
from rook_bench.viewer.shelf import Found
from rook_bench.viewer.tables import Grid, To, grid, measure

PAGE = 100
HEADS = (
    "Source", "Net return", "Over hold", "Largest drawdown", "Fills a day", "Costs of value traded", "Look-ahead",
    "Judged", "Written",
)  # fmt: skip


def runs_page(desk: Desk, query: Query) -> Page:
    """Runs by tape, newest first, a hundred a page; `find` leaves those whose name, folder or pair has its words."""
    shelf, words = desk.shelf, query.get("find", "").lower().split()
    found = [run for run in shelf.runs if all(each in _text(run) for each in words)]
    number = whole_number(query, "page", 1, max(1, -(-len(found) // PAGE)))
    shown = found[PAGE * (max(number, 1) - 1) : PAGE * max(number, 1)]
    tapes: dict[str, list[Found]] = {}
    for run in shown:
        tapes.setdefault(run.facts.data_hash, []).append(run)
    step = lambda to: desk.links.asking("/", {**({"find": query["find"]} if words else {}), "page": str(to)})  # noqa: E731
    context = {
        "tapes": [(_tape(several[0]), _grid(desk, several), _together(desk, several)) for several in tapes.values()],
        "count": f"{len(found):,} of {count_of(len(shelf.runs), 'run')}" if words else count_of(len(found), "run"),
        "find": query.get("find", ""),
        "roots": [str(root) for root in desk.library.roots],
        "broken": [(path, why) for path, why in shelf.broken[:PAGE]],
        "more_broken": max(0, len(shelf.broken) - PAGE),
        "before": step(number - 1) if number > 1 else "",
        "after": step(number + 1) if PAGE * number < len(found) else "",
    }
    return Page("runs.html.j2", "Runs", "runs", context)


def _text(run: Found) -> str:
    return f"{run.name} {run.place} {run.facts.tape_check.pair} {run.facts.run_hash[:12]}".lower()


def _tape(run: Found) -> str:
    check = run.facts.tape_check
    span = f"{check.first_at[:16].replace('T', ' ')} to {check.last_at[:16].replace('T', ' ')} UTC"
    return word(f"{check.pair} · {count_of(check.swaps, 'swap')} · {span} · tape {run.facts.data_hash[:12]}", LONGEST)


def _together(desk: Desk, runs: Sequence[Found]) -> str | None:
    """The runs of a tape side by side, where that is a page of its own."""
    return desk.links.compare([run.id for run in runs[:8]]) if len(runs) > 1 and not desk.links.live else None


def _grid(desk: Desk, runs: Sequence[Found]) -> Grid:
    roles = roles_of(desk.shelf)
    return grid("Runs on this tape", HEADS, [_row(desk, run, roles.get(run.facts.run_hash, [])) for run in runs])


def _row(desk: Desk, run: Found, roles: Sequence[tuple[str, Found]]) -> list[Cell | To]:
    found = desk.reader.estimates(run)
    names = ("total_return", "excess_return", "max_drawdown", "trading_frequency", "cost_per_turnover")
    judged: Cell | To = Cell("\N{EN DASH}")
    if roles:
        role, verdict = roles[0]
        judged = To(f"{role}: {word(verdict.facts.verdict, 20)}", desk.links.page("verdict", verdict.id))
    return [
        To(run.name, desk.links.page("run", run.id), (word(run.place, LONGEST),), tick=run.id),
        *(measure(found, name) for name in names),
        Cell(word(run.facts.lookahead.status, 20)),
        judged,
        Cell(utc(run.written_at).removesuffix(" UTC")),
    ]
