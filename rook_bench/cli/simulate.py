"""`rook-bench data simulate`: a pool that obeys the contract's arithmetic."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from rook_bench.cli.options import Out
from rook_bench.core import ConfigError, UnknownName
from rook_bench.core.config import read_mapping
from rook_bench.core.console import say
from rook_bench.market.pool import USDC
from rook_bench.market.simulation import Chain
from rook_bench.market.simulation.simulate import Simulation
from rook_bench.market.simulation.simulate import simulate as simulated
from rook_bench.market.simulation.worlds import WORLDS
from rook_bench.market.tape_file import write_tape


def simulate(
    swaps: Annotated[int, typer.Option("--swaps", min=1, help="How many swaps.")],
    out: Out,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Same seed, same tape.")] = 0,
    config: Annotated[
        Path | None, typer.Option("--config", help="Parameters of the simulation (TOML, YAML or JSON).")
    ] = None,
    world: Annotated[
        str | None,
        typer.Option("--world", help=f"Parameters by name: {', '.join(WORLDS)} (calibrated on the real pool)."),
    ] = None,
    base: Annotated[
        str | None, typer.Option("--base", metavar="SYMBOL", help="The token that is traded against USDC (WETH).")
    ] = None,
    chain: Annotated[
        int | None,
        typer.Option(
            "--chain",
            metavar="SEED",
            min=0,
            help="Put it on a chain with other pools of the same SEED: same blocks, and shocks that move them all.",
        ),
    ] = None,
) -> None:
    """Make a tape that obeys exact pool arithmetic, calibrated on the real ETH/USDC pool."""
    if world is not None and world not in WORLDS:
        raise UnknownName("world", world, WORLDS, where="--world")
    if world is not None and config is not None:
        raise ConfigError("a world is a configuration of its own", where="--world", hint="give --world or --config")
    parameters = Simulation.parse(read_mapping(config), where=config) if config else WORLDS[world or "default"]
    if base is not None and base.upper() == USDC.symbol:
        raise ConfigError("it is traded against itself", where="--base", hint="name another token")
    if base is not None:
        parameters = Simulation.parse(parameters.model_dump() | {"base_symbol": base}, where="--base")
    on = None if chain is None else Chain(chain)
    frame = simulated(swaps, np.random.default_rng(seed), parameters, chain=on)
    write_tape(frame, out)
    say(f"{len(frame)} simulated swaps over {frame.span_s / 3600:.1f} hours, seed {seed}")
    say(f"tape: {out}")
