"""Verdicts: every one, or one with its checks."""

from __future__ import annotations

import json
from typing import Any

from rook_bench.core.reference import short_name
from rook_bench.core.untrusted import word
from rook_bench.report.cells import Cell
from rook_bench.report.formatting import count_of
from rook_bench.report.verdict import verdict_box
from rook_bench.viewer.outside import read_json
from rook_bench.viewer.pages.desk import Desk, Page, list_page
from rook_bench.viewer.sentences import LONGEST
from rook_bench.viewer.shelf import Found
from rook_bench.viewer.tables import To, grid

ROWS = 500
DEFLATED = 200
"""Candidates on a tape up to which the best one's Sharpe ratio is deflated: each has a file that is read."""


def verdicts_page(desk: Desk) -> Page:
    """Every verdict, newest first."""
    links = desk.links
    rows: list[list[Cell | To]] = [
        [
            To(each.name, links.page("verdict", each.id), (word(each.place, LONGEST),)),
            Cell(word(each.facts.verdict, 20)),
            Cell(_side(each.facts.champion)),
            Cell(word(str(each.facts.policy.get("name") or "unnamed"), 60)),
            Cell(_on(each)),
            Cell(word(each.facts.judged_at, 19).replace("T", " ")),
        ]
        for each in desk.shelf.verdicts[:ROWS]
    ]
    heads = ("Candidate", "Verdict", "Champion", "Policy", "Tape", "Judged, UTC")
    said = "No verdict lies in these folders: rook-bench gate writes one."
    return list_page("Verdicts", "verdicts", grid("Verdicts", heads, rows, text=True), len(desk.shelf.verdicts), said)


def verdict_page(desk: Desk, id: str) -> Page:
    """The word, candidate and champion by name, the checks that do not hold; the rest folded."""
    found = desk.shelf.get("verdict", id)
    record = read_json(found.file, found.root)
    named = {run.facts.run_hash: run for run in reversed(desk.shelf.runs)}
    sides = []
    for role in ("candidate", "champion"):
        side = getattr(found.facts, role)
        run = None if side is None else named.get(side.run_hash)
        sides.append((role, _side(side), None if run is None else desk.links.page("run", run.id)))
    runs = [named[side.run_hash].id for side in (found.facts.candidate, found.facts.champion)
            if side is not None and side.run_hash in named]  # fmt: skip
    facts = [
        ("Judged", word(found.facts.judged_at, 40)),
        ("Policy", word(str(found.facts.policy.get("name") or "unnamed"), 60)),
        ("Tape", _on(found)),
        ("Folder", found.place),
    ]
    context = {
        "verdict": verdict_box(record, []),
        "sides": sides,
        "facts": facts,
        "compare": desk.links.compare(runs) if len(set(runs)) > 1 else None,
        "sound": found.sound,
        "policy": json.dumps(found.facts.policy, indent=2)[:20_000],
        "waivers": [[word(str(each.get(key, "")), LONGEST) for key in ("check", "owner", "reason", "expires")]
                    for each in found.facts.waivers[:50]],
    }  # fmt: skip
    return Page("verdict.html.j2", f"{word(found.facts.verdict, 20)}: {found.name}", "verdicts", context)


def _side(side: Any) -> str:
    return "none" if side is None else word(side.name or short_name(side.source), LONGEST)


def _on(found: Found) -> str:
    tape = found.facts.tape
    swaps = tape.get("swaps")
    said = [word(str(tape.get("pair", "unnamed")), 40)]
    return ", ".join([*said, count_of(swaps, "swap")] if isinstance(swaps, int) else said)
