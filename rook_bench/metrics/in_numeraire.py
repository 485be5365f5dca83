"""What a run came to in another currency than the quote.

The difference of two runs in log return is the same in every currency, because both are multiplied by the same
price: no verdict on it depends on the numeraire.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rook_bench.core import Estimate, mapped
from rook_bench.metrics.clock import Sampled
from rook_bench.metrics.performance import under_water
from rook_bench.plugins import metric
from rook_bench.replay.numeraire import numeraire_rate
from rook_bench.replay.worth import quote_value


@metric(unit="numeraire")
def numeraire_pnl(sampled: Sampled) -> Estimate:
    """Closing minus opening value in the numeraire."""
    value = _value(sampled, sampled.run.equity)
    return _told(sampled, "numeraire", value[-1] - _opening(sampled))


@metric(unit="fraction")
def numeraire_return(sampled: Sampled) -> Estimate:
    """Closing over opening value in the numeraire, minus one."""
    value = _value(sampled, sampled.run.equity)
    return _told(sampled, "fraction", value[-1] / _opening(sampled) - 1)


@metric(unit="fraction")
def numeraire_hold_return(sampled: Sampled) -> Estimate:
    """The same of keeping the initial mix."""
    value = _value(sampled, sampled.run.hold_equity)
    return _told(sampled, "fraction", value[-1] / value[0] - 1)


@metric(unit="fraction")
def numeraire_max_drawdown(sampled: Sampled) -> Estimate:
    """The largest loss from a highest value in the numeraire, a fraction of it."""
    value = _value(sampled, sampled.run.equity)
    return _told(sampled, "fraction", under_water(value, sampled.run.frame.at, _opening(sampled))[0])


@metric(unit="numeraire")
def numeraire_costs(sampled: Sampled) -> Estimate:
    """Fee, impact, searchers and gas of every order, each at the rate of the row that it landed on."""
    run, rate = sampled.run, _rate(sampled)
    frame, total = run.frame, 0.0
    for order in run.landed:
        row = order.row
        cost = order.gas_quote + quote_value(frame, order.gas_base, row)
        if order.taken + order.fee:
            if order.buys:
                cost += order.taken + order.fee - quote_value(frame, order.out, row)
            else:
                cost += quote_value(frame, order.taken + order.fee, row) - order.out
        total += cost / frame.pool.quote.unit * float(rate[row])
    return _told(sampled, "numeraire", total)


def _rate(sampled: Sampled) -> NDArray[np.float64]:
    return numeraire_rate(sampled.run.frame, sampled.run.config.numeraire)


def _value(sampled: Sampled, equity: NDArray[np.float64]) -> NDArray[np.float64]:
    rate = _rate(sampled)
    return mapped.by_part(len(equity), lambda rows: equity[rows] * rate[rows])


def _opening(sampled: Sampled) -> float:
    """Value of the opening balances at the first row."""
    return float(sampled.run.hold_equity[0] * _rate(sampled)[0])


def _told(sampled: Sampled, unit: str, value: float) -> Estimate:
    currency, rows = sampled.run.config.numeraire, len(sampled.run.frame)
    if currency is None:
        return Estimate.undefined("the run has no numeraire beside the quote", n=0, unit=unit)
    return Estimate(float(value), rows, unit, f"in {currency}, at the last price known right before each swap")
