"""Rows of the prepared folders of one pool or several, with their rewards: which are learned from, which judged on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from rook_bench.core import Side
from rook_bench.dataset.common_split import CommonSplit, SplitRows
from rook_bench.language.template import Prompts, Template
from rook_bench.market.features import FEATURES, SIGNED, compute_features
from rook_bench.market.frame import SwapFrame
from rook_bench.market.view import MarketView
from rook_bench.replay import ReplayConfig
from rook_bench.rewards.critic import Table
from rook_bench.rewards.reward import Action, Rewards, rewards_of

LEFT_OUT, LEARN, JUDGE = 0, 1, 2
"""What a row is for: nothing, what is fitted, what the fit is measured on."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Split:
    """One split of a pool's folder with its rewards.

    Attributes:
        pool: place of the pool; name: of the split.
        frame: its swaps; rewards: of each.
        prompts, mirrored: what the template shows of each, and of its mirror image.
        role: what each row is for, shape (rows,).
    """

    pool: int
    name: str
    frame: SwapFrame
    rewards: Rewards
    prompts: Prompts
    mirrored: Prompts
    role: NDArray[np.int8]

    @classmethod
    def of(
        cls, pool: int, name: str, frame: SwapFrame, actions: tuple[Action, ...], how: How, role: NDArray[np.int8]
    ) -> Split:
        """Work out the rewards of a split."""
        view = MarketView.whole(frame)
        rewards = rewards_of(frame, actions, how.config, how.horizon_s)
        shown = how.template.render(view), how.template.render(view, mirrored=True)
        return cls(pool, name, frame, rewards, *shown, role)

    @property
    def at(self) -> NDArray[np.int64]:
        """Time of each row, ns."""
        return self.frame.at.astype("datetime64[ns]").astype(np.int64)

    @property
    def usable(self) -> NDArray[np.bool_]:
        """Rows with a role, a prompt and a reward of both sides, shape (rows,)."""
        return (self.role != LEFT_OUT) & self.prompts.defined & self.mirrored.defined & self.rewards.defined

    def features(self) -> tuple[Floats, Floats]:
        """Every causal feature of every row, and of its mirror image, shape (rows, features)."""
        plain = np.nan_to_num(compute_features(self.frame)[list(FEATURES)].to_numpy(dtype=np.float64))
        sign = np.array([-1.0 if name in SIGNED else 1.0 for name in FEATURES])
        return plain, plain * sign


@dataclass(frozen=True)
class How:
    """How rewards are worked out: capital, sizing and costs of the pool, seconds to the mark, the prompt."""

    config: ReplayConfig
    horizon_s: float
    template: Template


class Rows:
    """The usable rows of one role, of all pools, in order of time.

    Args:
        splits: of every pool; role: LEARN or JUDGE.
    """

    def __init__(self, splits: Sequence[Split], role: int) -> None:
        self.splits = splits
        self._own = [np.flatnonzero(split.usable & (split.role == role)) for split in splits]
        at = np.concatenate([split.at[own] for split, own in zip(splits, self._own, strict=True)])
        self._order = np.argsort(at, kind="stable")
        self.at: NDArray[np.int64] = at[self._order]
        self.pool = self.gather(lambda split: np.full(len(split.frame), split.pool)).astype(np.intp)

    def __len__(self) -> int:
        return len(self.at)

    def gather(self, of: Callable[[Split], NDArray[np.generic]]) -> NDArray[np.float64]:
        """What is asked of every row of a split, of these rows; shape (rows, ...)."""
        parts = [np.asarray(of(split))[own] for split, own in zip(self.splits, self._own, strict=True)]
        return np.concatenate(parts)[self._order]

    def reward(self, side: Side) -> Floats:
        """Net reward of the first action of a side, bps, shape (rows,)."""
        return self.gather(lambda split: split.rewards.of(side))

    def bps(self, column: int) -> Floats:
        """Net reward of one of the actions, shape (rows,)."""
        return self.gather(lambda split: split.rewards.bps[:, column])

    @property
    def until(self) -> NDArray[np.int64]:
        """When the reward of each row is marked, ns, shape (rows,)."""
        return self.gather(lambda split: split.at[split.rewards.exit_row]).astype(np.int64)

    @property
    def horizon_s(self) -> float:
        """Median seconds from a row to its mark."""
        return float(np.median(self.until - self.at)) / 1e9

    def table(self, of: Callable[[Split], tuple[Floats, Floats]]) -> Table:
        """The rows as something to learn from, with the numbers that are asked of a split (plain and mirrored)."""
        buy, sell = self.reward(Side.BUY), self.reward(Side.SELL)
        numbers, mirrored = (self.gather(lambda split, part=part: of(split)[part]) for part in (0, 1))  # type: ignore[misc]
        return Table(numbers, mirrored, (buy - sell) / 2, -(buy + sell) / 2, self.at, self.until, self.pool)

    def spread(self, values: Floats) -> list[Floats]:
        """Values of these rows among all rows of each split, NaN elsewhere."""
        back = np.empty(len(values))
        back[self._order] = values
        out, start = [], 0
        for split, own in zip(self.splits, self._own, strict=True):
            whole = np.full(len(split.frame), np.nan)
            whole[own] = back[start : start + len(own)]
            out.append(whole)
            start += len(own)
        return out


def roles_of(cut: SplitRows, frames: dict[str, SwapFrame], common: CommonSplit | None) -> dict[str, NDArray[np.int8]]:
    """What the rows of each split of a folder are for; `common` cuts several pools, and not the folder its own."""
    roles = {"train": LEARN, "validation": JUDGE}
    if common is None:
        return {name: np.full(len(frame), roles[name], dtype=np.int8) for name, frame in frames.items()}
    whole = np.full(len(cut.at), LEFT_OUT, dtype=np.int8)
    learn, judge = common.cut(cut)
    whole[learn], whole[judge] = LEARN, JUDGE
    border = len(frames["train"])
    return {"train": whole[:border], "validation": whole[border:]}


def within(split: Split, common: CommonSplit) -> Split:
    """Without the rows whose reward is marked at or after the date up to which they may tell anything."""
    marked = split.frame.at.astype("datetime64[ns]")[split.rewards.exit_row]
    late = (split.role == LEARN) & (marked >= common.validation_from)
    if common.test_from is not None:
        late |= (split.role == JUDGE) & (marked >= common.test_from)
    return replace(split, role=np.where(late, LEFT_OUT, split.role).astype(np.int8))
