"""Adapters: every one, or one with its losses and its runs."""

from __future__ import annotations

import json
from typing import Any

from markupsafe import Markup

from rook_bench.core import InputError
from rook_bench.core.reference import short_name
from rook_bench.core.untrusted import shown, word
from rook_bench.report.cells import Cell
from rook_bench.report.entries import COLOURS
from rook_bench.viewer.outside import MOST_JSON, opened
from rook_bench.viewer.pages.desk import Desk, Page, list_page
from rook_bench.viewer.sentences import LONGEST, utc
from rook_bench.viewer.shelf import Found
from rook_bench.viewer.svg import svg
from rook_bench.viewer.tables import To, grid, measure

ROWS = 500
DEFLATED = 200
"""Candidates on a tape up to which the best one's Sharpe ratio is deflated: each has a file that is read."""


def adapters_page(desk: Desk) -> Page:
    """Every adapter, newest first."""
    rows: list[list[Cell | To]] = [
        [
            To(each.name, desk.links.page("adapter", each.id), (word(each.place, LONGEST),)),
            Cell(word(each.facts.kind, 20)),
            Cell(word(short_name(str(each.facts.base.get("reference", ""))), 80)),
            Cell(utc(each.written_at).removesuffix(" UTC")),
        ]
        for each in desk.shelf.adapters[:ROWS]
    ]
    said = "No adapter lies in these folders: rook-bench train makes one."
    table = grid("Adapters", ("Adapter", "Kind", "Base", "Written, UTC"), rows, text=True)
    return list_page("Adapters", "adapters", table, len(desk.shelf.adapters), said)


def adapter_page(desk: Desk, id: str) -> Page:
    """Base, template, loss curve and runs of an adapter; settings folded."""
    found = desk.shelf.get("adapter", id)
    facts = found.facts
    runs = [run for run in desk.shelf.runs if _uses(run, found)]
    learned = facts.learned_from or {}
    told = [
        ("Kind", word(facts.kind, 20)),
        ("Base", shown(str(facts.base.get("reference", "")))),
        (
            "Learned from",
            word(f"{learned.get('first_at', '')} to {learned.get('last_at', '')}", 80) if learned else "not recorded",
        ),
        ("Folder", found.place),
        ("Written", utc(found.written_at)),
    ]
    table = grid("Its runs", ("Run", "Pair", "Net return", "Written, UTC"), [_run_of(desk, run) for run in runs[:ROWS]])
    context = {
        "facts": told,
        "drawing": _losses(found),
        "template": json.dumps(facts.template, indent=2, ensure_ascii=False)[:20_000],
        "training": json.dumps(facts.training, indent=2, ensure_ascii=False)[:20_000],
        "grid": table if runs else None,
        "files": sorted((word(name, 80), word(digest, 64)) for name, digest in facts.files.items())[:100],
    }
    return Page("adapter.html.j2", found.name, "adapters", context)


def _uses(run: Found, adapter: Found) -> bool:
    """Whether a run's source says that it is that adapter's: by the folder's name, which is all that a run tells."""
    for spec in run.facts.specs[:1]:
        params = spec.get("params")
        named = params.get("adapter") if isinstance(params, dict) else None
        if isinstance(named, str) and named.rstrip("/").rpartition("/")[2] == adapter.folder.name:
            return True
    return False


def _run_of(desk: Desk, run: Found) -> list[Cell | To]:
    return [
        To(run.name, desk.links.page("run", run.id), (word(run.place, LONGEST),)),
        Cell(word(run.facts.tape_check.pair, 40)),
        measure(desk.reader.estimates(run), "total_return"),
        Cell(utc(run.written_at).removesuffix(" UTC")),
    ]


def _losses(found: Found) -> Markup | None:
    """The losses that training logged beside the adapter, by step; None where there is no log."""
    try:
        with opened(found.folder / "metrics.jsonl", found.root) as file:
            told = [json.loads(line) for line in file.read(MOST_JSON).splitlines()[:100_000]]
    except (InputError, ValueError, RecursionError):
        return None
    lines: list[dict[str, Any]] = []
    steps: list[float] = []
    for name, colour, label in (("loss", COLOURS[0], "training"), ("eval_loss", COLOURS[1], "validation")):
        pairs: list[Any] = [(line.get("step"), line.get(name)) for line in told if isinstance(line, dict)]
        known = sorted((float(step), float(value)) for step, value in pairs if _is_figure(step) and _is_figure(value))
        if len(known) > 1:
            how = {"name": label, "colour": colour, "dash": "-", "width": 2.0, "apart": False}
            lines.append(how | {"at": [step for step, _ in known], "values": [value for _, value in known]})
            steps += [known[0][0], known[-1][0]]
    if not lines or min(steps) == max(steps):
        return None
    pane = {"label": "loss by step", "unit": "", "height": 260, "at": [], "lines": lines, "steps": True}
    return svg(pane, (min(steps), max(steps)), lambda row: None)


def _is_figure(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e12
