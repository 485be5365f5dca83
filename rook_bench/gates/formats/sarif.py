"""SARIF 2.1.0, which code scanning shows: one result per check that does not pass."""

from __future__ import annotations

from typing import Any

from rook_bench.core.untrusted import word

MOST = 5_000
"""Checks of a run, at most: code scanning shows so many results, and refuses a file of many more."""

LONGEST = 1_000

LEVELS = {"fail": "error", "invalid": "error", "inconclusive": "warning", "waived": "note"}


def to_sarif(record: dict[str, Any]) -> dict[str, Any]:
    """One run of the tool; rules are the checks.

    Args:
        record: the content of verdict.json.
    """
    checks = [check for check in record["checks"] if check["status"] != "info"]
    if len(checks) > MOST:
        checks.sort(key=lambda check: check["status"] not in LEVELS)
    left = sum(check["status"] in LEVELS for check in checks[MOST:])
    checks = [check | {key: word(check[key], LONGEST) for key in ("name", "detail")} for check in checks[:MOST]]
    rules = [{"id": check["name"], "shortDescription": {"text": check["name"]}} for check in checks]
    results = [
        {
            "ruleId": check["name"],
            "ruleIndex": index,
            "level": LEVELS[check["status"]],
            "message": {"text": f"{word(record['candidate']['name'], LONGEST)}: {check['detail']}"},
            "locations": [{"physicalLocation": {"artifactLocation": {"uri": "verdict.json"}}}],
            "partialFingerprints": {"decisions": record["candidate"]["decisions_hash"]},
            **({"suppressions": [_suppression(check["waiver"])]} if check["status"] == "waived" else {}),
        }
        for index, check in enumerate(checks)
        if check["status"] in LEVELS
    ]
    told = f"{left:,} more checks do not pass and do not fit here; verdict.json has all"
    notes = [{"level": "note", "message": {"text": told}}] if left else []
    driver = {"name": "rook-bench gate", "version": record["rook_bench"], "rules": rules}
    invocations = [{"executionSuccessful": True, "toolExecutionNotifications": notes}]
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "invocations": invocations, "results": results}],
    }


def _suppression(waiver: dict[str, str]) -> dict[str, str]:
    told = f"{waiver['owner']} until {waiver['expires']}: {waiver['reason']}"
    return {"kind": "external", "status": "accepted", "justification": told}
