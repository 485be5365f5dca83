"""From a node to a tape: the log of one pool, pulled block range by block range."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from rook_bench.core import InputError
from rook_bench.core.config import read_mapping
from rook_bench.core.console import err, on_terminal, remark
from rook_bench.core.files import check_replaceable
from rook_bench.ingest.fetch import (
    Job,
    Node,
    PoolFacts,
    PoolKey,
    Pulled,
    Spool,
    chain_name,
    check_contract,
    last_block,
    pull,
    read_pool,
)
from rook_bench.ingest.fetch.write_tape import BORN_EARLIER, Got, write_fetched, write_several
from rook_bench.market.pool import Pool

LINE_EVERY_S = 10.0


def fetch(
    rpc: str,
    key: PoolKey,
    out: Path,
    *,
    first: int,
    last: int | None = None,
    reorg_depth: int = 64,
    step: int = 2_000,
    gas_prices: bool = False,
    pool_file: Path | None = None,
) -> Counter[str]:
    """Pull a pool's log from a node into a tape; the same call goes on after an interruption.

    Args:
        rpc: http(s) address of a JSON-RPC node; only its host is ever told.
        key: the pool.
        out: tape to write: a .parquet file, or a folder by pool and day.
        first, last: blocks; without `last`, up to `reorg_depth` before the head.
        reorg_depth: blocks this near to the head may change and are not fetched.
        step: blocks of the first request; later ones adapt to the node.
        gas_prices: also fetch what swaps paid per unit of gas (a receipt each).
        pool_file: pool metadata in place of asking the node.

    Returns:
        How many events of each kind the tape holds.

    Raises:
        InputError: for a pool, a range or a node that can't be used.
    """
    if out.suffix != ".parquet":
        check_replaceable(out)
    node = Node(rpc, np.random.default_rng(), remark=remark)
    asked = Range(first, last, reorg_depth, step, gas_prices)
    chain_id = node.chain_id()
    got = _got(node, chain_id, key, out, asked, pool_file=pool_file)
    counts = write_fetched(got, out, source=_source(node, chain_id, got))
    if not counts["initialize"]:
        remark(BORN_EARLIER)
    return counts


def fetch_several(
    rpc: str,
    keys: Sequence[PoolKey],
    out: Path,
    *,
    first: int,
    last: int | None = None,
    reorg_depth: int = 64,
    step: int = 2_000,
    gas_prices: bool = False,
) -> dict[str, Counter[str]]:
    """Pull the logs of several pools into one folder of tapes; the same call goes on after an interruption.

    All of them end at one block. A pool without a swap in the range is told of, and has no tape.

    Args:
        rpc, first, last, reorg_depth, step, gas_prices: as for `fetch`.
        keys: the pools, each once.
        out: a folder: a tape by day of each pool, and an index of them (see `ingest.partition`).

    Returns:
        How many events of each kind each pool has, by its pair and address.

    Raises:
        InputError: for pools, a range or a node that can't be used; where no pool has a swap.
    """
    if out.suffix == ".parquet":
        hint = "give a folder as --out"
        raise InputError(f"{len(keys)} pools don't fit one .parquet file", where=out, hint=hint)
    if len(set(keys)) < len(keys):
        twice = next(key for key in keys if keys.count(key) > 1)
        raise InputError("it is there twice", where=f"--pool {twice.pool}", hint="name it once")
    check_replaceable(out)
    node = Node(rpc, np.random.default_rng(), remark=remark)
    asked = Range(first, last, reorg_depth, step, gas_prices)
    chain_id = node.chain_id()
    kept = [_spool(key, out, chain_id, asked, beside=True).fact("last_block") for key in keys]
    ends = {int(one) for one in kept if one is not None}
    if len(ends) > 1:
        what = f"earlier calls stopped at other blocks ({', '.join(map(str, sorted(ends)))}), and all pools end at one"
        raise InputError(what, where=out, hint="remove the hidden folders .NAME.ADDRESS.fetching beside it")
    got, end = list[Got](), next(iter(ends), None)
    for key in keys:
        got.append(_got(node, chain_id, key, out, asked, beside=True, end=end))
        end = got[0].end
    return write_several(got, out, source=_source(node, chain_id, got[0]), remark=remark)


@dataclass(frozen=True)
class Range:
    """Which blocks, and how they are asked for; see `fetch`."""

    first: int
    last: int | None
    reorg_depth: int
    step: int
    gas_prices: bool


def _source(node: Node, chain_id: int, got: Got) -> str:
    return f"{node.address}, {chain_name(chain_id)}, blocks {got.first} to {got.end}"


def _spool(key: PoolKey, out: Path, chain_id: int, asked: Range, *, beside: bool) -> Spool:
    terms = {"chain": chain_id, "pool": key.pool, "address": key.address, "from-block": asked.first}
    place = out.with_name(f"{out.name}.{key.pool}") if beside else out
    return Spool(place, terms | {"to-block": asked.last or "latest", "gas-prices": asked.gas_prices})


def _got(
    node: Node,
    chain_id: int,
    key: PoolKey,
    out: Path,
    asked: Range,
    *,
    pool_file: Path | None = None,
    beside: bool = False,
    end: int | None = None,
) -> Got:
    """One pool's log, every block of it on disk.

    Args:
        beside: whether it is one of several, each of which has a spool of its own; end: the last block of the others.
    """
    spool = _spool(key, out, chain_id, asked, beside=beside)
    if end is not None and spool.fact("last_block") is None:
        check_contract(node, key, chain_id)
        spool.keep(last_block=end)
    end = _end(node, key, chain_id, spool, first=asked.first, last=asked.last, reorg_depth=asked.reorg_depth)
    facts = _facts(node, key, chain_id, asked.first, end, spool, pool_file)
    known = facts.pool
    tokens = f"base {known.base.symbol}, quote {known.quote.symbol}"
    remark(f"{known.pair} {known.protocol} on {known.chain}: {tokens}, blocks {asked.first} to {end}")
    try:
        pulled = _pull(node, Job(key, asked.first, end, asked.gas_prices, asked.step), spool)
    except KeyboardInterrupt:
        remark("what was fetched is kept: the same command goes on from there")
        raise
    if pulled.reorganised:
        remark(f"{pulled.reorganised} block ranges were fetched again: the chain had changed")
    return Got(spool, facts, asked.first, end)


def _end(
    node: Node, key: PoolKey, chain_id: int, spool: Spool, *, first: int, last: int | None, reorg_depth: int
) -> int:
    """The last block, as the first call fixed it."""
    kept = spool.fact("last_block")
    if kept is not None:
        return int(kept)
    check_contract(node, key, chain_id)
    end = last_block(node, last, reorg_depth)
    if end < first:
        raise InputError(
            f"it is after block {end}, the last one that is {reorg_depth} blocks from the head",
            where=f"--from-block {first}",
            hint="start earlier, or use a smaller --reorg-depth",
        )
    spool.keep(last_block=end)
    return end


def _facts(
    node: Node, key: PoolKey, chain_id: int, first: int, last: int, spool: Spool, pool_file: Path | None
) -> PoolFacts:
    """The pool's metadata: from the file, from an earlier call, or from the node."""
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


def _pull(node: Node, job: Job, spool: Spool) -> Pulled:
    """Pull with a bar on a terminal, a line now and then elsewhere."""
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
