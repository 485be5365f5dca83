"""`rook-bench data fetch`: a pool's log from a node."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any

import typer

from rook_bench.cli.options import RPC_VARIABLE, Rpc
from rook_bench.core import InputError
from rook_bench.core.console import say
from rook_bench.ingest.fetch import PoolKey
from rook_bench.workbench import fetch as bench


def fetch(
    from_block: Annotated[int, typer.Option("--from-block", min=0, metavar="N", help="First block.")],
    out: Annotated[Path, typer.Option("--out", help="Tape to write: a .parquet file, or a folder by pool and day.")],
    rpc: Rpc = None,
    pool: Annotated[
        list[str] | None,
        typer.Option("--pool", metavar="ADDRESS", help="A v3 pool; repeat for several, which go into one folder."),
    ] = None,
    manager: Annotated[
        str | None, typer.Option("--manager", metavar="ADDRESS", help="v4: the chain's PoolManager.")
    ] = None,
    pool_id: Annotated[
        list[str] | None, typer.Option("--pool-id", metavar="ID", help="v4: the pool's id, 0x...; repeat for several.")
    ] = None,
    to_block: Annotated[
        str, typer.Option("--to-block", metavar="N", help="Last block; 'latest' stops --reorg-depth before the head.")
    ] = "latest",
    reorg_depth: Annotated[
        int, typer.Option("--reorg-depth", min=0, help="Blocks this near to the head may change and are not fetched.")
    ] = 64,
    step: Annotated[
        int, typer.Option("--step", min=1, help="Blocks of the first request; later ones adapt to the node.")
    ] = 2_000,
    gas_prices: Annotated[
        bool, typer.Option("--gas-prices", help="Also fetch what swaps paid per unit of gas (a receipt each).")
    ] = False,
    pool_file: Annotated[
        Path | None,
        typer.Option("--pool-file", help="Pool metadata (TOML, YAML or JSON) in place of asking the node."),
    ] = None,
) -> None:
    """Pull the logs of pools from a node into a tape; the same command goes on after an interruption."""
    keys = _keys(pool or [], manager, pool_id or [])
    last = _last_asked(to_block, from_block)
    if rpc is None:
        raise InputError("which node?", hint=f"give its URL with --rpc or {RPC_VARIABLE}")
    blocks: dict[str, Any] = {
        "first": from_block,
        "last": last,
        "reorg_depth": reorg_depth,
        "step": step,
        "gas_prices": gas_prices,
    }
    if len(keys) == 1:
        counts = bench.fetch(rpc, keys[0], out, **blocks, pool_file=pool_file)
        say(", ".join(f"{name} {count}" for name, count in counts.most_common()))
        say(f"tape: {out}")
        return
    if pool_file is not None:
        raise InputError("it is of one pool, and several are fetched", where="--pool-file", hint="leave it away")
    for name, counts in bench.fetch_several(rpc, keys, out, **blocks).items():
        say(f"{name}: " + ", ".join(f"{event} {count}" for event, count in counts.most_common()))
    say(f"tapes: {out}")


def _keys(pools: list[str], manager: str | None, pool_ids: list[str]) -> list[PoolKey]:
    """The pools that are asked for: v3 by their addresses, v4 by a manager and ids."""
    for pool in pools:
        if re.fullmatch(r"0x[0-9a-fA-F]{64}", pool):
            raise InputError("that is the id of a v4 pool", where="--pool", hint="use --manager ADDRESS --pool-id ID")
    if not (pools or pool_ids) or (manager is None) != (not pool_ids):
        raise InputError("which pool?", hint="--pool ADDRESS for v3; --manager ADDRESS and --pool-id ID for v4")
    for pool_id in pool_ids:
        if not re.fullmatch(r"0x[0-9a-fA-F]{64}", pool_id):
            raise InputError(f"'{pool_id}' is not 0x and 64 hexadecimal digits", where="--pool-id")
    keys = [PoolKey(_address(pool, "--pool")) for pool in pools]
    return keys + [PoolKey(_address(str(manager), "--manager"), pool_id.lower()) for pool_id in pool_ids]


def _address(text: str, option: str) -> str:
    if not re.fullmatch(r"0x[0-9a-fA-F]{40}", text):
        raise InputError(f"'{text}' is not 0x and 40 hexadecimal digits", where=option)
    return text.lower()


def _last_asked(text: str, first: int) -> int | None:
    if text == "latest":
        return None
    if not text.isdecimal():
        raise InputError(f"'{text}' is neither a block number nor 'latest'", where="--to-block")
    if int(text) < first:
        raise InputError(f"it is before --from-block {first}", where=f"--to-block {text}")
    return int(text)
