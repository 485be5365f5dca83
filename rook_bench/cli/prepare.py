"""`rook-bench data prepare`: what a model is trained on."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from rook_bench.cli import layout
from rook_bench.cli.options import AllowRounded, BaseChoice, Out, PoolChoice, Since, Until, groups_of
from rook_bench.cli.tape import read_part
from rook_bench.core import ConfigError, UnknownName
from rook_bench.core.console import remark, say, warn
from rook_bench.core.files import check_apart, check_replaceable
from rook_bench.dataset.fit_rules import RuleFit, rules_of
from rook_bench.dataset.folds import MOST_FOLDS
from rook_bench.dataset.prepare import prepare as write_prepared
from rook_bench.dataset.prepare_folds import TAPE, PreparedFolds
from rook_bench.dataset.splits import SplitPlan
from rook_bench.market.features import LOOKBACK
from rook_bench.workbench.fine_tune_folds import prepare_folds as write_folds
from rook_bench.workbench.rows import split_dates


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
        int,
        typer.Option(
            "--purge",
            min=0,
            help="Windows dropped at the end of train and validation; of folds, around what is judged.",
        ),
    ] = 100,
    embargo: Annotated[
        int, typer.Option("--embargo", min=0, help="Windows dropped at the start of validation and test.")
    ] = 0,
    windows: Annotated[
        bool,
        typer.Option("--windows", help="Write ROOK's train/val/test.csv too: windows of 203 columns; --compat does."),
    ] = False,
    walk_forward: Annotated[
        int | None,
        typer.Option(
            "--walk-forward",
            metavar="K",
            min=1,
            max=MOST_FOLDS,
            help="K folds, each judged on the stretch after what it learns from; DIR then holds fold-1 to fold-K.",
        ),
    ] = None,
    purged: Annotated[
        str | None,
        typer.Option(
            "--purged", metavar="N,k", help="A fold for every choice of k of N groups to judge on, purged around them."
        ),
    ] = None,
    since: Since = None,
    until: Until = None,
    validation_from: Annotated[
        str | None,
        typer.Option("--validation-from", metavar="TIME", help="Begin validation here, in all of several pools alike."),
    ] = None,
    test_from: Annotated[
        str | None, typer.Option("--test-from", metavar="TIME", help="Begin the test here; with --validation-from.")
    ] = None,
    pool: PoolChoice = None,
    base: BaseChoice = None,
    allow_rounded: AllowRounded = False,
) -> None:
    """Write features, conditions and labels in ROOK's layout, and chronological splits as exact tapes."""
    if compat not in (None, "rook"):
        raise UnknownName("compatibility mode", compat, ["rook"], where="--compat")
    check_replaceable(out)
    check_apart(out, source)
    dates = split_dates(validation_from, test_from)
    for option, given in (("--compat", compat), ("--walk-forward", walk_forward), ("--purged", purged)):
        if given is not None and dates:
            raise ConfigError("it cuts in its own way", where=option, hint="drop it, or the dates")
    read = partial(read_part, source, pool, allow_rounded, base, since=since, until=until)
    if walk_forward is not None or purged is not None:
        for option, given in (("--compat", compat), ("--windows", windows)):
            if given:
                raise ConfigError("it is for one folder, not for folds", where=option, hint="leave it away")
        groups = None if purged is None else groups_of(purged)
        _say_folds(
            write_folds(
                read,
                rules,
                out,
                walk_forward=walk_forward,
                purged=groups,
                target_action_rate=target_action_rate,
                purge=purge,
                embargo=embargo,
                tick=lambda what: remark(f"{what} ..."),
            )
        )
        return
    plan = None if compat else SplitPlan.parse({"purge": purge, "embargo": embargo} | dates, where="data prepare")
    thresholds = rules_of(rules, target_action_rate)
    frame = read()
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


def _say_folds(done: PreparedFolds) -> None:
    """A row for each fold: what it learns from, and what it is judged on."""
    rows = []
    for name, held_out, splits, trades in zip(
        done.folds.names, done.folds.folds, done.splits, done.trades, strict=True
    ):
        judged = done.folds.spans(held_out)
        figures = [*(f"{splits[split]:,}" for split in ("train", "val", "test")), f"{trades:.1%}"]
        rows.append(([name, judged], figures))
    layout.print_table(["fold", "judged on"], ["train", "val", "test", "trades"], rows)
    say()
    if done.near:
        warn(f"purge and embargo leave out {done.near} swaps, and features look back over {LOOKBACK}")
    for name, lines in zip(done.folds.names, done.cautions, strict=True):
        for line in lines:
            warn(f"{name}: {line}")
    say(f"folder: {done.folder} (rook-bench train --data-dir {done.folder} trains every fold)")
    say(f"judge on: {done.folder / TAPE}")
