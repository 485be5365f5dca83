"""The model card of an adapter."""

from __future__ import annotations

from typing import Any

import yaml

from rook_bench.core import SIDE_NAMES
from rook_bench.language.manifest import Manifest


def model_card(manifest: Manifest, name: str) -> str:
    """README.md of an adapter: what it is, how it was made, what it reached, what it is not for."""
    facts = manifest.training
    head = {
        "library_name": "peft" if manifest.kind == "lora" else "transformers",
        "base_model": manifest.base.reference,
        "pipeline_tag": "text-generation",
        "tags": ["rook-bench", "trading", manifest.kind],
    }
    lines = [
        "---",
        yaml.safe_dump(head, sort_keys=False).strip(),
        "---",
        "",
        f"# {name}",
        "",
        f"A {'LoRA adapter for' if manifest.kind == 'lora' else 'full fine-tuning of'} {manifest.base.reference}, "
        f"trained with ROOK Bench to imitate heuristic rules on {facts['rows']['train']:,} swaps. How well it imitates "
        "them is below; whether it earns anything is another question, which `rook-bench compare` and "
        "`rook-bench gate` answer.",
        "",
        "## Prompt",
        "",
        f"Template `{manifest.template.name}` version {manifest.template.version} "
        f"(`{manifest.template.sha256[:16]}`), for example:",
        "",
        "```text",
        facts["example"],
        "```",
        "",
        "## Results on the validation split",
        "",
        "| measure | value |",
        "|---|---|",
        *(f"| {label} | {facts['validation'][key]:.4f} |" for label, key in _RESULTS if key in facts["validation"]),
        f"| ECE before and after temperature {manifest.temperature:.3f} | {facts['calibration']['before']:.4f}, "
        f"{facts['calibration']['after']:.4f} |",
        "",
        "Rivals on the same numbers, fitted on all train rows, macro-F1: "
        + ", ".join(f"{label} {facts['ceiling'][key]:.3f}" for label, key in _RIVALS)
        + ".",
        "",
        "The test split was not looked at in training.",
        "",
        "## Training",
        "",
        f"- Labels: {_counts(facts['labels'])}. Weights in the loss ({facts['settings']['balance']}): "
        + ", ".join(f"{side} {manifest.class_weights[side]:.3f}" for side in SIDE_NAMES)
        + "; probabilities are corrected back to the natural mixture.",
        f"- {facts['trainable_parameters']:,} of {facts['parameters']:,} parameters trained"
        + (f", LoRA on {', '.join(facts['lora_targets'])}" if facts["lora_targets"] else "")
        + f"; best epoch {facts['best_epoch']:.3g} of {facts['epochs']:.3g}; {facts['seconds']:.0f} s on "
        f"{facts['device']}.",
        f"- Settings: `{facts['settings']}`",
        f"- Versions: {', '.join(f'{package} {version}' for package, version in facts['versions'].items())}.",
        f"- Data `{facts['data_hash'][:16]}`, base `{manifest.base.sha256[:16]}`, code `{facts['code'][:16]}`.",
        "",
        "## Use",
        "",
        *_use(manifest, name),
        "",
        "Not for trading: nothing here says that it earns money.",
        "",
    ]
    return "\n".join(lines)


_RESULTS = (
    ("side accuracy", "accuracy"),
    ("balanced accuracy", "balanced_accuracy"),
    ("macro-F1", "macro_f1"),
    ("recall BUY", "recall_buy"),
    ("recall HOLD", "recall_hold"),
    ("recall SELL", "recall_sell"),
    ("negative log-likelihood, nats", "nll"),
    ("MSE size", "mse_size"),
    ("MSE slippage, bps squared", "mse_slippage_bps"),
    ("MSE deadline, s squared", "mse_deadline_s"),
)

_RIVALS = (
    ("boosted trees (the prompt's ceiling)", "boosted"),
    ("decision tree", "tree"),
    ("logistic regression", "logistic"),
    ("majority", "majority"),
)


def _counts(labels: dict[str, Any]) -> str:
    total = sum(labels.values())
    return ", ".join(f"{name} {count:,} ({count / total:.1%})" for name, count in labels.items())


def _use(manifest: Manifest, name: str) -> list[str]:
    if manifest.kind == "full":
        return [f"`rook-bench compare TAPE --source lora:{name} --out reports/{name}`."]
    return [
        f"`rook-bench compare TAPE --source lora:{name} --source base:{name} --out reports/{name}`, or:",
        "",
        "```python",
        f'base = AutoModelForCausalLM.from_pretrained("{manifest.base.reference}")',
        f'model = PeftModel.from_pretrained(base, "{name}").eval()',
        "```",
    ]
