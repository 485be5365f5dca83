"""`rook-bench train`: fine-tune a base model on a prepared folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from rook_bench.cli import layout
from rook_bench.cli.options import RayAddress, Track, Trials
from rook_bench.cli.tracking import put, tracking
from rook_bench.core import ConfigError
from rook_bench.core.console import remark, say, say_json
from rook_bench.dataset.folds import has_folds
from rook_bench.engines import Threads, engine_of
from rook_bench.training.fit import Trained
from rook_bench.training.ranks import is_first
from rook_bench.workbench import fine_tune as bench
from rook_bench.workbench import fine_tune_folds as bench_folds
from rook_bench.workbench.fine_tune_folds import TrainedFolds


def train(
    data_dir: Annotated[
        list[Path],
        typer.Option(
            "--data-dir",
            help="What `data prepare` wrote: labels and splits. Repeat for several pools, which are cut at one date.",
        ),
    ],
    output_dir: Annotated[
        Path, typer.Option("--output-dir", help="The adapter's folder; appears whole or not at all.")
    ],
    epochs: Annotated[float | None, typer.Option("--epochs", help="Most epochs (3).")] = None,
    max_samples: Annotated[
        int | None, typer.Option("--max-samples", help="Rows drawn from each pool's train split (1000).")
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            help="Base: a folder, rook-tiny or a name below models/base, or a hub name (microsoft/DialoGPT-medium).",
        ),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            help="Settings: a file (JSON, TOML, YAML; ROOK's JSON too) or a name (rook-tiny); flags overrule it.",
        ),
    ] = None,
    template: Annotated[
        str | None, typer.Option("--template", help="Prompt: codes, numbers, seed, rook-v1, or a file (codes).")
    ] = None,
    pair_token: Annotated[
        bool, typer.Option("--pair-token", help="Begin each prompt with the pool's pair and fee, for several pools.")
    ] = False,
    batch_size: Annotated[int | None, typer.Option("--batch-size", help="Examples per forward pass (1).")] = None,
    learning_rate: Annotated[
        float | None, typer.Option("--learning-rate", help="Peak of the linear schedule (1e-4).")
    ] = None,
    lora_targets: Annotated[
        str | None,
        typer.Option("--lora-targets", help="Layers that get an adapter: names with commas, or all-linear."),
    ] = None,
    dora: Annotated[bool, typer.Option("--dora", help="Weight-decomposed adapters (DoRA).")] = False,
    rslora: Annotated[bool, typer.Option("--rslora", help="Rank-stabilised adapters (rsLoRA).")] = False,
    gradient_checkpointing: Annotated[
        bool, typer.Option("--gradient-checkpointing", help="Less memory, more time.")
    ] = False,
    load_in_4bit: Annotated[
        bool, typer.Option("--load-in-4bit", help="Train on a base in 4 bits (QLoRA), for one that would not fit.")
    ] = False,
    stage: Annotated[
        str,
        typer.Option(
            "--stage",
            help="sft: the labels; draft: with drafts (--drafts); rl: rewards of each action (--rewards, --from).",
        ),
    ] = "sft",
    rewards: Annotated[
        Path | None, typer.Option("--rewards", help="For stage rl: what `reward` wrote for this folder.")
    ] = None,
    drafts: Annotated[
        Path | None, typer.Option("--drafts", help="For stage draft: what `teach` wrote for this folder.")
    ] = None,
    parent: Annotated[
        Path | None,
        typer.Option("--from", metavar="ADAPTER", help="For stages draft and rl: the adapter that they go on with."),
    ] = None,
    objective: Annotated[
        str | None, typer.Option("--objective", help="For stage rl: critic (what it expects) or utility (critic).")
    ] = None,
    seed: Annotated[int | None, typer.Option("--seed", help="Of everything random (0).")] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Forget the checkpoints of an interrupted run.")] = False,
    report_to: Annotated[
        list[str] | None,
        typer.Option(
            "--report-to", metavar="NAME", help="Report while it runs: tensorboard, wandb, trackio, mlflow; repeat."
        ),
    ] = None,
    processes: Annotated[
        int | None,
        typer.Option("--processes", metavar="N", min=1, help="Of folds: train so many at the same time."),
    ] = None,
    ray: RayAddress = None,
    trials: Trials = None,
    track: Track = None,
    json: Annotated[bool, typer.Option("--json", help="Print the adapter's record and nothing else.")] = False,
) -> None:
    """Fine-tune with LoRA, measured on validation after each epoch; run it again after an interruption to go on."""
    asked: dict[str, Any] = {
        "stage": stage,
        "rewards": rewards,
        "drafts": drafts,
        "parent": parent,
        "fresh": fresh,
        "objective": objective,
        "trials": trials,
        "say": remark if json else say,
        "num_epochs": epochs,
        "max_samples": max_samples,
        "model": model,
        "template": template,
        "pair_token": pair_token or None,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "lora_targets": lora_targets,
        "lora_dora": dora or None,
        "lora_rs": rslora or None,
        "gradient_checkpointing": gradient_checkpointing or None,
        "load_in_4bit": load_in_4bit or None,
        "seed": seed,
    }
    if len(data_dir) == 1 and has_folds(data_dir[0]):
        for option, given in (("--report-to", report_to), ("--track", track)):
            if given:
                raise ConfigError("it hears of one training run, not of folds", where=option, hint="leave it away")
        engine = Threads(1) if processes is None and ray is None else engine_of(processes=processes, ray=ray)
        folded = bench_folds.train_folds(data_dir[0], output_dir, config, engine=engine, **asked)
        _say_folds(folded, json=json)
        return
    for option, asked_for in (("--processes", processes), ("--ray", ray)):
        if asked_for is not None:
            hint = "cut the tape with rook-bench data prepare --walk-forward"
            raise ConfigError("it is for folds, and this is one folder", where=option, hint=hint)
    tracker = tracking(track) if is_first() else None
    done = bench.train(data_dir, output_dir, config, report_to=report_to or (), **asked)
    if not is_first():
        return
    put(tracker, output_dir)
    if json:
        say_json(done.manifest.model_dump(mode="json"))
        return
    for line in summary(done):
        say(line)


def _say_folds(done: TrainedFolds, *, json: bool) -> None:
    """A row for each fold: how well it learned, and when it is asked."""
    if json:
        manifests = [one.manifest.model_dump(mode="json") for one in done.trained]
        say_json(done.folds.model_dump(mode="json") | {"adapters": dict(zip(done.folds.names, manifests, strict=True))})
        return
    rows = []
    for name, held_out, one in zip(done.folds.names, done.folds.folds, done.trained, strict=True):
        facts, measured = one.manifest.training, one.validation
        figures = [
            f"{facts['rows']['train']:,}",
            f"{measured['macro_f1']:.3f}" if "macro_f1" in measured else "",
            f"{one.ceiling.boosted:.3f}" if one.ceiling else "",
            f"{measured['trade_share']:.1%}" if "trade_share" in measured else "",
            f"{measured['reward_bps']:+.2f}" if "reward_bps" in measured else "",
            f"{facts['best_epoch']:.3g}",
            f"{facts['seconds']:.0f} s",
        ]
        rows.append(([name, done.folds.spans(held_out)], figures))
    titles = ["rows", "macro-F1", "ceiling", "trades", "bps each", "epoch", "took"]
    told = [place for place in range(len(titles)) if any(figures[place] for _, figures in rows)]
    say()
    shown = [(head, [line[place] for place in told]) for head, line in rows]
    layout.print_table(["fold", "judged on"], [titles[place] for place in told], shown)
    say()
    say(f"source: folds:{done.folder}")


def summary(done: Trained) -> list[str]:
    """What a training run came to."""
    facts: dict[str, Any] = done.manifest.training
    if done.ceiling is None:
        return _policy(done, facts)
    measured, pools = done.validation, facts.get("pools", ())
    recalls = ", ".join(
        f"{name} {measured[f'recall_{name.lower()}']:.3f}"
        for name in ("BUY", "HOLD", "SELL")
        if f"recall_{name.lower()}" in measured
    )
    calibration = facts["calibration"]
    return [
        *_by_pool(pools, done.ceiling.boosted_by_pool),
        f"{'mean of them' if pools else 'validation'}: macro-F1 {measured['macro_f1']:.3f} "
        f"(ceiling {done.ceiling.boosted:.3f}, majority "
        f"{done.ceiling.majority:.3f}), recall {recalls}",
        f"calibration: ECE {calibration['before']:.4f} before, {calibration['after']:.4f} after temperature "
        + (", ".join(f"{one.temperature:.3f}" for one in done.manifest.pools or (done.manifest,))),
        *_kept(done, facts),
    ]


def _by_pool(pools: Sequence[Mapping[str, Any]], ceilings: Mapping[str, float]) -> list[str]:
    """A line for each of several pools."""
    return [
        f"validation of {one['name']}: macro-F1 {one['validation']['macro_f1']:.3f} "
        f"(ceiling {ceilings[one['name']]:.3f}), accuracy {one['validation']['accuracy']:.3f}, "
        f"ECE {one['validation']['ece']:.4f}, of {one['rows']['validation']:,} rows; {one['rows']['train']:,} were "
        "learned from"
        for one in pools
    ]


def _policy(done: Trained, facts: dict[str, Any]) -> list[str]:
    measured = done.validation
    line = "mean of them" if "pools" in facts else "validation"
    line += f": trades on {measured['trade_share']:.1%} of {facts['rows']['validation']:,} rows"
    if "reward_bps" in measured:
        error = f" ± {measured['reward_se_bps']:.2f}" if "reward_se_bps" in measured else ""
        line += f", {measured['reward_bps']:+.2f}{error} bps each, {measured['buy_share']:.0%} of them to buy"
    knots = done.manifest.chance
    pools = [
        f"validation of {one['name']}: trades on {one['validation']['trade_share']:.1%} of "
        f"{one['rows']['validation']:,} rows"
        + (f", {one['validation']['reward_bps']:+.2f} bps each" if "reward_bps" in one["validation"] else "")
        for one in facts.get("pools", ())
    ]
    return [
        *pools,
        line,
        "confidence: the chance of a profit, "
        + ("which validation could not tell" if knots is None else f"{knots.share[0]:.0%} to {knots.share[-1]:.0%}"),
        *_kept(done, facts),
    ]


def _kept(done: Trained, facts: dict[str, Any]) -> list[str]:
    return [
        f"{facts['trainable_parameters']:,} of {facts['parameters']:,} parameters trained in {facts['seconds']:.0f} s",
        f"kept: epoch {facts['best_epoch']:.3g} of {facts['epochs']:.3g}, which has the least NLL on validation",
        f"adapter: {done.folder}",
    ]
