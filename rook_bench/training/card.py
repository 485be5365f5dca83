"""The model card of an adapter."""

from __future__ import annotations

from typing import Any

from rook_bench.core import SIDE_NAMES
from rook_bench.gates.formats.model_card import eval_results
from rook_bench.language.manifest import Manifest


def model_card(manifest: Manifest, name: str) -> str:
    """README.md of an adapter: what it is, how it was made, what it reached, what it is not for."""
    from huggingface_hub import ModelCardData

    facts = manifest.training
    head = ModelCardData(
        model_name=name,
        library_name="peft" if manifest.kind == "lora" else "transformers",
        base_model=manifest.base.reference,
        pipeline_tag="text-generation",
        tags=["rook-bench", "trading", manifest.kind],
        eval_results=_measured(facts),
    )
    lines = [
        "---",
        head.to_yaml(),
        "---",
        "",
        f"# {name}",
        "",
        *_intro(manifest, facts),
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
        *(_policy_results(facts) if facts["stage"] == "rl" else _results(manifest, facts)),
        *(_draft_results(facts) if facts["stage"] == "draft" else []),
        *_pool_results(facts),
        "",
        "The test split was not looked at in training.",
        "",
        "## Training",
        "",
        _taught(manifest, facts),
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


def _measured(facts: dict[str, Any]) -> list[Any]:
    """Results on the validation split, as hubs read them."""
    found, shown = facts["validation"], _EARNED if facts["stage"] == "rl" else _RESULTS
    return eval_results(
        ((key, label, found[key]) for label, key in shown if key in found),
        dataset=f"{facts['pool']['pair']}, validation",
        revision=facts["data_hash"],
        split="validation",
    )


def _intro(manifest: Manifest, facts: dict[str, Any]) -> list[str]:
    what = f"A {'LoRA adapter for' if manifest.kind == 'lora' else 'full fine-tuning of'} {manifest.base.reference}, "
    if facts["stage"] == "rl":
        found = (
            "The critic found no edge in them, and so the model was taught to hold. "
            if facts["critic"]["shrunk"] == 0
            else ""
        )
        return [
            f"{what}taught with ROOK Bench what each action would have earned on {facts['rows']['train']:,} swaps and "
            f"their mirror images, going on from adapter `{facts['parent']['adapter'][:16]}`. {found}What it earned on "
            "validation chose among checkpoints and proves nothing; `rook-bench gate` on later swaps does."
        ]
    written = ""
    if facts["stage"] == "draft":
        drafts = facts["drafts"]
        role = "says why before it answers" if drafts["order"] == "before" else "explains its answer after it"
        written = (
            f" It {role}: {', '.join(drafts['steps'])}, in drafts that {_TEACHERS[drafts['teacher']['name']]} wrote."
        )
    return [
        f"{what}trained with ROOK Bench to imitate heuristic rules on {facts['rows']['train']:,} swaps. How well it "
        "imitates them is below; whether it earns anything is another question, which `rook-bench compare` and "
        "`rook-bench gate` answer." + written
    ]


def _results(manifest: Manifest, facts: dict[str, Any]) -> list[str]:
    return [
        "| measure | value |",
        "|---|---|",
        *(f"| {label} | {facts['validation'][key]:.4f} |" for label, key in _RESULTS if key in facts["validation"]),
        f"| ECE before and after temperature {manifest.temperature:.3f} | {facts['calibration']['before']:.4f}, "
        f"{facts['calibration']['after']:.4f} |",
        "",
        "Rivals on the same numbers, fitted on all train rows, macro-F1: "
        + ", ".join(f"{label} {facts['ceiling'][key]:.3f}" for label, key in _RIVALS)
        + ".",
    ]


_TEACHERS = {"rules": "the rules themselves", "model": "another model", "endpoint": "a model behind a server"}


def _draft_results(facts: dict[str, Any]) -> list[str]:
    worth, drafts = facts["draft_worth"], facts["drafts"]
    free = worth["written"]
    lines = [
        "",
        f"Drafts on {worth['rows']:,} validation rows, {worth['tokens']:.0f} tokens each; of those asked for "
        f"{drafts['kept']:.1%} were true and taught:",
        "",
        "| measure | value |",
        "|---|---|",
        f"| written freely: answers that can be read | {free['read']:.1%} |",
        f"| written freely: numbers copied | {free['numbers copied']:.1%} |",
        f"| written freely: verdicts true | {free['verdicts true']:.1%} |",
    ]
    if drafts["order"] == "after":
        return [*lines, "", "The draft comes after the answer. It is an explanation and not the cause."]
    causal = worth["causal"]
    shown = "undefined" if causal is None else f"{causal:.1%} of {worth['turned']:,}"
    return [
        *lines,
        f"| with the numbers given: verdicts true, whole drafts true | {worth['verdicts true']:.1%}, "
        f"{worth['true to the row']:.1%} |",
        f"| the answer follows from the draft by the rules | {worth['true to the answer']:.1%} |",
        f"| answers that turn where the deciding verdict is turned | {shown} |",
        "",
        "Where few answers turn, the draft is not their reason: it helps, if at all, by showing the numbers again.",
    ]


def _pool_results(facts: dict[str, Any]) -> list[str]:
    """A row for each of several pools; what stands above are their means."""
    pools = facts.get("pools")
    if pools is None:
        return []
    split, every = facts["common_split"], _EARNED if facts["stage"] == "rl" else _RESULTS
    shown = [(label, key) for label, key in every if any(key in pool["validation"] for pool in pools)][:4]
    until = f", nothing from {split['test_from']} on was seen" if split["test_from"] else ""
    lines = [
        "",
        f"Trained on {len(pools)} pools together, whose means these are. They are cut at one time: validation is from "
        f"{split['validation_from']} on{until}.",
        "",
        f"| pool | learned from | {' | '.join(label for label, _ in shown)} |",
        f"|---|---|{'---|' * len(shown)}",
    ]
    for pool in pools:
        figures = [f"{pool['validation'][key]:.4f}" if key in pool["validation"] else "" for _, key in shown]
        lines.append(f"| {pool['name']} | {pool['rows']['train']:,} rows | {' | '.join(figures)} |")
    return lines


def _policy_results(facts: dict[str, Any]) -> list[str]:
    critic, ceiling = facts["critic"], facts["rewards"]["facts"]["ceiling"]
    known = "nothing foretold" if ceiling["value"] is None else f"{ceiling['value']:.3f} ± {ceiling['se']:.3f}"
    slope = f"{critic['slope']:.3f} ± {critic['slope_se']:.3f}"
    return [
        "| measure | value |",
        "|---|---|",
        *(f"| {label} | {facts['validation'][key]:.4f} |" for label, key in _EARNED if key in facts["validation"]),
        f"| slope of mark-outs on the critic's forecasts, out of fold | {slope} |",
        f"| forecasts are multiplied by | {critic['shrunk']:.3f} |",
        f"| reward ceiling: that slope with every feature | {known} |",
        f"| cost of an order, bps | {critic['cost_bps']:.2f} |",
        "",
        f"Confidence is the chance that a trade gains by {facts['rewards']['horizon_s']:g} s after it landed, every "
        "cost paid. The rival that must stand beside it is the critic itself, `tree:REWARDS`.",
    ]


def _taught(manifest: Manifest, facts: dict[str, Any]) -> str:
    if facts["stage"] == "rl":
        return (
            f"- Stage 3, objective `{facts['objective']}`; rewards `{facts['rewards']['file'][:16]}` marked after "
            f"{facts['rewards']['horizon_s']:g} s, critic `{facts['critic']['trees'][:16]}`, parent "
            f"`{facts['parent']['adapter'][:16]}` (stage {facts['parent']['stage']})."
        )
    return (
        f"- Labels: {_counts(facts['labels'])}. Weights in the loss ({facts['settings']['balance']}): "
        + ", ".join(f"{side} {manifest.class_weights[side]:.3f}" for side in SIDE_NAMES)
        + "; probabilities are corrected back to the natural mixture."
    )


_EARNED = (
    ("share of rows with a trade", "trade_share"),
    ("net reward of a trade, bps", "reward_bps"),
    ("its standard error, bps", "reward_se_bps"),
    ("share of trades that buy", "buy_share"),
    ("objective", "nll"),
)

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
