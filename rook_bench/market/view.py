"""MarketView: a tape cut at *now*. What a decision may see."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rook_bench.core import UnknownName, mapped
from rook_bench.core.arrays import read_only
from rook_bench.market.features import CONDITIONS, FEATURES, compute_condition, compute_feature
from rook_bench.market.frame import SwapFrame
from rook_bench.market.pool import Pool

if TYPE_CHECKING:
    import pandas as pd


class MarketColumns:
    """Every column of one tape, read-only; each is computed when first asked for.

    The look-ahead check makes many of these, and most sources look at few of the features.
    """

    def __init__(self, frame: SwapFrame) -> None:
        self.frame = frame
        self._columns: dict[str, NDArray[Any]] = {"at": read_only(frame.at)}

    @property
    def names(self) -> list[str]:
        """Names of all columns."""
        return sorted({"at", *FEATURES, *self.frame.recorded, *CONDITIONS})

    def __getitem__(self, name: str) -> NDArray[Any]:
        if name not in self._columns:
            self._columns[name] = read_only(mapped.copied(self._computed(name)))
        return self._columns[name]

    def _computed(self, name: str) -> NDArray[Any]:
        # A feature comes before a condition of its name.
        if name in FEATURES or name in self.frame.recorded:
            return compute_feature(self.frame, name)
        if name not in CONDITIONS:
            raise UnknownName("column", name, self.names, where=_asked_at())
        return compute_condition(self.frame, name, self.__getitem__)


def _asked_at() -> str:
    """File and line that asked a view for a column: a plugin's, as a rule."""
    frame = sys._getframe()
    while frame.f_code.co_filename == __file__ and frame.f_back is not None:
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"


class MarketView:
    """The rows of a tape up to and including *now*.

    `view["price"]` is a read-only array of shape (rows so far,): price, volume, volatility,
    volume_ma, tick_change, time_diff, liquidity_impact, impact_bps, price_change, price_deviation,
    momentum_10, volume_ratio, at, and ROOK's condition features by name. `len(view)` is the
    number of rows so far.
    """

    __slots__ = ("_columns", "_stop")

    def __init__(self, columns: MarketColumns, stop: int) -> None:
        self._columns, self._stop = columns, stop

    @classmethod
    def whole(cls, frame: SwapFrame, *, labels: bool = False) -> MarketView:
        """A view that stands at the last row.

        Args:
            labels: whether it shows the tape's labels. These are made with hindsight as often as not, so that
                nothing whose answer is judged may rest on them.
        """
        return cls(MarketColumns(frame if labels else frame.unlabelled), len(frame))

    def __reduce__(self) -> tuple[Any, ...]:
        return MarketView._of, (
            self._columns.frame,
            self._stop,
        )  # the columns are computed again where they are asked for

    @classmethod
    def _of(cls, frame: SwapFrame, stop: int) -> MarketView:
        return cls(MarketColumns(frame), stop)

    def __len__(self) -> int:
        return self._stop

    def head(self, rows: int) -> MarketView:
        """The view as it was `rows` rows after the start of the tape."""
        return MarketView(self._columns, min(rows, self._stop))

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self._columns[name][: self._stop]

    @property
    def names(self) -> list[str]:
        """Names of all columns."""
        return self._columns.names

    @property
    def pool(self) -> Pool:
        """Metadata of the pool."""
        return self._columns.frame.pool

    @property
    def now(self) -> np.datetime64:
        """Time of the last row, UTC."""
        return self._columns.frame.at[self._stop - 1]

    @property
    def at_index(self) -> pd.DatetimeIndex:
        """Times of the rows so far, UTC."""
        return self._columns.frame.at_index[: self._stop]

    @property
    def block(self) -> NDArray[np.int64] | None:
        """Block numbers of the rows so far, shape (n,); None where the tape has none."""
        block = self._columns.frame.block
        return None if block is None else block[: self._stop]

    @property
    def segment(self) -> NDArray[np.intp]:
        """How many holes of the tape lie before each row so far: what looks back should not look across one."""
        return self._columns.frame.segment[: self._stop]

    def features(self) -> pd.DataFrame:
        """The rows' features as a table (see `market.features.compute_features`)."""
        import pandas as pd

        return pd.DataFrame({name: self[name] for name in FEATURES})

    def labels(self) -> dict[str, NDArray[Any]]:
        """Label columns recorded in the file, up to now; empty where none are there or shown (see `whole`)."""
        return {name: read_only(column)[: self._stop] for name, column in self._columns.frame.labels.items()}
