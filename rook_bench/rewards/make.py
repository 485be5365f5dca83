"""From a prepared folder to its rewards and their critic."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rook_bench.core import InputError, Side
from rook_bench.core.files import whole_folder, write_json
from rook_bench.core.hashing import sha256_code, sha256_file
from rook_bench.dataset.split_tapes import split_tape
from rook_bench.language.chance import Chance
from rook_bench.language.critic import Critic, CriticRecord
from rook_bench.language.manifest import LearnedFrom
from rook_bench.language.template import Prompts, Template
from rook_bench.market.features import FEATURES, SIGNED, compute_features
from rook_bench.market.frame import SwapFrame
from rook_bench.market.view import MarketView
from rook_bench.replay import ReplayConfig
from rook_bench.rewards.critic import (
    CLUSTER_HORIZONS,
    LEAST_CLUSTERS,
    Fitted,
    Slope,
    Table,
    chance_of_profit,
    clustered_mean,
    fit_critic,
    out_of_fold,
    slope_of,
)
from rook_bench.rewards.folder import PICTURE, RECORD, SPLITS, TABLE, RewardsRecord, write_table
from rook_bench.rewards.reward import HORIZON_S, Action, Rewards, rewards_of

LEAST_ROWS = 1000
"""Training rows below which no critic is fitted: four folds of less tell nothing."""

GROUPS = 20
"""Groups of rows by forecast in the picture."""

DEFAULT_ORDER = (0.05, 50.0, 300.0)
"""Size, slippage and deadline of a side that no label has."""


@dataclass(frozen=True, eq=False)
class Split:
    """One split with its rewards.

    Attributes:
        frame: its swaps; rewards: of each.
        prompts, mirrored: what the template shows of each, and of its mirror image.
    """

    frame: SwapFrame
    rewards: Rewards
    prompts: Prompts
    mirrored: Prompts

    @property
    def usable(self) -> NDArray[np.intp]:
        """Rows with a prompt and a reward of both sides."""
        return np.flatnonzero(self.prompts.defined & self.mirrored.defined & self.rewards.defined)

    def table(self, numbers: NDArray[np.float64], mirrored: NDArray[np.float64]) -> Table:
        """Its usable rows as something to learn from, with these numbers."""
        rows = self.usable
        buy, sell = (self.rewards.of(side)[rows] for side in (Side.BUY, Side.SELL))
        at = self.frame.at.astype(np.int64)
        horizon_ns = at[self.rewards.exit_row[rows]]
        return Table(numbers[rows], mirrored[rows], (buy - sell) / 2, -(buy + sell) / 2, at[rows], horizon_ns)

    def features(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Every causal feature of every row, and of its mirror image, shape (rows, features)."""
        plain = np.nan_to_num(compute_features(self.frame)[list(FEATURES)].to_numpy(dtype=np.float64))
        sign = np.array([-1.0 if name in SIGNED else 1.0 for name in FEATURES])
        return plain, plain * sign


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
        return self.critic.shrunk > 0

    def describe(self) -> list[str]:
        """What a person should know before a model learns from it."""
        record, facts, slope = self.record, self.record.facts, self.record.facts["slope"]
        counts = (f"{one['usable']:,} of {one['rows']:,} {name} rows" for name, one in record.splits.items())
        lines = [f"rewards of {' and '.join(counts)}, marked {record.horizon_s:g} s after landing"]
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
        if self.found and not judged.trades:
            lines.append(
                f"no edge to trade on: shrunk forecasts spread by {self.critic.shrunk * slope['spread_bps']:.1f} bps, "
                f"and an order costs {self.critic.cost_bps:.1f}; {_more(slope)}"
            )
        return lines


