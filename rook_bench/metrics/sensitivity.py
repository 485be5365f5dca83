"""The same decisions under other fees, gas prices, latencies and limits: where the edge dies."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from rook_bench.core import Estimate
from rook_bench.execution.frictions import Latency
from rook_bench.replay import Run
from rook_bench.replay.again import ending_under
from rook_bench.replay.market_rows import fee_pips
from rook_bench.replay.sparse import Ending

FEE_TIERS = (100, 500, 3000, 10_000)
"""Fees of Uniswap pools in pips."""

GAS_FACTORS = (0.0, 1.0, 3.0, 10.0)
STEPS = {"swaps": (0, 1, 2, 5, 10), "blocks": (0, 1, 2, 5, 10), "seconds": (0.0, 2.0, 12.0, 30.0, 60.0)}
"""Latencies by the unit that the run itself gives it in."""

SLIPPAGE_BPS = (1.0, 5.0, 10.0, 25.0, 50.0, 100.0)
COST_FACTORS = (0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 4.0, 8.0, 16.0, 32.0)
"""Where the break-even is looked for; the last is the largest multiple tried."""

HIGHEST_FEE = 999_999


@dataclass(frozen=True)
class Point:
    """The outcome under one changed assumption.

    Attributes:
        label: the assumption in words; own: whether it is the run's own.
        net: closing over opening equity minus one; over_hold: the same against the opening mix.
    """

    label: str
    own: bool
    net: Estimate
    over_hold: Estimate


Edge = Literal["dies", "dead", "alive", "idle"]
"""What a growing cost does to the return over hold: it falls to zero somewhere, is not above zero even without that
cost, is above zero at the most that was tried, or no decision wished to trade."""


@dataclass(frozen=True)
class BreakEven:
    """Where the return over hold falls to zero as a cost grows; `at` is undefined unless the edge dies."""

    edge: Edge
    at: Estimate


@dataclass(frozen=True)
class Surface:
    """A run's decisions replayed under other assumptions, one or two changed at a time.

    Attributes:
        fees, latencies: the grid's rows (pips) and columns (words).
        grid: a Point for each fee and latency.
        sweeps: by what is changed ("fee", "gas", "latency", "slippage limit"), all else as in the run.
        break_even: the multiple of fee and gas at which the return over hold is zero.
        break_even_fee: the pool fee at which it is, gas as in the run.
    """

    fees: tuple[int, ...]
    latencies: tuple[str, ...]
    grid: tuple[tuple[Point, ...], ...]
    sweeps: dict[str, tuple[Point, ...]]
    break_even: BreakEven
    break_even_fee: BreakEven

    @property
    def points(self) -> list[Point]:
        """Every point of the grid and the sweeps."""
        return [point for row in (*self.grid, *self.sweeps.values()) for point in row]


def surface(run: Run) -> Surface:
    """Replay the run's decisions under other fees, gas prices, latencies and slippage limits.

    The sizes and refusals that need no ledger stay the run's own; limits that look at balances or
    costs are applied anew in each replay.
    """
    frictions = run.config.frictions
    fees, latencies = _fees(run), _latencies(frictions.latency)
    own_fee, own_wait = own_fee_pips(run), str(frictions.latency)
    # A latency at a time, whose landing rows serve every fee.
    columns = [
        [
            _point(
                run, f"{fee / 1e4:g}% and {wait}", fee=fee, latency=wait, own=(fee, str(wait)) == (own_fee, own_wait)
            )
            for fee in fees
        ]
        for wait in latencies
    ]
    grid = tuple(zip(*columns, strict=True))
    sweeps = {
        "fee": tuple(_point(run, f"{fee / 1e4:g}%", fee=fee, own=fee == own_fee) for fee in fees),
        "gas": tuple(_point(run, f"{factor:g} x", gas=factor, own=factor == 1) for factor in GAS_FACTORS),
        "latency": tuple(_point(run, str(wait), latency=wait, own=str(wait) == own_wait) for wait in latencies),
        "slippage limit": (
            *(_point(run, f"{bps:g} bps", slippage_bps=bps) for bps in SLIPPAGE_BPS),
            _point(run, "as decided", own=True),
        ),
    }
    return Surface(fees, tuple(map(str, latencies)), grid, sweeps, break_even(run), break_even_fee(run))


def own_fee_pips(run: Run) -> int:
    """The run's fee in pips; of a tape whose fee changes, the mean over its rows."""
    return round(float(np.mean(fee_pips(run.frame, run.config.frictions))))


def _fees(run: Run) -> tuple[int, ...]:
    return tuple(sorted({*FEE_TIERS, own_fee_pips(run)}))


