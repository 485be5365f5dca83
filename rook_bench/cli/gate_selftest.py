"""`rook-bench gate selftest`: the gate itself on trial."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.progress import Progress

from rook_bench.cli import layout
from rook_bench.cli.options import Json, PolicyFile
from rook_bench.core.console import err, on_terminal, remark, say, say_json
from rook_bench.engines import engine_of
from rook_bench.gates import load_policy
from rook_bench.gates.selftest import SelfTest, run_selftest


def selftest(
    policy: PolicyFile = None,
    evaluations: Annotated[
        int, typer.Option("--evaluations", min=20, help="Evaluations of the candidate without edge, at least.")
    ] = 500,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of the simulated tapes and candidates.")] = 0,
    processes: Annotated[
        int | None, typer.Option("--processes", min=1, help="Worlds evaluated at the same time (2).")
    ] = None,
    ray: Annotated[
        str | None, typer.Option("--ray", metavar="ADDRESS", help="Evaluate them on a Ray cluster, or auto.")
    ] = None,
    json: Json = False,
) -> int:
    """Judge planted candidates whose worth is known, and measure how often the gate errs. Exit code 1 if too often."""
    rules = None if policy is None else load_policy(policy)
    engine = engine_of(processes=processes if processes is not None or ray is not None else 2, ray=ray)
    with Progress(console=err, transient=True, disable=not on_terminal()) as bar:
        task = bar.add_task("worlds", total=None)

        def done(finished: int, worlds: int) -> None:
            bar.update(task, completed=finished, total=worlds)
            if not on_terminal() and finished % 5 == 0:
                remark(f"{finished} of {worlds} simulated tapes done")

        result = run_selftest(rules, evaluations=evaluations, seed=seed, engine=engine, done=done)
    if json:
        say_json(result.to_json() | {"sound": result.sound})
    else:
        print_selftest(result)
    return 0 if result.sound else 1


def print_selftest(result: SelfTest) -> None:
    """The table of error rates, and the sentence that sums it up."""
    figures = ("n", "PROMOTE", "BLOCK", "INCONCL.", "INVALID", "wrong", "95% interval")
    rows = [(cells[:2], cells[2:]) for cells in result.table()]
    layout.print_table(("planted", "what it is"), figures, rows, rest="--json has them all")
    say()
    for line in result.describe():
        say(line)
