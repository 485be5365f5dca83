"""`rook-bench demo`: the main job on the shipped sample, from swaps to a verdict on a fine-tuned model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from rook_bench.cli.gate import print_verdict
from rook_bench.cli.tables import print_table
from rook_bench.cli.train import summary
from rook_bench.core import InputError
from rook_bench.core.console import err, remark, say
from rook_bench.core.files import check_replaceable, whole_folder
from rook_bench.dataset.prepare import held_out, prepare
from rook_bench.dataset.rules import Rules
from rook_bench.gates import load_policy
from rook_bench.ingest.read import read_swaps
from rook_bench.language.runtime import require_train_extra
from rook_bench.market.frame import SwapFrame
from rook_bench.market.simulation.simulate import simulate
from rook_bench.tapecheck.check import check_tape, describe, in_lines
from rook_bench.training import load_settings
from rook_bench.workbench.compare import compare
from rook_bench.workbench.judge import judge

CHECKOUT = Path(__file__).resolve().parents[2]
SAMPLE = CHECKOUT / "data" / "sample.parquet"
SAMPLE_SWAPS, SAMPLE_SEED, QUICK_SWAPS = 6000, 7, 2000
RULES = CHECKOUT / "strategies" / "data_driven.json"
POLICY = CHECKOUT / "strategies" / "gate.toml"
TRAINING = CHECKOUT / "strategies" / "rook_tiny.json"
FULL = {"num_epochs": 5}
QUICK = {"num_epochs": 4, "batch_size": 16}


def demo(
    out: Annotated[Path, typer.Option("--out", help="Folder for everything the demo writes.")] = Path("reports/demo"),
    quick: Annotated[bool, typer.Option("--quick", help=f"Use the first {QUICK_SWAPS:,} swaps only.")] = False,
) -> None:
    """Run the whole path on the sample: prepare, fine-tune, decide, replay, compare, report, gate."""
    check_replaceable(out)
    frame, origin = _sample(quick)
    say(f"1. tape: {origin}")
    told = ("pool", "swaps", "reprice", "ticks", "chain", "fee")
    for line in in_lines((name, text) for name, text in describe(check_tape(frame)) if name in told):
        say(f"   {line}")

    rules, policy = Rules.from_file(RULES), load_policy(POLICY)
    with whole_folder(out) as aside:
        done = prepare(frame, rules, aside / "prepared")
        say(
            "2. prepared: "
            + ", ".join(f"{name} {count}" for name, count in done.sides.items())
            + "; splits "
            + ", ".join(f"{name} {count}" for name, count in done.splits.items())
        )
        adapter = out.with_name(f"{out.name}-adapter")
        models = _fine_tuned(aside / "prepared", adapter, quick)

        test = held_out(frame, rules)
        say(
            f"4. held-out part: {len(test)} swaps over {test.span_s / 3600:.1f} hours; deciding and replaying "
            "(the first run compiles the replay loop, some seconds)"
        )
        # The candidate is what was fine-tuned, and the rules it learned from are champion; without a model the rules
        # are the candidate, and holding is.
        sources = [*models, f"rules:{RULES}", "momentum", "always-buy", "foresight"]
        champion = 2 if models else len(sources)
        # The demo keeps a ledger of its own: toying with the sample is no try of anybody's candidate.
        trials = out.with_name(f"{out.name}-trials")
        comparison = compare(test, sources, trials=trials)
        print_table(comparison)

        say(f"5. gate: may {comparison[0].name} be promoted over {comparison[champion].name}?")
        judged = judge(policy, comparison[0], comparison[champion], beside=comparison, trials=trials)
        print_verdict(judged.verdict)
        judged.write(aside)
    if models:
        say(f"adapter: {adapter.resolve()}")
    say(f"report: {(out / 'report.html').resolve()}")
    say(f"verdict: {judged.verdict.verdict}")


def _fine_tuned(prepared: Path, adapter: Path, quick: bool) -> list[str]:
    """Fine-tune rook-tiny; the sources to compare, none where the train extra is not installed."""
    try:
        require_train_extra()
    except InputError as error:
        say("3. no model is fine-tuned")
        remark(f"   {error}")
        return []
    from rook_bench.training.fit import train

    settings = load_settings(TRAINING, **(QUICK if quick else FULL))
    say(f"3. fine-tuning {settings.model} with LoRA to imitate the rules")
    done = train(prepared, adapter, settings, say=lambda line: say(f"   {line}"), console=err)
    for line in summary(done)[:3]:
        say(f"   {line}")
    return [f"lora:{adapter}", f"base:{adapter}"]


def _sample(quick: bool) -> tuple[SwapFrame, str]:
    """The shipped sample, or the same tape made again; and where it comes from."""
    if SAMPLE.exists():
        frame, origin = read_swaps(SAMPLE), "the shipped sample of a simulated pool"
    else:
        frame, origin = simulate(SAMPLE_SWAPS, np.random.default_rng(SAMPLE_SEED)), "a freshly simulated pool"
    return (frame[:QUICK_SWAPS], f"the first {QUICK_SWAPS:,} swaps of {origin}") if quick else (frame, origin)
