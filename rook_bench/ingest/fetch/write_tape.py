"""From a full spool to a tape."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from rook_bench.core import InputError
from rook_bench.ingest.fetch.pool_facts import PoolFacts
from rook_bench.ingest.fetch.spool import Spool
from rook_bench.market.events import INITIALIZE, SWAP
from rook_bench.market.pool import Pool

BORN_EARLIER = "the range starts after the pool's birth: ticks initialised before it are not known"


@dataclass(frozen=True)
class Got:
    """One pool's log as it waits on disk.

    Attributes:
        spool: with every block from `first` to `end`.
        facts: of the pool.
    """

    spool: Spool
    facts: PoolFacts
    first: int
    end: int


def write_fetched(got: Got, out: Path, *, source: str) -> Counter[str]:
    """Write the tape of one pool and remove its spool.

    Args:
        got: the log.
        out: see `ingest.partition.write_tape_of_events`.
        source: where the events come from, in words.

    Returns:
        Number of events by name.

    Raises:
        InputError: there is no swap; a chunk is damaged.
    """
    counts = got.spool.counts()
    if not counts[SWAP]:
        got.spool.remove()
        raise InputError("the pool has no swap in these blocks", where=source, hint="ask for other blocks")
    _write([got], out, source)
    got.spool.remove()
    return counts


def write_several(
    got: Sequence[Got], out: Path, *, source: str, remark: Callable[[str], None]
) -> dict[str, Counter[str]]:
    """Write a folder of tapes, one of each pool with a swap, and remove the spools.

    Args:
        got: the logs; out: the folder; source: where the events come from, in words.
        remark: hears of pools without a swap.

    Returns:
        Number of events by name, by pair and address.
    """
    counts = {f"{one.facts.pool.pair} {one.facts.pool.address}": one.spool.counts() for one in got}
    traded = [one for one, count in zip(got, counts.values(), strict=True) if count[SWAP]]
    for name, count in counts.items():
        if not count[SWAP]:
            remark(f"{name}: no swap in these blocks, so it has no tape")
        elif not count[INITIALIZE]:
            remark(f"{name}: {BORN_EARLIER}")
    if traded:
        _write(traded, out, source)
    for one in got:
        one.spool.remove()
    if not traded:
        raise InputError("no pool has a swap in these blocks", where=source, hint="ask for other blocks")
    return {name: count for name, count in counts.items() if count[SWAP]}


def _write(got: Sequence[Got], out: Path, source: str) -> None:
    from rook_bench.ingest.partition import write_tape_of_events

    notes = [] if all(one.spool.counts()[INITIALIZE] for one in got) else [BORN_EARLIER]
    pools = {one.facts.pool.address: one.facts.pool for one in got}
    if any(one.facts.dynamic_fee for one in got):
        notes.append("the pool's fee is dynamic: its metadata hold the fee that most swaps paid")
    tables = chain.from_iterable(_tables(one.spool, pools, one.facts) for one in got)
    write_tape_of_events(tables, out, pools, source=source, notes=notes)


def _tables(spool: Spool, pools: dict[str, Pool], facts: PoolFacts) -> Iterator[pa.Table]:
    fees: Counter[int] = Counter()
    for table in spool.tables():
        if facts.dynamic_fee:
            fees.update(table.filter(pc.equal(table["event"], SWAP))["fee_pips"].to_pylist())
        yield table
    # The writer reads the metadata once the tables are used up.
    if fees:
        usual = fees.most_common(1)[0][0]
        pools[facts.pool.address] = facts.pool.model_copy(update={"fee_pips": usual})
