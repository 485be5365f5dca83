"""What `rook-bench reward` made, in words."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rook_bench.language.critic import CriticRecord
from rook_bench.rewards.critic import LEAST_CLUSTERS, Slope
from rook_bench.rewards.folder import RewardsRecord


@dataclass(frozen=True)
class Judged:
    """What choosing the best expected action earned on rows that nothing was fitted on.

    Attributes:
        rows: judged; trades: rows on which something was done.
        mean_bps: net reward of a trade, NaN without trades; se_bps: its standard error, clustered in time.
    """

    rows: int
    trades: int
    mean_bps: float
    se_bps: float


@dataclass(frozen=True, eq=False)
class Made:
    """What `make_rewards` wrote.

    Attributes:
        folder: where; record: beside the table; critic: of the template's numbers.
        ceiling: slope with every causal feature there is.
        judged: what the critic's choices earned on the validation rows.
    """

    folder: Path
    record: RewardsRecord
    critic: CriticRecord
    ceiling: Slope
    judged: Judged

    @property
    def found(self) -> bool:
        """Whether the critic expects anything of any row: forecasts that prove worthless are shrunk to nothing."""
        return any(one.shrunk > 0 for one in self.critic.pools or (self.critic,))

    def describe(self) -> list[str]:
        """What a person should know before a model learns from it."""
        record, facts, slope = self.record, self.record.facts, self.record.facts["slope"]
        counts = (f"{one['usable']:,} of {one['rows']:,} {name} rows" for name, one in record.splits.items())
        rows = " and ".join(counts)
        if record.pools is not None:
            rows = f"{facts['learned_from_rows']:,} rows learned from and {self.judged.rows:,} validation rows"
            rows = f"{rows} of {len(record.pools)} pools"
        lines = [f"rewards of {rows}, marked {record.horizon_s:g} s after landing"]
        lines += [
            f"{name}: {mean:+.2f} bps on average, {facts['profitable'][name]:.1%} gain, "
            f"{facts['reverted'][name]:.2%} revert"
            for name, mean in facts["mean_bps"].items()
        ]
        told = "nothing but zero is foretold" if slope["value"] is None else _slope_text(slope)
        lines.append(
            f"critic ({self.critic.template.name}): {told}; an order costs {self.critic.cost_bps:.2f} bps, forecasts "
            f"spread by {slope['spread_bps']:.1f}; {slope['clusters']:,} stretches of time"
        )
        ceiling = facts["ceiling"]
        lines.append(
            "reward ceiling: with every feature there is, "
            + ("nothing is foretold" if ceiling["value"] is None else _slope_text(ceiling))
        )
        if not self.found:
            lines.append(f"{_why(slope)}: forecasts are shrunk to nothing, and a model that learns from them will hold")
        judged = self.judged
        lines.append(
            f"validation: {judged.trades:,} of {judged.rows:,} rows are worth a trade"
            + (f", {judged.mean_bps:+.2f} ± {judged.se_bps:.2f} bps each" if judged.trades else "")
        )
        lines += self._by_pool()
        if self.found and not judged.trades:
            lines.append(
                f"no edge to trade on: shrunk forecasts spread by {self.critic.shrunk * slope['spread_bps']:.1f} bps, "
                f"and an order costs {self.critic.cost_bps:.1f}; {_more(slope)}"
            )
        return lines

    def _by_pool(self) -> list[str]:
        """A line for each of several pools."""
        lines = []
        for pool, worth in zip(self.record.pools or (), self.critic.pools or (), strict=True):
            slope, judged, count = pool.facts["slope"], pool.facts["validation"], pool.splits["train"]["usable"]
            told = "nothing but zero is foretold" if slope["value"] is None else _slope_text(slope)
            earned = f", {judged['mean_bps']:+.2f} bps each" if judged["trades"] else ""
            lines.append(
                f"{pool.name}: {count:,} rows learned from, {told}; an order costs {worth.cost_bps:.2f} bps; "
                f"{judged['trades']:,} of {judged['rows']:,} validation rows are worth a trade{earned}"
            )
        return lines


def _why(slope: dict[str, Any]) -> str:
    """Why forecasts count for nothing, with the time after which more could be told."""
    needed, days = slope["clusters_needed"], slope["cluster_s"] / 86_400
    if slope["clusters"] < LEAST_CLUSTERS:
        asked = needed or LEAST_CLUSTERS
        there_are = f"{slope['clusters'] * days:.1f} days of training rows"
        return f"too short to tell ({there_are}, at least {asked * days:.1f} needed)"
    if needed is None:
        return "no edge found"
    return f"no edge found (if the slope is what it seems, {needed * days:.1f} days of training rows would show it)"


def _more(slope: dict[str, Any]) -> str:
    """How much tape would make the slope sharper."""
    now, needed = (count * slope["cluster_s"] / 86_400 for count in (slope["clusters"], slope["clusters_needed"]))
    if needed <= now:
        return f"the slope is sharp enough on these {now:.1f} days of training rows"
    return f"{needed:.1f} days of training rows instead of {now:.1f} would halve the slope's error against it"


def _slope_text(slope: dict[str, Any]) -> str:
    return (
        f"mark-outs follow its forecasts at {slope['value']:.2f} ± {slope['se']:.2f}, shrunk by {slope['shrunk']:.2f}"
    )
