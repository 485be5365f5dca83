"""A section for the model's card, with the `model-index` that model hubs read."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from rook_bench.gates.formats.summary import WORDS

TASK = {"task_type": "text-classification", "task_name": "BUY / SELL / HOLD on Uniswap swaps"}
DATASET = "uniswap-swaps"


def to_model_card(record: dict[str, Any]) -> str:
    """Front matter with a `model-index`, then what the gate said, in words.

    Only checks that rest on a defined estimate become metrics; intervals stand in the metric's name
    because the format has no place for them.

    Args:
        record: the content of verdict.json.
    """
    candidate, tape = record["candidate"], record["tape"]
    metrics = [
        {"type": kind, "name": name, "value": value, "verified": False} for kind, name, value in measured(record)
    ]
    index = {
        "model-index": [
            {
                "name": candidate["name"],
                "results": [
                    {
                        "task": {"type": TASK["task_type"], "name": TASK["task_name"]},
                        "dataset": {
                            "type": DATASET,
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


def eval_results(
    measured: Iterable[tuple[str, str, float]], *, dataset: str, revision: str, split: str | None = None
) -> list[Any]:
    """Results as the hub's own client holds them (`huggingface_hub.EvalResult`); what is no number is left out.

    Args:
        measured: kind, name and value of each.
        dataset: name of the swaps; revision: hash of them; split: which of them.
    """
    from huggingface_hub import EvalResult

    return [
        EvalResult(
            task_type=TASK["task_type"],
            task_name=TASK["task_name"],
            dataset_type=DATASET,
            dataset_name=dataset,
            dataset_split=split,
            dataset_revision=revision,
            metric_type=kind,
            metric_name=name,
            metric_value=float(value),
            verified=False,
        )
        for kind, name, value in measured
        if math.isfinite(value)
    ]


def measured(record: Mapping[str, Any]) -> list[tuple[str, str, float]]:
    """Kind, name and value of each check that rests on a defined estimate."""
    found = []
    for check in record["checks"]:
        estimate = check["estimate"]
        if estimate is None or estimate["value"] is None:
            continue
        name = f"{check['name']} ({estimate['unit']})" if estimate["unit"] else str(check["name"])
        if estimate["low"] is not None and estimate["high"] is not None:
            name += f", interval {estimate['low']:.4g} to {estimate['high']:.4g}"
        kind = "".join(letter if letter.isalnum() else "_" for letter in check["name"].lower()).strip("_")
        found.append((kind, name, float(estimate["value"])))
    return found
