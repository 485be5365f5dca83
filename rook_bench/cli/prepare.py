"""`rook-bench data prepare`: what a model is trained on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rook_bench.cli.options import AllowRounded, BaseChoice, Out, PoolChoice
from rook_bench.core import UnknownName
from rook_bench.core.console import say, warn
from rook_bench.core.files import check_replaceable
from rook_bench.dataset.fit_rules import RuleFit, rules_of
from rook_bench.dataset.prepare import prepare as write_prepared
from rook_bench.dataset.splits import SplitPlan
from rook_bench.ingest.importing import read_input


def prepare(
    source: Annotated[
        Path, typer.Argument(metavar="INPUT", help="A tape, or anything that can be imported, with amounts and ticks.")
    ],
    rules: Annotated[
        str,
        typer.Option(
            "--rules",
            help="What labels the rows: a file (JSON, TOML, YAML), a name (data_driven), or "
            "fit:mean-reversion,breakout: thresholds from the training rows, written to rules.json.",
        ),
    ],
    out: Out,
    target_action_rate: Annotated[
        float | None,
        typer.Option("--target-action-rate", help="Share of the training rows on which fitted rules trade; 0.1."),
    ] = None,
    compat: Annotated[
        str | None, typer.Option("--compat", help="'rook' reproduces the published files, their leaks included.")
    ] = None,
    purge: Annotated[
        int, typer.Option("--purge", min=0, help="Windows dropped at the end of train and validation.")
    ] = 100,
    embargo: Annotated[
        int, typer.Option("--embargo", min=0, help="Windows dropped at the start of validation and test.")
    ] = 0,
    windows: Annotated[
        bool,
        typer.Option("--windows", help="Write ROOK's train/val/test.csv too: windows of 203 columns; --compat does."),
    ] = False,
    pool: PoolChoice = None,
    base: BaseChoice = None,
    allow_rounded: AllowRounded = False,
) -> None:
    """Write features, conditions and labels in ROOK's layout, and chronological splits as exact tapes."""
    if compat not in (None, "rook"):
        raise UnknownName("compatibility mode", compat, ["rook"], where="--compat")
    plan = None if compat else SplitPlan(purge=purge, embargo=embargo)
    check_replaceable(out)
    thresholds = rules_of(rules, target_action_rate)
    frame = read_input(source, pool, allow_rounded=allow_rounded, base=base)
    done = write_prepared(frame, thresholds, out, plan=plan, windows=windows, compat_rook=compat == "rook")
    total = sum(done.sides.values())
    say("labels: " + ", ".join(f"{name} {count} ({count / total:.1%})" for name, count in done.sides.items()))
    say("rules:  " + ", ".join(f"{name} {count}" for name, count in done.rules.items()))
    say("splits: " + ", ".join(f"{name} {count}" for name, count in done.splits.items()))
    if isinstance(thresholds, RuleFit):
        trades = total - done.sides["HOLD"]
        say(f"fitted: {out / 'rules.json'} (trades on {trades / total:.1%} of all rows)")
    for line in done.cautions:
        warn(line)
    for name, leak in done.leaks.items():
        warn(f"leak kept by --compat rook, {name}: {leak}")
    say(f"folder: {done.folder}")
