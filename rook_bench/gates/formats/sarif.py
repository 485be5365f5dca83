"""SARIF 2.1.0, which code scanning shows: one result per check that does not pass."""

from __future__ import annotations

from typing import Any

LEVELS = {"fail": "error", "invalid": "error", "inconclusive": "warning", "waived": "note"}


def to_sarif(record: dict[str, Any]) -> dict[str, Any]:
    """One run of the tool; rules are the checks.

    Args:
        record: the content of verdict.json.
    """
    checks = [check for check in record["checks"] if check["status"] != "info"]
    rules = [{"id": check["name"], "shortDescription": {"text": check["name"]}} for check in checks]
    results = [
        {
            "ruleId": check["name"],
            "ruleIndex": index,
            "level": LEVELS[check["status"]],
            "message": {"text": f"{record['candidate']['name']}: {check['detail']}"},
            "locations": [{"physicalLocation": {"artifactLocation": {"uri": "verdict.json"}}}],
            "partialFingerprints": {"decisions": record["candidate"]["decisions_hash"]},
            **({"suppressions": [_suppression(check["waiver"])]} if check["status"] == "waived" else {}),
        }
        for index, check in enumerate(checks)
        if check["status"] in LEVELS
    ]
    driver = {"name": "rook-bench gate", "version": record["rook_bench"], "rules": rules}
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "results": results}],
    }


def _suppression(waiver: dict[str, str]) -> dict[str, str]:
    told = f"{waiver['owner']} until {waiver['expires']}: {waiver['reason']}"
    return {"kind": "external", "status": "accepted", "justification": told}
