"""The orders of a run in columns, exact."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from operator import eq
from typing import Any, overload

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rook_bench.core import SIDE_NAMES, Side, mapped
from rook_bench.core.arrays import text_column
from rook_bench.core.exact import ExactInts
from rook_bench.execution.outcome import OUTCOME_NAMES, Outcome

AMOUNTS = ("amount_in", "quoted", "paid", "fee", "out", "mev", "gas_quote", "gas_base", "cash", "base")
"""Exact columns in smallest units (see OrderTable)."""


@dataclass(frozen=True)
class Landed:
    """One order as it landed, in Python integers (smallest units); see `OrderTable`."""

    index: int
    decided_row: int
    row: int
    buys: bool
    outcome: Outcome
    amount_in: int
    quoted: int
    taken: int
    fee: int
    out: int
    mev: int
    crossed: int
    sqrt_after: int
    gas_quote: int
    gas_base: int
    cash: int
    base: int
    cash_before: int
    base_before: int


_EXACT = ("amount_in", "quoted", "paid", "fee", "out", "mev", "sqrt_after", "gas_quote", "gas_base", "cash", "base")
_NAMES = tuple("taken" if name == "paid" else name for name in _EXACT)


@dataclass(frozen=True, eq=False, repr=False)
class OrderTable:
    """One row per decision that wished to trade, in the order of the tape; shapes (m,).

    Attributes:
        row, landing_row: tape rows of the decision and of the state the order met (-1: beyond the tape).
        side, outcome: codes of Side and Outcome.
        rejected_by: name of the filter that refused it, "" where none did.
        amount_in: input token offered; quoted: output quoted when the decision was made.
        paid, fee: input token that entered the pool, and the fee on top of it.
        out: output token received; mev: output that a searcher took from the order (see `Frictions.mev`).
        crossed: initialised ticks that the fill crossed, where the tick map is known (else 0).
        gas_quote, gas_base: gas paid, in quote and (where quote was short) in base.
        cash, base: balances of quote and base after the order landed (or was refused).
        sqrt_after: pool price the fill left behind; 0 where there was none.
        left_range: whether the fill went past the tick range known to hold the recorded liquidity.
        reason: the decision's reason.
    """

    row: NDArray[np.int64]
    landing_row: NDArray[np.int64]
    side: NDArray[np.int8]
    outcome: NDArray[np.int8]
    rejected_by: NDArray[np.object_]
    amount_in: ExactInts
    quoted: ExactInts
    paid: ExactInts
    fee: ExactInts
    out: ExactInts
    mev: ExactInts
    gas_quote: ExactInts
    gas_base: ExactInts
    cash: ExactInts
    base: ExactInts
    sqrt_after: ExactInts
    crossed: NDArray[np.int32]
    left_range: NDArray[np.bool_]
    reason: NDArray[np.object_]

    def __repr__(self) -> str:
        return f"<OrderTable of {len(self):,}, {int(self.filled.sum()):,} filled>"

    def __len__(self) -> int:
        return len(self.row)

    @property
    def filled(self) -> NDArray[np.bool_]:
        """Orders that got something."""
        return np.isin(self.outcome, (Outcome.FILLED, Outcome.PARTIAL))

    @property
    def sent(self) -> NDArray[np.bool_]:
        """Orders that became a transaction, reverted ones included."""
        return self.gas_quote_or_base | self.filled | np.isin(self.outcome, _SENT_OUTCOMES)

    @property
    def gas_quote_or_base(self) -> NDArray[np.bool_]:
        """Orders that paid gas."""
        return ~(self.gas_quote.zero() & self.gas_base.zero())

    @property
    def buys(self) -> NDArray[np.bool_]:
        """Orders that buy base."""
        return self.side == Side.BUY

    def rows(self, which: slice | NDArray[np.intp]) -> OrderTable:
        """Some of the orders."""
        return OrderTable(**{field.name: getattr(self, field.name)[which] for field in fields(self)})

    def landed(self, opening: tuple[int, int]) -> Landings:
        """The orders that changed a balance, in Python integers, in the order in which they landed.

        Args:
            opening: quote and base before the first of them, smallest units.
        """
        return Landings(self, opening)

    def to_arrow(self) -> pa.Table:
        """The table stored in orders.parquet."""
        columns: dict[str, Any] = {
            "row": self.row,
            "landing_row": self.landing_row,
            "side": pa.array([SIDE_NAMES[code] for code in self.side], pa.string()),
            "outcome": pa.array([OUTCOME_NAMES[code] for code in self.outcome], pa.string()),
            "rejected_by": pa.array(self.rejected_by, pa.string()),
            "reason": pa.array(self.reason, pa.string()),
            "crossed": self.crossed,
            "left_range": self.left_range,
        }
        columns |= {name: getattr(self, name).to_arrow(38) for name in AMOUNTS}
        columns["sqrt_after"] = self.sqrt_after.to_arrow(49)
        return pa.table(columns)

    @classmethod
    def from_arrow(cls, table: pa.Table) -> OrderTable:
        """Read back what `to_arrow` wrote."""
        return cls(
            row=table["row"].to_numpy(),
            landing_row=table["landing_row"].to_numpy(),
            side=np.array([SIDE_NAMES.index(name) for name in table["side"].to_pylist()], dtype=np.int8),
            outcome=np.array([OUTCOME_NAMES.index(name) for name in table["outcome"].to_pylist()], dtype=np.int8),
            rejected_by=text_column(table["rejected_by"].to_pylist()),
            reason=text_column(table["reason"].to_pylist()),
            crossed=table["crossed"].to_numpy(),
            left_range=table["left_range"].to_numpy(),
            **{name: ExactInts.from_arrow(table[name]) for name in (*AMOUNTS, "sqrt_after")},
        )


class Landings(Sequence[Landed]):
    """Orders that changed a balance, each made when it is asked for; a few are kept, for they are asked for often.

    Args:
        orders, opening: see `OrderTable.landed`.
    """

    def __init__(self, orders: OrderTable, opening: tuple[int, int]) -> None:
        self._orders, self._opening = orders, opening
        self.moved = np.flatnonzero(orders.filled | orders.gas_quote_or_base)
        self._kept: tuple[Landed, ...] | None = None

    def __len__(self) -> int:
        return len(self.moved)

    @overload
    def __getitem__(self, place: int) -> Landed: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Landed]: ...
    def __getitem__(self, place: int | slice) -> Landed | Sequence[Landed]:
        if len(self) <= KEPT:
            return self._few()[place]
        if isinstance(place, slice):
            return tuple(self[one] for one in range(*place.indices(len(self))))
        at = range(len(self))[place]
        return next(self._made(slice(at, at + 1)))

    def __iter__(self) -> Iterator[Landed]:
        return self._all() if len(self) > KEPT else iter(self._few())

    def some(self, places: NDArray[np.intp]) -> Iterator[Landed]:
        """Some of them, in ascending order; nothing is made of the others."""
        for place in places.tolist():
            yield from self._made(slice(place, place + 1))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and len(self) == len(other) and all(map(eq, self, other))

    __hash__ = None  # type: ignore[assignment]

    def _few(self) -> tuple[Landed, ...]:
        if self._kept is None:
            self._kept = tuple(self._all())
        return self._kept

    def _all(self) -> Iterator[Landed]:
        for part in mapped.parts(len(self), BATCH):
            yield from self._made(part)

    def _made(self, part: slice) -> Iterator[Landed]:
        orders, moved = self._orders, self.moved[part]
        cash, base = self._opening
        if part.start:
            before = int(self.moved[part.start - 1])
            cash, base = orders.cash[before], orders.base[before]
        columns = (orders.row, orders.landing_row, orders.side, orders.outcome, orders.crossed)
        facts = [column[moved].tolist() for column in columns]
        facts[2] = [side == Side.BUY for side in facts[2]]
        amounts = zip(*(getattr(orders, name)[moved] for name in _EXACT), strict=True)
        for index, decided_row, row, buys, outcome, crossed, exact in zip(moved.tolist(), *facts, amounts, strict=True):
            order = Landed(
                index=index,
                decided_row=decided_row,
                row=row,
                buys=buys,
                outcome=Outcome(outcome),
                crossed=crossed,
                cash_before=cash,
                base_before=base,
                **dict(zip(_NAMES, exact, strict=True)),
            )
            yield order
            cash, base = order.cash, order.base


BATCH, KEPT = 1 << 13, 50_000
"""Orders that are made at once, and so many in all that they are kept."""

_SENT_OUTCOMES = (Outcome.REVERTED_SLIPPAGE, Outcome.REVERTED_DEADLINE)
