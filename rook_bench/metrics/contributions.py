"""P&L by component: what the bare decisions earned, what sizing and each filter changed, and what costs took."""

from __future__ import annotations

from dataclasses import dataclass

from rook_bench.metrics.attribution import Attribution, attribute
from rook_bench.plugins import risk_filter
from rook_bench.replay import LedgerError, Run
from rook_bench.replay.again import under
from rook_bench.risk import RiskConfig

RAW = RiskConfig()
"""Every wish at its own size and limits, without filters."""


@dataclass(frozen=True)
class Step:
    """One component put on top of those before it.

    Attributes:
        name: "decisions", "sizing", or a filter's reference; the same filter twice is numbered.
        signal: change of what trading gained at the pool price, quote units.
        costs: change of all costs (a filter that saves some has a negative one), quote units.
        orders, fills: orders that were sent and fills there were with it.
    """

    name: str
    signal: int
    costs: int
    orders: int
    fills: int

    @property
    def net(self) -> int:
        """Change of the net P&L, quote units."""
        return self.signal - self.costs


@dataclass(frozen=True)
class Contributions:
    """The P&L of a run by component in quote units (integers).

    market + signal of all steps - fee - impact - mev - gas - reverts = net, exactly; and market +
    net of all steps = net. The costs are those of the run itself.

    Attributes:
        steps: the bare decisions, sizing, then each filter in the configuration's order.
        final: the run's own attribution.
    """

    steps: tuple[Step, ...]
    final: Attribution

    @property
    def quote_unit(self) -> int:
        """Smallest units in one quote token."""
        return self.final.quote_unit

    def parts(self) -> dict[str, int]:
        """Every part with its sign, in the order of a waterfall; their sum is the net P&L."""
        final = self.final
        signals = {("signal" if step.name == DECISIONS else step.name): step.signal for step in self.steps}
        costs = {name: -getattr(final, name) for name in ("fee", "impact", "mev", "gas", "reverts")}
        return {"market": final.market, **signals, **costs}


DECISIONS, SIZING = "decisions", "sizing"


def contributions(run: Run) -> Contributions:
    """Replay the bare decisions, then with sizing, then with one filter more each time.

    What a component changes depends on what stands before it; the order is the configuration's.

    Raises:
        LedgerError: if the parts don't sum to the net P&L.
    """
    risk = run.config.risk
    stages = [(DECISIONS, RAW), (SIZING, risk.model_copy(update={"filters": ()}))]
    names = _unique([risk_filter.choose(reference).reference for reference in risk.filters])
    for count, name in enumerate(names, start=1):
        stages.append((name, risk.model_copy(update={"filters": risk.filters[:count]})))
    steps, before, done, last = [], None, len(stages) - 1, attribute(run)
    for index, (name, config) in enumerate(stages):
        staged = run if index == done else under(run, risk=config)
        parts = last if index == done else attribute(staged)
        signal = parts.signal - (before.signal if before else 0)
        costs = _costs(parts) - (_costs(before) if before else 0)
        sent, fills = int(staged.orders.sent.sum()), int(staged.orders.filled.sum())
        steps.append(Step(name, signal, costs, sent, fills))
        before = parts
    found = Contributions(tuple(steps), last)
    if sum(found.parts().values()) != last.net or last.market + sum(step.net for step in steps) != last.net:
        raise LedgerError("the components don't sum to the net P&L", where=run.name)
    return found


def _costs(parts: Attribution) -> int:
    return parts.fee + parts.impact + parts.mev + parts.gas + parts.reverts


def _unique(names: list[str]) -> list[str]:
    """Repeated names numbered from the second on."""
    return [
        name if names.index(name) == i else f"{name} ({names[: i + 1].count(name)})" for i, name in enumerate(names)
    ]