def make_rewards(
    data_dir: str | Path,
    out: str | Path,
    template: Template,
    config: ReplayConfig,
    *,
    horizon_s: float = HORIZON_S,
    seed: int = 0,
    tick: Callable[[str], None] = lambda what: None,
) -> Made:
    """Work out the rewards of the train and validation rows of a prepared folder, and fit the critic.

    Args:
        data_dir: what `data prepare` wrote, with exact tapes of its splits.
        out: the folder to write, whole or not at all.
        template: whose numbers the critic reads.
        config: capital, sizing and frictions; filters are left out.
        horizon_s: seconds from landing to the mark. Rows whose mark lies beyond their own split have no reward, so
            that nothing of a later split is in it.
        seed: of the trees.
        tick: hears what is being done.

    Raises:
        InputError: for a folder without split tapes, or one too short to learn from.
    """
    data_dir = Path(data_dir)
    listed = {name: split_tape(data_dir, name) for name in SPLITS}
    frames = {name: one.read() for name, one in listed.items()}
    actions = actions_of(frames["train"])
    splits = {}
    for name, frame in frames.items():
        tick(f"rewards of the {name} rows")
        splits[name] = _split(frame, actions, config, horizon_s, template)
    train, val = splits["train"], splits["validation"]
    if len(train.usable) < LEAST_ROWS:
        what = f"{len(train.usable):,} training rows have a reward, {LEAST_ROWS:,} are needed to learn from them"
        raise InputError(what, where=data_dir, hint="use a longer tape, or a shorter --horizon")
    if not len(val.usable):
        raise InputError("no validation row has a reward", where=data_dir, hint="use a longer tape")
    table = train.table(train.prompts.shown, train.mirrored.shown)
    tick("the critic")
    fitted = fit_critic(table, horizon_s, seed)
    tick("its ceiling")
    everything = train.table(*train.features())
    ceiling = slope_of(everything, out_of_fold(everything, seed), horizon_s)
    learned = LearnedFrom.of(SwapFrame.concat([_bare(frame) for frame in frames.values()], source=str(data_dir)))
    critic = _critic(fitted, template, actions, horizon_s, learned)
    judged, chance = _judged(critic, val)
    critic = Critic(critic.record.model_copy(update={"chance": chance}), critic.trees)
    with whole_folder(out) as aside:
        foretold = {
            "train": _spread_out(fitted.foretold, train.usable, len(train.frame)),
            "validation": critic.markout(val.prompts, val.mirrored),
        }
        write_table(
            {name: (split.frame, split.rewards, foretold[name]) for name, split in splits.items()}, aside / TABLE
        )
        critic.save(aside)
        (aside / PICTURE).write_bytes(_drawn(train, table, fitted, horizon_s))
        record = RewardsRecord(
            actions=list(actions),
            horizon_s=horizon_s,
            config=config.on(frames["train"].pool).model_dump(mode="json"),
            splits={
                name: {
                    "data_hash": listed[name].data_hash,
                    "rows": len(split.frame),
                    "usable": len(split.usable),
                    "landing beyond the split": int((split.rewards.landing_row < 0).sum()),
                    "marked beyond the split or a hole": int(
                        ((split.rewards.landing_row >= 0) & (split.rewards.exit_row < 0)).sum()
                    ),
                }
                for name, split in splits.items()
            },
            template=template.sha256,
            file=sha256_file(aside / TABLE),
            code=sha256_code("core", "execution", "market", "replay", "rewards"),
            learned_from=learned,
            facts=_facts(train, fitted.slope, ceiling, judged, horizon_s),
        )
        write_json(aside / RECORD, record.model_dump(mode="json"))
    return Made(Path(out), record, critic.record, ceiling, judged)


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


def actions_of(frame: SwapFrame) -> tuple[Action, Action]:
    """A BUY and a SELL as the labels have them most often."""
    columns = [frame.labels[f"label_{name}"].tolist() for name in ("side", "size", "slippage_bps", "deadline_s")]
    seen = Counter(zip(*columns, strict=True))
    found = []
    for side in (Side.BUY, Side.SELL):
        own = [(count, values) for (name, *values), count in seen.items() if name == side.name]
        size, slippage_bps, deadline_s = max(own)[1] if own else DEFAULT_ORDER
        found.append(Action(side=side, size=size, slippage_bps=slippage_bps, deadline_s=deadline_s))
    return found[0], found[1]


def _split(
    frame: SwapFrame, actions: tuple[Action, ...], config: ReplayConfig, horizon_s: float, template: Template
) -> Split:
    view = MarketView.whole(frame)
    rewards = rewards_of(frame, actions, config, horizon_s)
    return Split(frame, rewards, template.render(view), template.render(view, mirrored=True))


