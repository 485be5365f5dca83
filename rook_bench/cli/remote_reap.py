"""`rook-bench remote reap`: nothing is left running that nobody looks after."""

from __future__ import annotations

from typing import Annotated

import typer

from rook_bench.core import RookError
from rook_bench.core.console import remark, say, warn
from rook_bench.remote.rent.lease import leases
from rook_bench.remote.rent.providers import provider_of
from rook_bench.remote.rent.reap import reap as carry_out


def reap(
    provider: Annotated[
        list[str] | None,
        typer.Option(
            "--provider", metavar="NAME", help="Whose machines; by default of whom any were rented from here."
        ),
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Also what is looked after, was asked to stay, or was rented elsewhere.")
    ] = False,
) -> None:
    """End rented machines, disks and addresses that nobody looks after: for cron, and a CI job's last step."""
    named = provider or sorted({lease.provider for lease in leases(ended=True)})
    if not named:
        say("nothing was rented from here; --provider looks at a provider anyway")
    troubles: list[RookError] = []
    for name in named:
        try:
            found = carry_out(provider_of(name), remark, everything=everything)
        except RookError as trouble:  # of one provider; the others are asked nevertheless
            troubles.append(trouble)
            continue
        for what, names in (("ended", found.ended), ("left running", found.kept)):
            for one in names:
                say(f"{name}: {what}: {one}")
        if not found.ended and not found.kept and not found.left:
            say(f"{name}: nothing is running")
        troubles += found.left
    for later in troubles[1:]:
        warn(str(later))
    if troubles:
        raise troubles[0]
