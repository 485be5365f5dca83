"""From a prepared folder to its rewards and their critic."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rook_bench.core import InputError, Side
from rook_bench.core.files import whole_folder, write_json
from rook_bench.core.hashing import sha256_code, sha256_file
from rook_bench.dataset.common_split import CommonSplit, DataDir, SplitRows, folders_of, refuse_twice
from rook_bench.dataset.split_tapes import split_tape
from rook_bench.language.chance import Chance
from rook_bench.language.critic import Critic, CriticRecord, PoolWorth
from rook_bench.language.manifest import LearnedFrom
from rook_bench.language.template import Template
from rook_bench.market.frame import SwapFrame
from rook_bench.market.pool import Pool, names_apart
from rook_bench.replay import ReplayConfig
from rook_bench.replay.purse.engine import with_native
from rook_bench.rewards.critic import (
    CLUSTER_HORIZONS,
    Fitted,
    Slope,
    Table,
    chance_of_profit,
    clustered_mean,
    fit_critic,
    out_of_fold,
    slope_of,
)
from rook_bench.rewards.folder import PICTURE, RECORD, SPLITS, TABLE, PoolRewards, RewardsRecord, write_table
from rook_bench.rewards.made import Judged, Made
from rook_bench.rewards.reward import HORIZON_S, Action
from rook_bench.rewards.rows import JUDGE, LEARN, LEFT_OUT, How, Rows, Split, roles_of, within

LEAST_ROWS = 1000
"""Training rows below which no critic is fitted: four folds of less tell nothing."""

GROUPS = 20
"""Groups of rows by forecast in the picture."""

DEFAULT_ORDER = (0.05, 50.0, 300.0)
"""Size, slippage and deadline of a side that no label has."""


def make_rewards(
    data_dir: DataDir,
    out: str | Path,
    template: Template,
    config: ReplayConfig | Sequence[ReplayConfig],
    *,
    horizon_s: float = HORIZON_S,
    seed: int = 0,
    tick: Callable[[str], None] = lambda what: None,
) -> Made:
    """Work out the rewards of the train and validation rows of a prepared folder, and fit the critic.

    Args:
        data_dir: what `data prepare` wrote, with exact tapes of its splits; several folders, each of another pool, are
            cut at one date (see `CommonSplit`), and one critic is fitted on all of them.
        out: the folder to write, whole or not at all.
        template: whose numbers the critic reads.
        config: capital, sizing and frictions; filters are left out. Of several folders, for all or one for each, and
            perhaps for each that lies beside.
        horizon_s: seconds from landing to the mark. Rows whose mark lies beyond their own split have no reward, so
            that nothing of a later split is in it.
        seed: of the trees.
        tick: hears what is being done.

    Raises:
        InputError: for a folder without split tapes, or one too short to learn from.
    """
    given = folders_of(data_dir)
    folders = given.paths
    listed = [{name: split_tape(folder, name) for name in SPLITS} for folder in given.all]
    frames = [{name: one.read() for name, one in own.items()} for own in listed]
    refuse_twice(given.all, [own["train"] for own in frames])
    cuts = [SplitRows.of_tapes(path, *own.values()) for path, own in zip(given.all, frames, strict=True)]
    common = CommonSplit.of(cuts) if cuts[1:] else None
    configs = [config] * len(folders) if isinstance(config, ReplayConfig) else list(config)
    # Those that only lie beside, and tell what gas costs, may have configurations of their own.
    frames = _knowing_gas(frames, [*configs, *configs[-1:] * len(given.beside)][: len(frames)])[: len(folders)]
    pools = [own["train"].pool for own in frames]
    names = names_apart(pools)
    actions = actions_of([own["train"] for own in frames])
    splits: list[Split] = []
    for place, own in enumerate(frames):
        how, roles = How(configs[place], horizon_s, template), roles_of(cuts[place], own, common)
        for name, frame in own.items():
            tick(f"rewards of the {name} rows" + ("" if common is None else f" of {names[place]}"))
            split = Split.of(place, name, frame, actions, how, roles[name])
            splits.append(split if common is None else within(split, common))
    train, val = Rows(splits, LEARN), Rows(splits, JUDGE)
    for place, folder in enumerate(folders):
        counts = [int((rows.pool == place).sum()) for rows in (train, val)]
        if counts[0] < LEAST_ROWS:
            what = f"{counts[0]:,} training rows have a reward, {LEAST_ROWS:,} are needed to learn from them"
            raise InputError(what, where=folder, hint="use a longer tape, or a shorter --horizon")
        if not counts[1]:
            raise InputError("no validation row has a reward", where=folder, hint="use a longer tape")
    table = train.table(lambda split: (split.prompts.shown, split.mirrored.shown))
    tick("the critic")
    fitted = fit_critic(table, horizon_s, seed)
    tick("its ceiling")
    everything = train.table(_features_of(splits))
    beyond = out_of_fold(everything, seed)
    ceiling = slope_of(everything, beyond, horizon_s)
    learned = _learned_from(folders, frames, splits, common)
    critic = _critic(fitted, template, actions, horizon_s, learned)
    own_rows = _of_pools(table.pool, pools)
    slopes = [slope_of(table.take(own), fitted.foretold[own], horizon_s) for own in own_rows]
    highest = [slope_of(everything.take(own), beyond[own], horizon_s) for own in own_rows]
    worth = [
        PoolWorth(**PoolWorth.names(pool), **_known(slope), cost_bps=float(np.median(table.cost[own])))
        for pool, slope, own in zip(pools, slopes, own_rows, strict=True)
    ]
    if common is not None:
        critic = Critic(critic.record.model_copy(update={"pools": worth}), critic.trees)
    judged, chance, by_pool = _judged(critic, pools, val)
    update: dict[str, Any] = {"chance": chance}
    if common is not None:
        chances = [chance for _, chance in by_pool]
        update["pools"] = [one.model_copy(update={"chance": own}) for one, own in zip(worth, chances, strict=True)]
    critic = Critic(critic.record.model_copy(update=update), critic.trees)
    with whole_folder(out) as aside:
        write_table(splits, _foretold(splits, train.spread(fitted.foretold), critic), aside / TABLE)
        critic.save(aside)
        (aside / PICTURE).write_bytes(_drawn(train, actions, table, fitted, horizon_s))
        told = [
            {split.name: _counted(listed[place][split.name].data_hash, split) for split in own}
            for place, own in enumerate(_by_pool(splits))
        ]
        of_pools = [
            PoolRewards(
                **PoolRewards.names(pool),
                name=names[place],
                splits=told[place],
                facts={
                    "config": configs[place].on(pool).model_dump(mode="json"),
                    "slope": _plain(slopes[place]) | {"cluster_s": CLUSTER_HORIZONS * horizon_s},
                    "ceiling": _plain(highest[place]),
                    "validation": _told_of(by_pool[place][0]),
                },
            )
            for place, pool in enumerate(pools)
        ]
        record = RewardsRecord(
            actions=list(actions),
            horizon_s=horizon_s,
            config=configs[0].on(pools[0]).model_dump(mode="json"),
            splits=told[0] if common is None else _summed(told),
            template=template.sha256,
            file=sha256_file(aside / TABLE),
            code=sha256_code("core", "execution", "market", "replay", "rewards"),
            learned_from=learned,
            facts=_facts(train, actions, _reverted(splits), fitted.slope, ceiling, judged, horizon_s)
            | ({} if common is None else {"learned_from_rows": len(train)}),
            common_split=None if common is None else common.to_json(),
            pools=None if common is None else of_pools,
        )
        write_json(aside / RECORD, record.model_dump(mode="json"))
    return Made(Path(out), record, critic.record, ceiling, judged)


def actions_of(frames: Sequence[SwapFrame]) -> tuple[Action, Action]:
    """A BUY and a SELL as the labels of all of these swaps have them most often."""
    seen: Counter[tuple[Any, ...]] = Counter()
    for frame in frames:
        columns = [frame.labels[f"label_{name}"].tolist() for name in ("side", "size", "slippage_bps", "deadline_s")]
        seen.update(zip(*columns, strict=True))
    found = []
    for side in (Side.BUY, Side.SELL):
        own = [(count, values) for (name, *values), count in seen.items() if name == side.name]
        size, slippage_bps, deadline_s = max(own)[1] if own else DEFAULT_ORDER
        found.append(Action(side=side, size=size, slippage_bps=slippage_bps, deadline_s=deadline_s))
    return found[0], found[1]


def _knowing_gas(frames: Sequence[dict[str, SwapFrame]], configs: Sequence[ReplayConfig]) -> list[dict[str, SwapFrame]]:
    """The splits of several pools, each with what gas costs where another pool tells it."""
    told = {name: with_native([own[name] for own in frames], configs) for name in SPLITS}
    return [{name: told[name][place] for name in SPLITS} for place in range(len(frames))]


def _features_of(splits: Sequence[Split]) -> Callable[[Split], tuple[NDArray[np.float64], NDArray[np.float64]]]:
    known = {id(split): split.features() for split in splits}
    return lambda split: known[id(split)]


def _of_pools(pool: NDArray[np.intp], pools: Sequence[Pool]) -> list[NDArray[np.intp]]:
    return [np.flatnonzero(pool == place) for place in range(len(pools))]


def _by_pool(splits: Sequence[Split]) -> list[list[Split]]:
    return [[split for split in splits if split.pool == place] for place in range(splits[-1].pool + 1)]


def _learned_from(
    folders: Sequence[Path],
    frames: Sequence[dict[str, SwapFrame]],
    splits: Sequence[Split],
    common: CommonSplit | None,
) -> LearnedFrom:
    """All rows of both splits; of several pools those that are for something."""
    parts = []
    for folder, own, cut in zip(folders, frames, _by_pool(splits), strict=True):
        whole = SwapFrame.concat([_bare(frame) for frame in own.values()], source=str(folder))
        used = np.flatnonzero(np.concatenate([split.role for split in cut]) != LEFT_OUT)
        parts.append(LearnedFrom.of(whole if common is None else whole[int(used[0]) : int(used[-1]) + 1]))
    return parts[0] if common is None else LearnedFrom.union(parts)


def _foretold(
    splits: Sequence[Split], out_of_fold: Sequence[NDArray[np.float64]], critic: Critic
) -> list[NDArray[np.float64]]:
    """Of rows that were learned from what trees said that had not seen them; of the others what the critic says."""
    told = []
    for split, kept in zip(splits, out_of_fold, strict=True):
        judged = split.role == JUDGE
        told.append(np.where(judged, critic.markout(split.prompts, split.mirrored), kept) if judged.any() else kept)
    return told


def _counted(data_hash: str, split: Split) -> dict[str, Any]:
    rewards = split.rewards
    return {
        "data_hash": data_hash,
        "rows": len(split.frame),
        "usable": int(split.usable.sum()),
        "landing beyond the split": int((rewards.landing_row < 0).sum()),
        "marked beyond the split or a hole": int(((rewards.landing_row >= 0) & (rewards.exit_row < 0)).sum()),
    }


def _summed(told: Sequence[dict[str, dict[str, Any]]]) -> dict[str, dict[str, Any]]:
    counts = [name for name in told[0]["train"] if name != "data_hash"]
    return {split: {name: sum(one[split][name] for one in told) for name in counts} for split in told[0]}


def _drawn(train: Rows, actions: Sequence[Action], table: Table, fitted: Fitted, horizon_s: float) -> bytes:
    """What actions earned on the train rows, and how far it was foretold."""
    from rook_bench.report.charts.rewards import Foretold, Learnt, draw_rewards  # matplotlib takes a while to import

    rewards = {f"{action.side.name} {action.size:.0%}": train.bps(column) for column, action in enumerate(actions)}
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


def _bare(frame: SwapFrame) -> SwapFrame:
    """Without what liquidity did, which the gap between splits breaks."""
    return replace(frame, history=None)


def _critic(
    fitted: Fitted, template: Template, actions: tuple[Action, ...], horizon_s: float, learned: LearnedFrom
) -> Critic:
    buy, sell = ((one.size, one.slippage_bps, one.deadline_s) for one in actions)
    record = CriticRecord(
        template=template,
        buy=buy,
        sell=sell,
        horizon_s=horizon_s,
        **_known(fitted.slope),
        cost_bps=fitted.cost_bps,
        learned_from=learned,
        trees="",
    )
    return Critic(record, fitted.trees)


def _known(slope: Slope) -> dict[str, float]:
    """A slope as a record has it: nothing foretold is 0."""
    told = {"slope": slope.value, "slope_se": slope.se, "shrunk": slope.shrunk}
    return {name: value if np.isfinite(value) else 0.0 for name, value in told.items()}


def _judged(
    critic: Critic, pools: Sequence[Pool], val: Rows
) -> tuple[Judged, Chance | None, list[tuple[Judged, Chance | None]]]:
    """What the critic's choices earn on the validation rows, and the chance of a profit; and both of each pool."""
    utility = val.gather(
        lambda split: critic.utilities(critic.markout(split.prompts, split.mirrored), pools[split.pool])
    )
    better = np.where(utility[:, 0] >= utility[:, 2], 0, 2)
    earned = np.where(better == 0, val.reward(Side.BUY), val.reward(Side.SELL))
    score = utility.max(axis=1, where=np.array([True, False, True]), initial=-np.inf)

    def of(rows: NDArray[np.intp]) -> tuple[Judged, Chance | None]:
        trades = rows[score[rows] > 0]
        mean, se = clustered_mean(earned[trades], val.at[trades], critic.record.horizon_s)
        return Judged(len(rows), len(trades), mean, se), chance_of_profit(score[rows], earned[rows] > 0)

    return *of(np.arange(len(val))), [of(own) for own in _of_pools(val.pool, pools)]