def _drawn(train: Split, table: Table, fitted: Fitted, horizon_s: float) -> bytes:
    """What actions earned on the train rows, and how far it was foretold."""
    from rook_bench.report.charts.rewards import Foretold, Learnt, draw_rewards  # matplotlib takes a while to import

    rewards = {
        f"{action.side.name} {action.size:.0%}": train.rewards.bps[train.usable, column]
        for column, action in enumerate(train.rewards.actions)
    }
    foretold = None
    if np.ptp(fitted.foretold) > 0:
        groups = [rows for rows in np.array_split(np.argsort(fitted.foretold, kind="stable"), GROUPS) if len(rows)]
        # Errors need rows in order of time.
        means = np.array(
            [
                (fitted.foretold[rows].mean(), *clustered_mean(table.markout[rows], table.at[rows], horizon_s))
                for rows in map(np.sort, groups)
            ]
        )
        foretold = Foretold(*means.T)
    slope = fitted.slope
    return draw_rewards(rewards, foretold, Learnt(slope.value, slope.se, slope.shrunk, fitted.cost_bps, slope.enough))


def _spread_out(values: NDArray[np.float64], rows: NDArray[np.intp], count: int) -> NDArray[np.float64]:
    """Values of some rows among all, NaN elsewhere."""
    out = np.full(count, np.nan)
    out[rows] = values
    return out


def _bare(frame: SwapFrame) -> SwapFrame:
    """Without what liquidity did, which the gap between splits breaks."""
    return replace(frame, history=None)


def _critic(
    fitted: Fitted, template: Template, actions: tuple[Action, ...], horizon_s: float, learned: LearnedFrom
) -> Critic:
    buy, sell = ((one.size, one.slippage_bps, one.deadline_s) for one in actions)
    slope = fitted.slope
    record = CriticRecord(
        template=template,
        buy=buy,
        sell=sell,
        horizon_s=horizon_s,
        slope=slope.value if np.isfinite(slope.value) else 0.0,
        slope_se=slope.se if np.isfinite(slope.se) else 0.0,
        shrunk=slope.shrunk,
        cost_bps=fitted.cost_bps,
        learned_from=learned,
        trees="",
    )
    return Critic(record, fitted.trees)


def _judged(critic: Critic, val: Split) -> tuple[Judged, Chance | None]:
    """What the critic's choices earn on the validation rows, and the chance of a profit by utility."""
    rows = val.usable
    utility = critic.utilities(critic.markout(val.prompts, val.mirrored))[rows]
    better = np.where(utility[:, 0] >= utility[:, 2], 0, 2)
    buy, sell = (val.rewards.of(side)[rows] for side in (Side.BUY, Side.SELL))
    earned = np.where(better == 0, buy, sell)
    score = utility.max(axis=1, where=np.array([True, False, True]), initial=-np.inf)
    chance = chance_of_profit(score, earned > 0)
    trades = score > 0
    count = int(trades.sum())
    at = val.frame.at.astype(np.int64)[rows][trades]
    mean, se = clustered_mean(earned[trades], at, critic.record.horizon_s)
    return Judged(len(rows), count, mean, se), chance


def _facts(train: Split, slope: Slope, ceiling: Slope, judged: Judged, horizon_s: float) -> dict[str, Any]:
    rewards = train.rewards
    named = {f"{action.side.name} {action.size:.0%}": column for column, action in enumerate(rewards.actions)}
    usable = train.usable
    span_s = float(np.ptp(train.frame.at.astype(np.int64)[usable])) / 1e9
    return {
        "mean_bps": {name: float(rewards.bps[usable, column].mean()) for name, column in named.items()},
        "profitable": {name: float((rewards.bps[usable, column] > 0).mean()) for name, column in named.items()},
        "reverted": dict(zip(named, map(float, rewards.reverted()), strict=True)),
        "independent_horizons": span_s / max(1.0, _horizon_of(train)),
        "slope": _plain(slope) | {"cluster_s": CLUSTER_HORIZONS * horizon_s},
        "ceiling": _plain(ceiling),
        "validation": {name: None if value != value else value for name, value in vars(judged).items()},
    }


def _horizon_of(split: Split) -> float:
    at, rows = split.frame.at.astype(np.int64), split.usable
    return float(np.median(at[split.rewards.exit_row[rows]] - at[rows])) / 1e9


def _plain(slope: Slope) -> dict[str, Any]:
    known = {name: None if value != value else value for name, value in vars(slope).items()}
    return known | {"shrunk": slope.shrunk, "clusters_needed": slope.clusters_needed()}
