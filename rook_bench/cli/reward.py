"""`rook-bench reward`: what each action would have earned on every training row."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from rook_bench.cli.options import ConfigFiles, Json, Out
from rook_bench.cli.tape import only
from rook_bench.core import ConfigError
from rook_bench.core.console import remark, say, say_json
from rook_bench.dataset.folds import has_folds
from rook_bench.rewards.reward import HORIZON_S
from rook_bench.workbench import fine_tune as bench
from rook_bench.workbench import fine_tune_folds as bench_folds


def reward(
    data_dir: Annotated[
        list[Path],
        typer.Argument(
            metavar="DATA_DIR...",
            help="What `data prepare` wrote; several, each of another pool, are cut at one date and share a critic.",
        ),
    ],
    out: Out,
    config: ConfigFiles = None,
    horizon: Annotated[
        float, typer.Option("--horizon", help="Seconds from an order's landing to the price that it is marked at.")
    ] = HORIZON_S,
    template: Annotated[
        str, typer.Option("--template", help="Prompt whose numbers the critic reads: a shipped name or a file.")
    ] = "codes",
    pair_token: Annotated[
        bool, typer.Option("--pair-token", help="Of a prompt that begins with the pool's pair and fee (as in train).")
    ] = False,
    seed: Annotated[int | None, typer.Option("--seed", min=0, help="Of the critic's trees (0).")] = None,
    json: Json = False,
) -> None:
    """Net reward of a buy and a sell on every train and validation row, every cost paid, and what foretells it.

    `tree:OUT` is that critic as a source, and `train --stage rl --rewards OUT` teaches it to a model.
    """
    asked: dict[str, Any] = {"horizon_s": horizon, "template": template, "seed": seed}
    tick = lambda what: remark(f"{what} ...")  # noqa: E731
    if len(data_dir) == 1 and has_folds(data_dir[0]):
        if pair_token:
            raise ConfigError("it is for several pools", where="--pair-token", hint="leave it away")
        made = bench_folds.reward_folds(data_dir[0], out, only(config, "--config"), tick=tick, **asked)
        if json:
            say_json([one.record.model_dump(mode="json") for one in made])
            return
        for number, one in enumerate(made, start=1):
            say(f"fold-{number}:")
            for line in one.describe():
                say(f"  {line}")
        say(f"rewards: {out} (the critic of each fold: tree:{out}/fold-1, ...)")
        return
    done = bench.reward(data_dir, out, config, pair_token=pair_token, tick=tick, **asked)
    if json:
        say_json(done.record.model_dump(mode="json"))
        return
    for line in done.describe():
        say(line)
    say(f"rewards: {done.folder}")
