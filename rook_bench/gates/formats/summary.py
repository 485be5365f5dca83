"""The verdict as Markdown for a pull request or a CI job's summary page."""

from __future__ import annotations

from typing import Any

from rook_bench.gates.formats.markdown import MARKS, ORDER, WORDS, cell, code, span

MOST, ROOM = 1 << 20, 20_000
"""Bytes that the summary of a job's step may have on GitHub, and how many of them are kept for what stands last."""


REASONS = 50
"""Reasons that are listed; the table below them has every check."""


def to_summary(record: dict[str, Any]) -> str:
    """Verdict, the deciding reasons, a table of all checks (worst first), and the hashes folded away.

    Args:
        record: the content of verdict.json.
    """
    mark, meaning = WORDS[record["verdict"]]
    champion = record["champion"]
    against = f" against {code(champion['name'])}" if champion else ""
    tape = record["tape"]
    lines = [
        f"## {mark} {record['verdict']}: {meaning}",
        "",
        f"{code(record['candidate']['name'])}{against}, policy {code(record['policy']['name'])}, "
        f"{tape['swaps']:,} swaps of {cell(tape['pair'])} over {span(tape['span_days'])}.",
        "",
        *(f"- {cell(reason)}" for reason in record["reasons"][:REASONS]),
        *([f"- {len(record['reasons']) - REASONS:,} more"] if len(record["reasons"]) > REASONS else []),
        "",
        *_looks(record),
        "| | check | found |",
        "|:-:|---|---|",
    ]
    room = MOST - len("\n".join(lines).encode()) - ROOM
    checks = sorted(record["checks"], key=lambda check: ORDER.index(check["status"]))
    for place, check in enumerate(checks):
        line = f"| {MARKS[check['status']]} | {cell(check['name'])} | {cell(check['detail'])} |"
        room -= len(line.encode()) + 1
        if room < 0:
            lines += ["", f"{len(checks) - place:,} more checks do not fit here; verdict.json has all."]
            break
        lines.append(line)
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
