"""Engines of others on the orders of ratios.py, in the environment that `make peers` installs; prints milliseconds."""

from __future__ import annotations

import json
import sys
import time
import warnings

import numpy as np
import pandas as pd

ROUNDS = 5


def cpu_ms(work) -> float:
    """CPU time of the fastest of some turns."""
    work()
    taken = []
    for _ in range(ROUNDS):
        started = time.process_time()
        work()
        taken.append(time.process_time() - started)
    return min(taken) * 1e3


def vectorbt_work(price: pd.Series, size: pd.Series) -> dict[str, float]:
    """Orders alone, with the equity curve, and with the figures of a sweep's point; per engine."""
    import vectorbt as vbt

    found = {}
    for engine in ("rust", "numba"):

        def make(engine=engine):
            how = {"size_type": "targetpercent", "fees": 5e-4, "init_cash": 1e4, "freq": "12s", "engine": engine}
            return vbt.Portfolio.from_orders(price, size=size, **how)

        def figures(make=make):
            portfolio = make()
            return (
                portfolio.total_return(),
                portfolio.sharpe_ratio(),
                portfolio.max_drawdown(),
                portfolio.orders.count(),
            )

        name = f"vectorbt {vbt.__version__} ({engine})"
        try:
            found[f"{name}, from_orders"] = cpu_ms(make)
        except Exception as error:  # the engine is not there
            print(f"{name}: {error}", file=sys.stderr)
            continue
        found[f"{name}, from_orders and value()"] = cpu_ms(lambda make=make: make().value())
        found[f"{name}, from_orders, return, Sharpe, drawdown, orders"] = cpu_ms(figures)
    return found


def backtesting_work(price: pd.Series, size: pd.Series) -> dict[str, float]:
    """One run of backtesting.py."""
    import backtesting
    from backtesting import Backtest, Strategy

    table = pd.DataFrame({"Open": price, "High": price, "Low": price, "Close": price})
    wished = size.to_numpy()

    class Crossings(Strategy):
        def init(self) -> None:
            self.row = -1

        def next(self) -> None:
            target = wished[min(len(self.data), len(wished) - 1)]
            if target == 1.0 and not self.position:
                self.buy(size=0.99)
            elif target == 0.0 and self.position:
                self.position.close()

    run = Backtest(table, Crossings, cash=1e7, commission=5e-4, finalize_trades=True)
    return {f"backtesting.py {backtesting.__version__}, run()": cpu_ms(run.run)}


def main() -> None:
    """Time every engine on the orders of the file that is named."""
    warnings.simplefilter("ignore")
    held = np.load(sys.argv[1])
    price, size = pd.Series(held["price"]), pd.Series(held["size"])
    found = vectorbt_work(price, size)
    dated = pd.Series(held["price"], index=pd.date_range("2025-01-01", periods=len(price), freq="12s"))
    found |= backtesting_work(dated, size)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
