"""`rook-bench gate plan`: what a policy can find out at all."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from rook_bench.cli import layout
from rook_bench.cli.options import (
    AllowRounded,
    BaseChoice,
    ConfigFile,
    Json,
    Limit,
    PolicyFile,
    PoolChoice,
    Prepared,
    References,
    Seed,
    Since,
    Split,
    Until,
    needed,
)
from rook_bench.cli.tape import read_part, refuse_part
from rook_bench.core import ConfigError
from rook_bench.core.console import say, say_json
from rook_bench.gates import load_policy
from rook_bench.gates.plan import Plan, daily_volatility, make_plan
from rook_bench.workbench.judge import pilot


def plan(
    policy: PolicyFile = None,
    data: Annotated[
        Path | None,
        typer.Option("--data", help="A tape to learn from how much the difference varies; not the held-out one."),
    ] = None,
    champion: Annotated[str, typer.Option("--champion", help="The champion, a SOURCE.")] = "hold",
    candidate: Annotated[
        str | None,
        typer.Option(
            "--candidate", help="A SOURCE like the candidate; by default chance at the champion's action rate."
        ),
    ] = None,
    volatility_bps: Annotated[
        float | None,
        typer.Option(
            "--volatility-bps", min=0.0, help="Standard deviation of the daily difference, in place of --data."
        ),
    ] = None,
    days: Annotated[
        list[float] | None, typer.Option("--days", min=0.0, help="Lengths of tape to plan for; repeat for several.")
    ] = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = None,
    split: Split = None,
    prepared: Prepared = None,
    config: ConfigFile = None,
    seed: Seed = None,
    pool: PoolChoice = None,
    base: BaseChoice = None,
    reference: References = None,
    allow_rounded: AllowRounded = False,
    json: Json = False,
) -> None:
    """Say which effect a policy can resolve on how much tape, before anything is judged."""
    (policy,) = needed("gate plan", policy=policy)
    rules = load_policy(policy)
    if (data is None) == (volatility_bps is None):
        raise ConfigError("give either --data or --volatility-bps", where="gate plan", hint="see gate plan --help")
    part = {"since": since, "until": until, "limit": limit, "split": split, "prepared": prepared}
    origin = "as given"
    if data is None:
        refuse_part(part)
    else:
        mine, theirs = pilot(
            partial(read_part, data, pool, allow_rounded, base, reference, **part),
            champion,
            candidate,
            config,
            seed=seed,
        )
        volatility_bps = daily_volatility(mine, theirs)
        origin = f"{mine.name} against {theirs.name} on {data}, {mine.run.frame.covered_s / 86_400:.1f} days"
    assert volatility_bps is not None
    planned = make_plan(rules, volatility_bps, origin, tuple(days or ()))
    if json:
        say_json(planned.to_json())
    else:
        print_plan(planned)


def print_plan(planned: Plan) -> None:
    """What the policy can resolve, for a person."""
    for line in planned.describe():
        say(line)
    for title, columns, rows in planned.tables:
        say()
        say(title)
        layout.print_table((), columns, [((), row) for row in rows], rest="--json has them all")