def _latencies(own: Latency) -> list[Latency]:
    unit = next(name for name in STEPS if getattr(own, name) is not None)
    return [Latency(**{unit: step}) for step in sorted({*STEPS[unit], getattr(own, unit)})]


def at_costs(
    run: Run,
    *,
    fee: int | None = None,
    gas: float = 1.0,
    latency: Latency | None = None,
    slippage_bps: float | None = None,
) -> Ending:
    """The run's decisions replayed with another fee (pips), gas (a multiple), latency or slippage limit (bps)."""
    own = run.config.frictions
    changed: dict[str, Any] = {
        "fee_pips": own.fee_pips if fee is None else fee,
        "gas": own.gas.times(gas),
        "latency": latency or own.latency,
    }
    return ending_under(run, frictions=own.model_copy(update=changed), slippage_bps=slippage_bps)


def _point(
    run: Run,
    label: str,
    *,
    own: bool = False,
    fee: int | None = None,
    gas: float = 1.0,
    latency: Latency | None = None,
    slippage_bps: float | None = None,
) -> Point:
    # A fee that is the run's own is left to the run, so that a fee by row stays one.
    plain = own and gas == 1 and slippage_bps is None
    changed = own_ending(run) if plain else at_costs(run, fee=fee, gas=gas, latency=latency, slippage_bps=slippage_bps)
    return Point(label, own, net_return(run, changed), over_hold(run, changed))


def own_ending(run: Run) -> Ending:
    """What the run itself came to."""
    return Ending(int(run.orders.filled.sum()), float(run.equity[-1]))


def net_return(run: Run, ending: Ending) -> Estimate:
    """Closing over opening equity, minus one."""
    opening = float(run.hold_equity[0])
    return Estimate(ending.equity / opening - 1, ending.fills, "fraction", "net, first to last swap; n is the fills")


def over_hold(run: Run, ending: Ending) -> Estimate:
    """Closing equity over that of keeping the opening balances, minus one."""
    kept = float(run.hold_equity[-1])
    return Estimate(ending.equity / kept - 1, ending.fills, "fraction", "net, over holding, minus one; n is the fills")


def break_even(run: Run) -> BreakEven:
    """The multiple of pool fee and gas at which the return over hold becomes zero."""
    fee = own_fee_pips(run)
    at = lambda factor: at_costs(run, fee=min(round(fee * factor), HIGHEST_FEE), gas=factor)  # noqa: E731
    convention = "multiple of pool fee and gas at which the net return over hold is zero, the lowest found"
    return _root(run, at, COST_FACTORS, "ratio", convention)


def break_even_fee(run: Run) -> BreakEven:
    """The pool fee at which the return over hold becomes zero, gas and all else as in the run."""
    at = lambda fee: at_costs(run, fee=min(round(fee * 1e6), HIGHEST_FEE))  # noqa: E731
    convention = "pool fee at which the net return over hold is zero, all else as in the run, the lowest found"
    steps = tuple(sorted({0.0, *(factor * tier / 1e6 for tier in FEE_TIERS for factor in (0.5, 1.0, 2.0))}))
    return _root(run, at, (*steps, 0.05, 0.1), "fraction", convention)


def _root(run: Run, at: Callable[[float], Ending], steps: Sequence[float], unit: str, convention: str) -> BreakEven:
    """The first place where the return over hold falls to zero: scanned by steps, then halved.

    Bisection and no faster method: limits and reverts make the return jump, so only its sign is told.
    """
    fills = int(run.orders.filled.sum())

    def undefined(edge: Edge, reason: str) -> BreakEven:
        return BreakEven(edge, Estimate.undefined(reason, n=fills, unit=unit, convention=convention))

    if len(run.orders) == 0:
        return undefined("idle", "no decision wished to trade")
    alive = lambda place: (over_hold(run, at(place)).value or 0.0) > 0  # noqa: E731
    if not alive(steps[0]):
        return undefined(
            "dead", "the edge is dead before any cost: at zero the return over hold is not above zero either"
        )
    low = steps[0]
    for high in steps[1:]:
        if not alive(high):
            break
        low = high
    else:
        largest = f"{steps[-1]:g} times the costs" if unit == "ratio" else f"a fee of {steps[-1]:.0%}"
        return undefined("alive", f"the edge is still alive at {largest}, the most tried")
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        low, high = (middle, high) if alive(middle) else (low, middle)
    return BreakEven("dies", Estimate((low + high) / 2, fills, unit, convention))


BISECTIONS = 14
"""Halvings after the scan: finer than a pip of most fees."""
