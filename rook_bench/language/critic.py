"""What a row's net reward is expected to be, told from the numbers that a prompt shows."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from rook_bench.core import InputError
from rook_bench.core.config import Grown, read_json_record
from rook_bench.core.files import write_json
from rook_bench.core.hashing import sha256_file, sha256_json
from rook_bench.language.chance import Chance
from rook_bench.language.manifest import LearnedFrom, OfPool
from rook_bench.language.template import Prompts, Template
from rook_bench.language.trees import Trees
from rook_bench.market.pool import Pool
from rook_bench.market.view import MarketView

RECORD, TREES = "critic.json", "critic.npz"


class PoolWorth(OfPool):
    """What forecasts are worth, and orders cost, in one of several pools; see `CriticRecord`.

    Attributes:
        slope, slope_se, shrunk, cost_bps, chance: of its rows alone.
    """

    slope: float
    slope_se: float = Field(ge=0)
    shrunk: float = Field(ge=0, le=1)
    cost_bps: float
    chance: Chance | None = None


class CriticRecord(Grown):
    """The record beside the trees.

    Attributes:
        template: whose numbers the trees read.
        buy, sell: (size, slippage_bps, deadline_s) of the two orders.
        horizon_s: seconds from landing to the mark.
        slope, slope_se: of the mark-out on what the trees foretold out of fold, and its standard error.
        shrunk: factor that foretold mark-outs are multiplied by: slope less its error, within 0 and 1.
        cost_bps: what either order costs on a row in the middle.
        chance: of a profit, by the utility of the better order; None where validation could not tell.
        learned_from: rows behind trees, slope, cost and chance.
        trees: SHA-256 of the file of trees.
        pools: of several pools, what is told of each; what stands above is of all of them together.
    """

    LATER: ClassVar = ("pools",)

    version: Literal[1] = 1
    template: Template
    buy: tuple[float, float, float]
    sell: tuple[float, float, float]
    horizon_s: float = Field(gt=0)
    slope: float
    slope_se: float = Field(ge=0)
    shrunk: float = Field(ge=0, le=1)
    cost_bps: float
    chance: Chance | None = None
    learned_from: LearnedFrom
    trees: str
    pools: list[PoolWorth] | None = None

    def on(self, pool: Pool | None) -> CriticRecord:
        """The record with what it tells of this pool in place of what it tells of all of them."""
        for one in self.pools or ():
            if pool is not None and one.is_of(pool):
                names = ("slope", "slope_se", "shrunk", "cost_bps", "chance")
                return self.model_copy(update={name: getattr(one, name) for name in names})
        return self


class Critic:
    """Trees that foretell the mark-out of a row, and what they are worth.

    Args:
        record: slope, costs and template.
        trees: over the template's numbers.
    """

    def __init__(self, record: CriticRecord, trees: Trees) -> None:
        self.record, self.trees = record, trees

    def markout(self, prompts: Prompts, mirrored: Prompts) -> NDArray[np.float64]:
        """Foretold mark-out of a buy before costs, bps, shape (rows,); NaN where a number is undefined.

        What the trees say of a market and of its mirror image is made one: neither side is favoured.
        """
        return antisymmetric(self.trees, prompts.shown, mirrored.shown)

    def utilities(self, markout: NDArray[np.float64], pool: Pool | None = None) -> NDArray[np.float64]:
        """Expected net reward of BUY, HOLD and SELL in bps, shape (rows, 3), by mark-outs foretold on a pool."""
        told = self.record.on(pool)
        worth = told.shrunk * markout
        return np.column_stack([worth - told.cost_bps, np.zeros(len(worth)), -worth - told.cost_bps])

    def on(self, view: MarketView) -> NDArray[np.float64]:
        """Utilities of every row of a market, shape (rows, 3)."""
        template = self.record.template
        return self.utilities(self.markout(template.render(view), template.render(view, mirrored=True)), view.pool)

    def save(self, folder: Path) -> None:
        """Write record and trees into a folder."""
        self.trees.save(folder / TREES)
        kept = self.record.model_copy(update={"trees": sha256_file(folder / TREES)})
        write_json(folder / RECORD, kept.model_dump(mode="json"))


def antisymmetric(trees: Trees, shown: NDArray[np.float64], mirrored: NDArray[np.float64]) -> NDArray[np.float64]:
    """Half the difference of what trees say of rows and of their mirror images, shape (rows,); NaN stays NaN."""
    defined = np.isfinite(shown).all(axis=1) & np.isfinite(mirrored).all(axis=1)
    out = np.full(len(shown), np.nan)
    out[defined] = (trees(shown[defined]) - trees(mirrored[defined])) / 2
    return out


def read_critic_record(folder: str | Path) -> CriticRecord:
    """The record of a folder that `rook-bench reward` wrote; InputError where there is none or it can't be read."""
    path = Path(folder) / RECORD
    if not path.is_file():
        raise InputError("it holds no critic", where=folder, hint="make one with rook-bench reward")
    return read_json_record(CriticRecord, path, "the critic's record", "make it again with rook-bench reward")


def load_critic(folder: str | Path) -> Critic:
    """The critic of a folder; InputError where its files are not those that were written."""
    record, path = read_critic_record(folder), Path(folder) / TREES
    if not path.is_file() or path.is_symlink() or sha256_file(path) != record.trees:
        hint = "restore it, or make it again with rook-bench reward"
        raise InputError("not the trees that the record names", where=path, hint=hint)
    return Critic(record, Trees.load(path))


def critic_hash(folder: str | Path) -> str:
    """Identity of a critic: its record, which names its trees."""
    return sha256_json(read_critic_record(folder).model_dump(mode="json"))
