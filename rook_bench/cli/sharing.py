"""`rook-bench sharing`: what one adapter of several pools is worth against one of each."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rook_bench.cli import layout
from rook_bench.cli.options import ConfigFiles, Json, Trials
from rook_bench.core.console import remark, say, say_json
from rook_bench.report.formatting import bounded
from rook_bench.rewards.reward import HORIZON_S
from rook_bench.workbench import sharing as bench
from rook_bench.workbench.sharing_work import ALONE


def sharing(
    data_dir: Annotated[
        list[Path], typer.Option("--data-dir", help="What `data prepare` wrote of a pool; repeat for each.")
    ],
    out: Annotated[
        Path,
        typer.Option("--out", help="Folder of adapters, comparisons and the table; the same call goes on with it."),
    ],
    train_config: Annotated[
        Path | None, typer.Option("--train-config", help="Settings of training, as --config of train.")
    ] = None,
    config: ConfigFiles = None,
    stage: Annotated[
        str, typer.Option("--stage", help="sft: the labels; rl: and then rewards of each action.")
    ] = "sft",
    horizon: Annotated[
        float, typer.Option("--horizon", help="Of stage rl: seconds from landing to the mark.")
    ] = HORIZON_S,
    epochs: Annotated[float | None, typer.Option("--epochs", help="Most epochs of each adapter (3).")] = None,
    max_samples: Annotated[
        int | None, typer.Option("--max-samples", help="Rows drawn from each pool's train split (1000).")
    ] = None,
    model: Annotated[str | None, typer.Option("--model", help="Base, as in train.")] = None,
    seed: Annotated[int | None, typer.Option("--seed", help="Of everything random (0).")] = None,
    trials: Trials = None,
    json: Json = False,
) -> None:
    """Train an adapter of each pool, of all, of all with the pool named, of all but each; judge each on its pools.

    Every adapter on every pool is put on record as a try.
    """
    done = bench.study_sharing(
        data_dir,
        out,
        config,
        train_config,
        stage=stage,
        horizon_s=horizon,
        trials=trials,
        say=remark,
        num_epochs=epochs,
        max_samples=max_samples,
        model=model,
        seed=seed,
    )
    if json:
        say_json(done.to_json())
        return
    money = stage == "rl"
    for pool in done.pools:
        rows = []
        for row in done.of(pool):
            against = bounded(row.gained, 1, signed=True) if money else bounded(row.beyond, 3, signed=True)
            figures = [bounded(row.recall, 3), bounded(row.per_day, 1, signed=True)]
            rows.append(([row.way], [*figures, "" if row.way == ALONE else against, f"{row.fills:,}"]))
        say()
        say(f"{pool}")
        titles = [
            "mean recall",
            "net over holding, bps/day",
            f"against alone, {'bps/day' if money else 'recall'}",
            "fills",
        ]
        layout.print_table(["trained"], titles, rows)
    say()
    say(f"{done.tries} tries on record; table: {out / 'sharing.md'}, picture: {out / 'sharing.png'}")
