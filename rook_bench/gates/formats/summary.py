"""The verdict as Markdown for a pull request or a CI job's summary page."""

from __future__ import annotations

import re
from typing import Any

from rook_bench.core.untrusted import shown

MARKS = {
    "pass": "✅",
    "fail": "❌",
    "inconclusive": "❔",
    "invalid": "⛔",
    "waived": "🖊️",
    "skipped": "⚪",
    "info": "📎",
}
WORDS = {
    "PROMOTE": ("✅", "every check passed"),
    "BLOCK": ("❌", "at least one check fails"),
    "INCONCLUSIVE": ("❔", "the evidence does not suffice to decide"),
    "INVALID": ("⛔", "there is nothing that may be judged"),
}
ORDER = ("invalid", "fail", "inconclusive", "waived", "pass", "skipped", "info")


def to_summary(record: dict[str, Any]) -> str:
    """Verdict, the deciding reasons, a table of all checks (worst first), and the hashes folded away.

    Args:
        record: the content of verdict.json.
    """
    mark, meaning = WORDS[record["verdict"]]
    champion = record["champion"]
    against = f" against {_code(champion['name'])}" if champion else ""
    tape = record["tape"]
    lines = [
        f"## {mark} {record['verdict']}: {meaning}",
        "",
        f"{_code(record['candidate']['name'])}{against}, policy {_code(record['policy']['name'])}, "
        f"{tape['swaps']:,} swaps of {_cell(tape['pair'])} over {_span(tape['span_days'])}.",
        "",
        *(f"- {_cell(reason)}" for reason in record["reasons"]),
        "",
        *_looks(record),
        "| | check | found |",
        "|:-:|---|---|",
    ]
    for check in sorted(record["checks"], key=lambda check: ORDER.index(check["status"])):
        lines.append(f"| {MARKS[check['status']]} | {_cell(check['name'])} | {_cell(check['detail'])} |")
    lines += ["", "<details><summary>What was judged (hashes)</summary>", "", "| | |", "|---|---|"]
    for name, value in _hashes(record):
        lines.append(f"| {name} | `{value}` |")
    return "\n".join([*lines, "", "</details>", ""])


def _looks(record: dict[str, Any]) -> list[str]:
    trials = record["trials"]
    if trials is None:
        return []
    times = "once" if trials["looks"] == 1 else f"{trials['looks']} times"
    with_ = "1 candidate" if trials["candidates"] == 1 else f"{trials['candidates']} candidates"
    return [f"This stretch of the pool has been looked at {times}, with {with_}.", ""]


def _hashes(record: dict[str, Any]) -> list[tuple[str, str]]:
    rows = [("verdict", record["hash"]), ("policy", record["policy"]["hash"]), ("tape", record["tape"]["data_hash"])]
    for side in ("candidate", "champion"):
        found = record[side] or {}
        rows += [
            (f"{side} {key.removesuffix('_hash')}", value) for key, value in found.items() if key in _SHOWN and value
        ]
    return [*rows, ("code", record["code_hash"])]


_SHOWN = ("run_hash", "decisions_hash", "adapter_hash", "base_hash", "prompt_hash")


def _span(days: float) -> str:
    return f"{days:.1f} days" if days >= 1 else f"{days * 24:.1f} hours"


def _cell(text: str) -> str:
    """Text that can't break out of a table cell or be read as markup."""
    escaped = " ".join(shown(text).split()).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\|_*`\[\]!#~])", r"\\\1", escaped)


def _code(name: str) -> str:
    """A name as code; without what would end it, or its line."""
    shown = "".join(
        letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in name.replace("`", "'")
    )
    return f"`{shown}`"
