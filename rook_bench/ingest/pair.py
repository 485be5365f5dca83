"""The one pool of a pair, found by its name in a log or a tape of several pools."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rook_bench.core import InputError, suggest
from rook_bench.ingest.log_stream import stream_events
from rook_bench.market.pool import Pool
from rook_bench.market.reference import same_coin
from rook_bench.market.tape_file import CONTENTS, contents

LISTED = 5
"""Pools that an error names at most."""


def address_of(pair: str, inputs: Sequence[Path]) -> str:
    """The address of the only pool that trades a pair, whichever token is named first; wrapped ether counts as ether.

    Args:
        pair: such as "WETH/USDC", or "WETH/USDC/0.05%" with the fee where several pools trade it.
        inputs: a tape by pool and day, or log files and folders, which are read through once for it.

    Raises:
        InputError: where none trades it, with the near name, or several do, with the address of each.
    """
    asked = pair.split("/")
    pools, swaps = _pools_of(inputs)
    where = inputs[0] if len(inputs) == 1 else "INPUT"
    found = sorted((name for name in pools if _is(asked, pools[name])), key=lambda name: -swaps[name])
    if len(found) == 1:
        return found[0]
    if not found:
        names = sorted({pool.pair for pool in pools.values()})
        more = f"; it has {', '.join(names[:LISTED])}" + (" and more" if len(names) > LISTED else "")
        raise InputError(
            f"no pool in it trades {pair}", where=where, hint=suggest(pair, names) + more if names else None
        )
    told = [f"{name} ({pools[name].fee_pips / 1e4:g}%, {swaps[name]:,} swaps)" for name in found[:LISTED]]
    raise InputError(
        f"{len(found)} pools in it trade {pair}: {', '.join(told)}",
        where=where,
        hint=f"name one with --pool ADDRESS, or its fee ({'/'.join(asked[:2])}/{pools[found[0]].fee_pips / 1e4:g}%)",
    )


def _pools_of(inputs: Sequence[Path]) -> tuple[dict[str, Pool], dict[str, int]]:
    """The pools with swaps by address, and how many."""
    if len(inputs) == 1 and inputs[0].is_dir() and (inputs[0] / CONTENTS).is_file():
        listed = contents(inputs[0])["pools"]
        pools = {name: Pool.parse(listed[name]["pool"], where=inputs[0]) for name in listed}
        return pools, {name: int(listed[name]["swaps"]) for name in listed}
    stream = stream_events(inputs, allow_rounded=True)
    for _ in stream:
        pass
    swaps = {name: count for name, count in stream.swaps.items() if name in stream.pools}
    return {name: stream.pools[name] for name in swaps}, swaps


def _is(asked: Sequence[str], pool: Pool) -> bool:
    """Whether a pool trades the two tokens that are asked for, at the fee that is, if one is."""
    names = pool.base.symbol, pool.quote.symbol
    pairs = any(same_coin(asked[0], first) and same_coin(asked[1], second) for first, second in (names, names[::-1]))
    return pairs and (len(asked) < 3 or f"{pool.fee_pips / 1e4:g}%" == f"{_number(asked[2]):g}%")


def _number(fee: str) -> float:
    try:
        return float(fee.rstrip("%"))
    except ValueError:
        return -1.0