def _facts(
    train: Rows,
    actions: Sequence[Action],
    reverted: NDArray[np.float64],
    slope: Slope,
    ceiling: Slope,
    judged: Judged,
    horizon_s: float,
) -> dict[str, Any]:
    named = {f"{action.side.name} {action.size:.0%}": train.bps(column) for column, action in enumerate(actions)}
    return {
        "mean_bps": {name: float(bps.mean()) for name, bps in named.items()},
        "profitable": {name: float((bps > 0).mean()) for name, bps in named.items()},
        "reverted": dict(zip(named, map(float, reverted), strict=True)),
        "independent_horizons": float(np.ptp(train.at)) / 1e9 / max(1.0, train.horizon_s),
        "slope": _plain(slope) | {"cluster_s": CLUSTER_HORIZONS * horizon_s},
        "ceiling": _plain(ceiling),
        "validation": _told_of(judged),
    }


def _reverted(splits: Sequence[Split]) -> NDArray[np.float64]:
    """Share of the rows of the train tapes on which each action reverts."""
    shares = [(split.rewards.reverted(), len(split.frame)) for split in splits if split.name == "train"]
    return np.asarray(np.average([share for share, _ in shares], axis=0, weights=[rows for _, rows in shares]))


def _told_of(judged: Judged) -> dict[str, Any]:
    return {name: None if value != value else value for name, value in vars(judged).items()}


def _plain(slope: Slope) -> dict[str, Any]:
    known = {name: None if value != value else value for name, value in vars(slope).items()}
    return known | {"shrunk": slope.shrunk, "clusters_needed": slope.clusters_needed()}
