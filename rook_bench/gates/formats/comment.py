"""The verdict as a comment on a pull request: short, and within what a comment may hold."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from rook_bench.core.estimate import Estimate, with_unit
from rook_bench.gates.formats.markdown import MARKS, ORDER, WORDS, cell, code, span

MOST = 65_536
"""Characters that a comment on GitHub may have."""

MEASURES = {
    "total_return": "Net return",
    "excess_return": "Over hold",
    "max_drawdown": "Largest drawdown",
    "sharpe_ratio": "Sharpe ratio",
    "trading_frequency": "Fills a day",
    "cost_per_turnover": "Costs of value traded",
}
ROOM = 2_000
"""Characters that are kept for what stands under the checks."""


def marker(name: str) -> str:
    """The line by which a comment is found again, and replaced; `name` tells several gates of a repository apart."""
    safe = re.sub(r"[^\w./]+", "-", name)[:100].strip("-")
    return f"<!-- rook-bench gate: {safe} -->"


def to_comment(
    record: Mapping[str, Any],
    *,
    name: str = "gate",
    measures: Mapping[str, Mapping[str, Estimate]] | None = None,
    pictures: Sequence[tuple[str, str]] = (),
    links: Sequence[tuple[str, str]] = (),
    most: int = MOST,
) -> str:
    """Verdict, one sentence, measures of both sides, pictures, the checks that do not hold, and links.

    Args:
        record: the content of verdict.json.
        name: of the gate (see `marker`).
        measures: metrics of "candidate" and "champion" by name, as far as they are known.
        pictures: what each shows, and its address.
        links: texts and addresses.
        most: characters that it may have; checks that do not fit are counted.
    """
    mark, meaning = WORDS[record["verdict"]]
    champion, tape = record["champion"], record["tape"]
    against = f" against {code(champion['name'])}" if champion else ""
    head = [
        marker(name),
        f"## {mark} {record['verdict']}: {meaning}",
        "",
        f"{code(record['candidate']['name'])}{against}, policy {code(record['policy']['name'])}, "
        f"{tape['swaps']:,} swaps of {cell(tape['pair'])} over {span(tape['span_days'])}.",
        "",
        *_table(record, measures or {}),
        *(f"![{cell(text)}]({address})" for text, address in pictures),
        *([""] if pictures else []),
    ]
    foot = [f"[{cell(text)}]({address})" for text, address in links]
    text = "\n".join(head) + "\n"
    room = most - len(text) - ROOM
    text += "\n".join(_checks(record, room)) + "\n"
    return text + ("\n" + " · ".join(foot) + "\n" if foot else "")


def nothing_judged(name: str, links: Sequence[tuple[str, str]]) -> str:
    """The comment where the gate refused its input: it takes the place of an older verdict, which holds no more."""
    foot = " · ".join(f"[{cell(text)}]({address})" for text, address in links)
    return f"{marker(name)}\n## {MARKS['invalid']} INVALID: nothing was judged\n\nThe job says why.\n\n{foot}\n"


def _table(record: Mapping[str, Any], measures: Mapping[str, Mapping[str, Estimate]]) -> list[str]:
    sides = [side for side in ("candidate", "champion") if measures.get(side) and record[side] is not None]
    if not sides:
        return []
    lines = [f"| | {' | '.join(sides)} |", "|---|" + "--:|" * len(sides)]
    for key, label in MEASURES.items():
        found = [measures[side].get(key) for side in sides]
        if any(found):
            said = [cell(_said(each)) for each in found]
            lines.append(f"| {label} | {' | '.join(said)} |")
    return [*lines, ""]


def _said(found: Estimate | None) -> str:
    if found is None or found.value is None:
        return "undefined"
    return with_unit(found.value, found.unit).removesuffix(" ratio")


def _checks(record: Mapping[str, Any], room: int) -> list[str]:
    """A table of the checks that do not hold, as many as there is room for, and a line about the others."""
    held = [check for check in record["checks"] if check["status"] in ("pass", "info", "skipped")]
    others = [check for check in record["checks"] if check not in held]
    others.sort(key=lambda check: ORDER.index(check["status"]))
    lines = ["| | check | found |", "|:-:|---|---|"] if others else []
    shown = 0
    for check in others:
        line = f"| {MARKS[check['status']]} | {cell(check['name'])} | {cell(check['detail'])} |"
        room -= len(line) + 1
        if room < 0:
            break
        lines.append(line)
        shown += 1
    left = len(others) - shown
    tail = [f"{left} more checks do not hold and do not fit here; the job's summary has all."] if left else []
    passed = sum(check["status"] == "pass" for check in record["checks"])
    return [*lines, *([""] if others else []), *tail, f"{passed} checks hold."]
