"""Whether the runs assume what the policy wants assumed."""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rook_bench.core import RookError
from rook_bench.execution.chain_presets import chain_of
from rook_bench.execution.frictions import Frictions, Gas
from rook_bench.gates.check import Check
from rook_bench.gates.checks.stress import pays_gas
from rook_bench.gates.policy import Assumptions
from rook_bench.market.frame import SwapFrame
from rook_bench.metrics import Analysis
from rook_bench.replay.market_rows import fee_pips, gas_prices, native_prices

MISSING = object()

PLAIN = 100_000
"""Gas units of a swap at the least; the router's plainest takes 105 thousand."""

HALF, TENTH = 0.5, 0.1
"""How much less gas may cost than on the tape itself, and than what is usual on a chain, where it varies widely."""

DEARER, HUNDREDFOLD = 1.5, 100.0
"""How much more the fee may be than the pool's, and gas than the least, before costs decide who wins."""


def assumptions(asked: Assumptions, candidate: Analysis) -> Iterator[Check]:
    """Costs and latency that are real, and settings that have the values they must have."""
    if asked.real_costs:
        missing = _missing_costs(candidate)
        yield Check("costs are charged", "invalid" if missing else "pass", missing or "the pool's fee and gas are paid")
    if asked.real_latency or asked.live_latency:
        yield _latency(candidate, live=asked.live_latency)
    if not asked.require:
        return
    settings = {"clock": candidate.clock.model_dump(mode="json"), **candidate.run.config.model_dump(mode="json")}
    wrong = []
    for name, value in asked.require.items():
        found = reduce(_inside, name.split("."), settings)
        if found is MISSING:
            wrong.append(f"there is no setting '{name}'")
        elif found != value:
            wrong.append(f"{name} is {found}, {value} asked")
    detail = "; ".join(wrong) or f"{len(asked.require)} settings are as asked"
    yield Check("settings", "invalid" if wrong else "pass", detail)


def _inside(values: Any, key: str) -> Any:
    return values.get(key, MISSING) if isinstance(values, dict) else MISSING


def _missing_costs(candidate: Analysis) -> str:
    """What is not charged, "" where all is."""
    frame, frictions = candidate.run.frame, candidate.run.config.frictions
    own = fee_pips(frame, frictions.model_copy(update={"fee_pips": None}))
    if float(np.mean(fee_pips(frame, frictions))) < float(np.mean(own)):
        return f"orders pay {frictions.fee_pips} pips where the pool takes {float(np.mean(own)):,.0f}"
    if float(np.mean(fee_pips(frame, frictions))) > DEARER * float(np.mean(own)):
        # Dear enough, and whoever trades less wins: that too would be the configuration's doing.
        return f"orders pay {frictions.fee_pips} pips where the pool takes {float(np.mean(own)):,.0f}"
    if not pays_gas(frame, frictions):
        return "transactions pay no gas"
    floor = _least_gas(frame, frictions)
    paid = _gas_per_swap(frame, frictions)
    if floor is None or paid is None:
        return ""
    if paid > HUNDREDFOLD * floor[0]:
        return f"a swap pays {paid:.2g} {frame.pool.quote.symbol} of gas, far more than it costs: {floor[1]}"
    if paid >= floor[0]:
        return ""
    return f"a swap pays {paid:.2g} {frame.pool.quote.symbol} of gas, where {floor[1]}: at least {floor[0]:.2g} asked"


def _gas_per_swap(frame: SwapFrame, frictions: Frictions) -> float | None:
    """Mean gas of a plain swap in quote; None where the coin's price is not known."""
    gas = frictions.gas
    if gas.flat_quote is not None:
        return gas.flat_quote
    native = _coin_price(frame, frictions)
    return None if native is None else float(np.mean(gas_prices(frame, frictions) * native)) * gas.swap_units / 1e18


def _least_gas(frame: SwapFrame, frictions: Frictions) -> tuple[float, str] | None:
    """The least that a plain swap costs in quote, and where that comes from; None where neither tells."""
    native = _coin_price(frame, frictions.model_copy(update={"gas": Gas(swap_units=PLAIN)}))
    # Simulated tapes are modelled on Ethereum's pools.
    chain = chain_of("ethereum" if frame.pool.chain == "simulated" else frame.pool.chain)
    if native is None:
        return None
    if frame.gas_price is not None:
        usual = float(np.median(frame.gas_price * native)) * PLAIN / 1e18
        return HALF * usual, f"the tape's own swaps pay {usual:.2g} in the middle"
    if chain is None:
        return None
    usual = chain.gas["gwei"] * 1e9 * float(np.median(native)) * PLAIN / 1e18
    return TENTH * usual, f"{usual:.2g} is usual on {chain.name}"


def _coin_price(frame: SwapFrame, frictions: Frictions) -> NDArray[np.float64] | None:
    """Quote per coin that gas is paid in, by row; None where that is not known."""
    try:
        price = np.asarray(native_prices(frame, frictions)[1], dtype=np.float64)
    except RookError:
        return None
    return price if price.any() else None


def _latency(candidate: Analysis, *, live: bool) -> Check:
    """An order that lands with the swap that it answers was sent before it was decided."""
    frame, frictions = candidate.run.frame, candidate.run.config.frictions
    latency, block_s = frictions.latency, frictions.block_time_s or frame.pool.block_time_s
    enough = bool(latency.swaps or latency.blocks or (latency.seconds is not None and latency.seconds >= block_s))
    chain = chain_of(frame.pool.chain)
    if chain is not None and latency.seconds is not None:
        enough |= latency.seconds >= chain.latency.get("seconds", np.inf)
    detail = f"orders land {latency} after what they answer" + ("" if enough else ", at least one block asked")
    if live and latency.swaps is not None:
        enough, detail = False, f"{detail}; no order lands between the swaps of a block: give blocks or seconds"
    return Check("latency", "pass" if enough else "invalid", detail)
