"""A section for the model's card, with the `model-index` that model hubs read."""

from __future__ import annotations

from typing import Any

import yaml

from rook_bench.gates.formats.summary import WORDS


def to_model_card(record: dict[str, Any]) -> str:
    """Front matter with a `model-index`, then what the gate said, in words.

    Only checks that rest on a defined estimate become metrics; intervals stand in the metric's name
    because the format has no place for them.

    Args:
        record: the content of verdict.json.
    """
    candidate, tape = record["candidate"], record["tape"]
    metrics = [_metric(check) for check in record["checks"] if _value(check) is not None]
    index = {
        "model-index": [
            {
                "name": candidate["name"],
                "results": [
                    {
                        "task": {"type": "text-classification", "name": "BUY / SELL / HOLD on Uniswap swaps"},
                        "dataset": {
                            "type": "uniswap-swaps",
                            "name": f"{tape['pair']}, {tape['first_at'][:10]} to {tape['last_at'][:10]}",
                            "revision": tape["data_hash"],
                        },
                        "metrics": metrics,
                    }
                ],
            }
        ]
    }
    front = yaml.safe_dump(index, sort_keys=False, allow_unicode=True, width=100)
    _, meaning = WORDS[record["verdict"]]
    champion = record["champion"]
    against = f" against `{champion['name']}`" if champion else ""
    reasons = "\n".join(f"- {reason}" for reason in record["reasons"])
    return (
        f"---\n{front}---\n\n## Gate\n\n**{record['verdict']}**{against}: {meaning} "
        f"(policy {record['policy']['name']}, {tape['swaps']:,} swaps, {tape['span_days']:.1f} days, net of fee, "
        f"impact, gas and reverts).\n\n{reasons}\n\nVerdict `{record['hash']}`, judged {record['judged_at']}.\n"
    )


def _value(check: dict[str, Any]) -> float | None:
    estimate = check["estimate"]
    return None if estimate is None else estimate["value"]


def _metric(check: dict[str, Any]) -> dict[str, Any]:
    estimate = check["estimate"]
    name = f"{check['name']} ({estimate['unit']})"
    if estimate["low"] is not None and estimate["high"] is not None:
        name += f", interval {estimate['low']:.4g} to {estimate['high']:.4g}"
    kind = "".join(letter if letter.isalnum() else "_" for letter in check["name"].lower()).strip("_")
    return {"type": kind, "name": name, "value": float(estimate["value"]), "verified": False}
