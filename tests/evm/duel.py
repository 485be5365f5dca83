"""A published contract and our pool state, given the same operations and compared after each."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import Any

from chain import ProcessChain, Reverted
from v3 import V3Contracts, V3Pool
from v4 import DYNAMIC_FEE, Locked, V4Contracts, V4Pool
from walk import Operation, Walk

from rook_bench.execution.pool_state import PoolState
from rook_bench.execution.tick_map import PoolError
from rook_bench.ingest.abi import decode_log

REFUSED = "refused"


def v3_pool(fee: int, spacing: int, sqrt_price: int) -> V3Pool:
    """A new pool on a chain of its own."""
    return V3Pool(V3Contracts(ProcessChain()), fee, spacing, sqrt_price)


def v4_pool(fee: int, spacing: int, sqrt_price: int) -> V4Pool:
    """A new pool on a chain of its own."""
    return V4Pool(V4Contracts(ProcessChain()), fee, spacing, sqrt_price)


class Duel:
    """One pool twice. Every difference is an AssertionError that names the operation."""

    def __init__(self, pool: V3Pool | V4Pool) -> None:
        self.pool = pool
        sqrt_price, _ = pool.price()
        self.state = PoolState.initialized(
            sqrt_price, fee_pips=pool.fee, tick_spacing=pool.spacing, protocol=pool.protocol
        )
        self.counts: Counter[str] = Counter()
        self.touched: set[int] = set()
        self._same(("initialize", (sqrt_price,)), ())

    def walk(self, random: Random, steps: int, bits: int = 90) -> None:
        """Random operations, compared after each; all ticks at the end."""
        most = self.state.max_liquidity_per_tick
        walk = Walk(random, self.pool.spacing, most, self.pool.protocol, bits)
        for _ in range(steps):
            operation = walk.operation(*self.pool.price())
            if self.pool.fee == DYNAMIC_FEE and operation[0] == "swap":
                operation = (operation[0], (*operation[1], random.choice((0, 1, 500, 3000, 123456, 1_000_000))))
            if self.play(operation):
                walk.done(operation)
        self.same_ticks()

    def play(self, operation: Operation) -> bool:
        """Do it on both sides; False where both refuse."""
        name, arguments = operation
        before = self.pool.price()[1], self.pool.liquidity(), self.pool.fee_growth()
        try:
            theirs = _outcome(self.pool, Reverted, name, arguments)
        except Locked:
            self.counts["locked"] += 1
            return False
        ours = _outcome(self.state, PoolError, name, arguments)
        amounts = (ours.amount0, ours.amount1) if name == "swap" and ours is not REFUSED else ours
        assert amounts == theirs, f"{name}{arguments}: ours {ours}, the contract's {theirs}"
        touched = arguments[:2] if name in ("mint", "burn") else ()
        if theirs is not REFUSED:
            self._same_log(operation, theirs)
            self.touched.update(touched)
            if name == "swap":
                self._same_swap(operation, ours, *before)
        self._same(operation, touched)
        self.counts[REFUSED if theirs is REFUSED else name] += 1
        return theirs is not REFUSED

    def route(self, zero_for_one: bool, amount: int, sqrt_limit: int | None) -> int:
        """A swap through v3's router, which pays for itself; how much of `amount` it moved.

        The router reports the other amount; the pool's event has both.
        """
        operation = ("swap", (zero_for_one, amount, sqrt_limit))
        before = self.pool.price()[1], self.pool.liquidity(), self.pool.fee_growth()
        try:
            reported = self.pool.route(zero_for_one, amount, sqrt_limit or 0)
        except Reverted:
            # The router insists on the whole output where no limit was named.
            quote = self.state.quote(zero_for_one, amount, sqrt_limit)
            assert sqrt_limit is None, operation
            assert amount < min(quote.amount0, quote.amount1), operation
            self._same(operation, ())
            self.counts[REFUSED] += 1
            return 0
        ours = self.state.swap(zero_for_one, amount, sqrt_limit)
        amounts = (ours.amount0, ours.amount1)
        spent, received = amounts if zero_for_one else amounts[::-1]
        assert reported == (-received if amount > 0 else spent), operation
        self._same_log(operation, amounts)
        self._same_swap(operation, ours, *before)
        self._same(operation, ())
        self.counts["swap"] += 1
        return spent if amount > 0 else -received

    def same_ticks(self) -> None:
        """Every tick that was ever an end of a position."""
        theirs = {tick: self.pool.tick_liquidity(tick) for tick in self.touched}
        assert self.state.ticks == {tick: both for tick, both in theirs.items() if both[0]}

    def _same(self, operation: Operation, ticks: tuple[int, ...]) -> None:
        state, pool = self.state, self.pool
        assert (state.sqrt_price, state.tick) == pool.price(), operation
        assert state.liquidity == pool.liquidity(), operation
        # v3 counts them in 128 bits and lets them wrap.
        wrap = 2**128 if pool.protocol == "v3" else 2**256
        assert tuple(fee % wrap for fee in state.protocol_fees) == pool.protocol_fees(), operation
        for tick in ticks:
            assert state.ticks.get(tick, (0, 0)) == pool.tick_liquidity(tick), (operation, tick)

    def _same_swap(self, operation: Operation, ours: Any, tick: int, liquidity: int, growth: tuple[int, int]) -> None:
        """The parts of a swap's result that the contract does not return."""
        zero_for_one = operation[1][0]
        low, high = sorted((tick, ours.tick))
        crossed = sum(low < at <= high for at in self.state.ticks)
        assert ours.crossed == crossed, operation
        self.counts["crossed"] += crossed
        if not crossed and liquidity and ours.fee < liquidity << 127:
            # At one liquidity all steps' fees are in the growth, each rounded down by less than a unit.
            side = 0 if zero_for_one else 1
            grown = (self.pool.fee_growth()[side] - growth[side]) % 2**256
            assert ours.fee - ours.protocol_fee == -(-grown * liquidity // 2**128), operation
            self.counts["fees"] += 1

    def _same_log(self, operation: Operation, amounts: Any) -> None:
        """The contract's own event, decoded as a tape would have it, says the same."""
        name, arguments = operation
        events = [event for log in self.pool.logs if (event := decode_log(*log))]
        if name == "set_protocol_fee" and self.pool.protocol == "v4":
            return
        assert len(events) == 1, operation
        event = events[0]
        assert event["event"] == {"set_protocol_fee": "protocol_fee"}.get(name, name), operation
        if name == "swap":
            state = (event["sqrt_price_x96"], event["liquidity"], event["tick"])
            assert state == (self.state.sqrt_price, self.state.liquidity, self.state.tick), operation
            assert (event["amount0"], event["amount1"]) == amounts, operation
        elif name in ("mint", "burn"):
            sign = 1 if name == "mint" else -1
            assert (event["tick_lower"], event["tick_upper"]) == arguments[:2], operation
            assert event["liquidity_delta"] == sign * arguments[2], operation
            if self.pool.protocol == "v3":
                assert (event["amount0"], event["amount1"]) == (sign * amounts[0], sign * amounts[1]), operation


def _outcome(side: Any, refusal: type[Exception], name: str, arguments: tuple[Any, ...]) -> Any:
    try:
        return getattr(side, name)(*arguments)
    except refusal:
        return REFUSED
