"""`rook-bench demo`: the main job on the shipped sample, from swaps to a verdict on a fine-tuned model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rook_bench.cli.gate import print_verdict
from rook_bench.cli.tables import print_table
from rook_bench.cli.train import summary
from rook_bench.core import InputError
from rook_bench.core.console import err, remark, say
from rook_bench.core.files import check_replaceable, whole_folder
from rook_bench.core.shipped import KindName, shipped
from rook_bench.dataset.prepare import held_out, prepare
from rook_bench.dataset.rules import Rules
from rook_bench.gates import load_policy
from rook_bench.ingest.read import read_swaps
from rook_bench.language.base import check_base
from rook_bench.language.runtime import require_train_extra
from rook_bench.tapecheck.check import check_tape, describe, in_lines
from rook_bench.training import TrainSettings, load_settings
from rook_bench.workbench.compare import compare
from rook_bench.workbench.judge import judge

QUICK_SWAPS = 2000
FULL = {"num_epochs": 5}
QUICK = {"num_epochs": 4, "batch_size": 16}


def demo(
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder for everything the demo writes (reports/demo, demo-edge).")
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help=f"Use the first {QUICK_SWAPS:,} swaps only.")] = False,
    edge: Annotated[
        bool,
        typer.Option("--edge", help="On simulated pools with and without an edge: rules, rewards, gate, promotion."),
    ] = False,
) -> None:
    """Run the whole path on the sample: prepare, fine-tune, decide, replay, compare, report, gate."""
    if edge:
        from rook_bench.cli.demo_edge import demo_edge

        demo_edge(out or Path("reports/demo-edge"), quick=quick)
        return
    out = out or Path("reports/demo")
    # Whatever can be wrong is looked at before anything takes time.
    adapter, trials = (out.with_name(f"{out.name}-{what}") for what in ("adapter", "trials"))
    for folder in (out, adapter):
        check_replaceable(folder)
    rules_file, policy = _shipped("rules", "data_driven"), load_policy(_shipped("policy", "rook-promotion"))
    rules, settings = Rules.from_file(rules_file), _settings(quick)
    frame = read_swaps(_shipped("tape", "sample"))
    origin = "the shipped sample of a simulated pool"
    if quick:
        frame, origin = frame[:QUICK_SWAPS], f"the first {QUICK_SWAPS:,} swaps of {origin}"

    say(f"1. tape: {origin}")
    told = ("pool", "swaps", "reprice", "ticks", "chain", "fee")
    for line in in_lines((name, text) for name, text in describe(check_tape(frame)) if name in told):
        say(f"   {line}")

    with whole_folder(out) as aside:
        done = prepare(frame, rules, aside / "prepared")
        say(
            "2. prepared: "
            + ", ".join(f"{name} {count}" for name, count in done.sides.items())
            + "; splits "
            + ", ".join(f"{name} {count}" for name, count in done.splits.items())
        )
        models = _fine_tuned(aside / "prepared", adapter, settings)

        test = held_out(frame, rules)
        say(
            f"4. held-out part: {len(test)} swaps over {test.span_s / 3600:.1f} hours; deciding and replaying "
            "(the first run compiles the replay loop, some seconds)"
        )
        # The candidate is what was fine-tuned, and the rules it learned from are champion; without a model the rules
        # are the candidate, and holding is.
        sources = [*models, f"rules:{rules_file}", "momentum", "always-buy", "foresight"]
        champion = 2 if models else len(sources)
        # The demo keeps a ledger of its own, and knows of no promotions: toying with the sample is no try of
        # anybody's candidate.
        comparison = compare(test, sources, trials=trials)
        print_table(comparison)

        say(f"5. gate: may {comparison[0].name} be promoted over {comparison[champion].name}?")
        judged = judge(policy, comparison[0], comparison[champion], beside=comparison, models=trials, trials=trials)
        print_verdict(judged.verdict)
        judged.write(aside)
    if models:
        say(f"adapter: {adapter.resolve()}")
    say(f"report: {(out / 'report.html').resolve()}")
    say(f"verdict: {judged.verdict.verdict}")


def _settings(quick: bool) -> TrainSettings | None:
    """How rook-tiny is fine-tuned; None where the train extra is not installed."""
    try:
        require_train_extra()
    except InputError as error:
        remark(f"no model will be fine-tuned: {error}")
        return None
    settings = load_settings(_shipped("training", "rook-tiny"), **(QUICK if quick else FULL))
    check_base(settings.model)
    return settings


def _fine_tuned(prepared: Path, adapter: Path, settings: TrainSettings | None) -> list[str]:
    """Fine-tune a base model; the sources to compare, none without settings."""
    if settings is None:
        say("3. no model is fine-tuned")
        return []
    from rook_bench.training.fit import train

    say(f"3. fine-tuning {settings.model} with LoRA to imitate the rules")
    done = train(prepared, adapter, settings, say=lambda line: say(f"   {line}"), console=err)
    for line in summary(done)[:3]:
        say(f"   {line}")
    return [f"lora:{adapter}", f"base:{adapter}"]


def _shipped(kind: KindName, name: str) -> Path:
    found = shipped(kind, name)
    if found is None:
        raise InputError(f"{name}, which comes with rook-bench, is missing", where="demo", hint="install it again")
    return found
