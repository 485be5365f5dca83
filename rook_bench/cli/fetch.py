"""`rook-bench data fetch`: a pool's log from a node."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rook_bench.core import InputError
from rook_bench.core.console import err, on_terminal, remark, say

if TYPE_CHECKING:
    from rook_bench.ingest.fetch import Job, Node, PoolFacts, PoolKey, Pulled, Spool

RPC_VARIABLE = "ROOK_BENCH_RPC"
LINE_EVERY_S = 10.0


def fetch(
    from_block: Annotated[int, typer.Option("--from-block", min=0, metavar="N", help="First block.")],
    out: Annotated[Path, typer.Option("--out", help="Tape to write: a .parquet file, or a folder by pool and day.")],
    rpc: Annotated[
        str | None,
        typer.Option(
            "--rpc",
            metavar="URL",
            envvar=RPC_VARIABLE,
            show_envvar=True,
            help="http(s) address of a JSON-RPC node; only its host is ever printed.",
        ),
    ] = None,
    pool: Annotated[str | None, typer.Option("--pool", metavar="ADDRESS", help="A v3 pool.")] = None,
    manager: Annotated[
        str | None, typer.Option("--manager", metavar="ADDRESS", help="v4: the chain's PoolManager.")
    ] = None,
    pool_id: Annotated[str | None, typer.Option("--pool-id", metavar="ID", help="v4: the pool's id, 0x...")] = None,
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
    """Pull a pool's log from a node into a tape; the same command goes on after an interruption."""
    import numpy as np

    from rook_bench.core.files import check_replaceable
    from rook_bench.ingest.fetch import Job, Node, Spool, chain_name, check_contract, last_block
    from rook_bench.ingest.fetch.write_tape import BORN_EARLIER, write_fetched

    key = _key(pool, manager, pool_id)
    last_asked = _last_asked(to_block, from_block)
    if out.suffix != ".parquet":
        check_replaceable(out)
    if rpc is None:
        raise InputError("which node?", hint=f"give its URL with --rpc or {RPC_VARIABLE}")
    node = Node(rpc, np.random.default_rng(), remark=remark)
    chain_id = node.chain_id()
    asked = {"chain": chain_id, "pool": key.pool, "address": key.address, "from-block": from_block}
    spool = Spool(out, asked | {"to-block": last_asked or "latest", "gas-prices": gas_prices})
    last = spool.fact("last_block")
    if last is None:
        check_contract(node, key, chain_id)
        last = last_block(node, last_asked, reorg_depth)
        if last < from_block:
            raise InputError(
                f"it is after block {last}, the last one that is {reorg_depth} blocks from the head",
                where=f"--from-block {from_block}",
                hint="start earlier, or use a smaller --reorg-depth",
            )
        spool.keep(last_block=last)
    facts = _facts(node, key, chain_id, from_block, last, spool, pool_file)
    known = facts.pool
    tokens = f"base {known.base.symbol}, quote {known.quote.symbol}"
    remark(f"{known.pair} {known.protocol} on {known.chain}: {tokens}, blocks {from_block} to {last}")
    try:
        pulled = _pull(node, Job(key, from_block, last, gas_prices, step), spool)
    except KeyboardInterrupt:
        remark("what was fetched is kept: the same command goes on from there")
        raise
    if pulled.reorganised:
        remark(f"{pulled.reorganised} block ranges were fetched again: the chain had changed")
    source = f"{node.address}, {chain_name(chain_id)}, blocks {from_block} to {last}"
    counts = write_fetched(spool, out, facts, source=source)
    if not counts["initialize"]:
        remark(BORN_EARLIER)
    say(", ".join(f"{name} {count}" for name, count in counts.most_common()))
    say(f"tape: {out}")


def _pull(node: Node, job: Job, spool: Spool) -> Pulled:
    """Pull with a bar on a terminal, a line now and then elsewhere."""
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    from rook_bench.ingest.fetch import pull

    total = job.last - job.first + 1
    done, logs = total - sum(last - first + 1 for first, last in spool.gaps(job.first, job.last)), 0
    if done:
        remark(f"going on: {done:,} of {total:,} blocks were fetched before")
    columns = TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn()
    with Progress(*columns, console=err, transient=True, disable=not on_terminal()) as bar:
        task = bar.add_task("fetching", total=total, completed=done)
        told = time.monotonic()

        def progress(blocks: int, more: int) -> None:
            nonlocal done, logs, told
            done, logs = done + blocks, logs + more
            bar.update(task, completed=done, description=f"fetching, {logs:,} logs")
            if not on_terminal() and time.monotonic() - told >= LINE_EVERY_S:
                told = time.monotonic()
                remark(f"{done:,} of {total:,} blocks ({done / total:.0%}), {logs:,} logs")

        return pull(node, job, spool, progress)


def _key(pool: str | None, manager: str | None, pool_id: str | None) -> PoolKey:
    from rook_bench.ingest.fetch import PoolKey

    if pool is not None and manager is None and pool_id is None:
        if re.fullmatch(r"0x[0-9a-fA-F]{64}", pool):
            raise InputError("that is the id of a v4 pool", where="--pool", hint="use --manager ADDRESS --pool-id ID")
        return PoolKey(_address(pool, "--pool"))
    if pool is None and manager is not None and pool_id is not None:
        if not re.fullmatch(r"0x[0-9a-fA-F]{64}", pool_id):
            raise InputError(f"'{pool_id}' is not 0x and 64 hexadecimal digits", where="--pool-id")
        return PoolKey(_address(manager, "--manager"), pool_id.lower())
    raise InputError("which pool?", hint="--pool ADDRESS for v3; --manager ADDRESS and --pool-id ID for v4")


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


def _facts(
    node: Node, key: PoolKey, chain_id: int, first: int, last: int, spool: Spool, pool_file: Path | None
) -> PoolFacts:
    """The pool's metadata: from the file, from an earlier call, or from the node."""
    from rook_bench.core.config import read_mapping
    from rook_bench.ingest.fetch import PoolFacts, chain_name, read_pool
    from rook_bench.market.pool import Pool

    if pool_file is not None:
        given = Pool.parse(read_mapping(pool_file), where=pool_file)
        named = {"address": key.pool, "chain": chain_name(chain_id), "protocol": key.protocol}
        for name, value in named.items():
            said = getattr(given, name)
            if said.lower() not in (value, "unknown"):
                raise InputError(f"{name} is {said}, the pool that is asked for has {value}", where=pool_file)
        return PoolFacts(given.model_copy(update=named))
    kept = spool.fact("pool")
    if kept is None:
        facts = read_pool(node, key, chain_id, first, last, remark)
        spool.keep(pool=facts.pool.model_dump(), dynamic_fee=facts.dynamic_fee)
        return facts
    return PoolFacts(Pool.parse(kept, where=spool.folder), bool(spool.fact("dynamic_fee")))
