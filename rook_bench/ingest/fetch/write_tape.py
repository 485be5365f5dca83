"""From a full spool to a tape."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from rook_bench.core import InputError
from rook_bench.ingest.fetch.pool_facts import PoolFacts
from rook_bench.ingest.fetch.spool import Spool
from rook_bench.market.events import INITIALIZE, SWAP
from rook_bench.market.pool import Pool

BORN_EARLIER = "the range starts after the pool's birth: ticks initialised before it are not known"


def write_fetched(spool: Spool, out: Path, facts: PoolFacts, *, source: str) -> Counter[str]:
    """Write the tape and remove the spool.

    Args:
        spool: with every block of the job.
        out: see `ingest.partition.write_tape_of_events`.
        facts: of the pool.
        source: where the events come from, in words.

    Returns:
        Number of events by name.

    Raises:
        InputError: there is no swap; a chunk is damaged.
    """
    from rook_bench.ingest.partition import write_tape_of_events

    counts = spool.counts()
    if not counts[SWAP]:
        spool.remove()
        raise InputError("the pool has no swap in these blocks", where=source, hint="ask for other blocks")
    notes = [] if counts[INITIALIZE] else [BORN_EARLIER]
    pools = {facts.pool.address: facts.pool}
    if facts.dynamic_fee:
        notes.append("the pool's fee is dynamic: its metadata hold the fee that most swaps paid")
    write_tape_of_events(_tables(spool, pools, facts), out, pools, source=source, notes=notes)
    spool.remove()
    return counts


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
