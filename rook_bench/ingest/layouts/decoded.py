"""Layouts whose events somebody has decoded: which text column holds which event column."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from rook_bench.ingest.text_columns import (
    UNNAMED_POOL,
    addresses,
    constant,
    first_present,
    hashes,
    integers,
    optional_small,
    small,
    times,
)
from rook_bench.market.events import BURN, COLLECT, EXACT, INITIALIZE, MINT, SCHEMA, SWAP, event_table

USES = {
    SWAP: {"sqrt_price_x96", "liquidity", "tick", "amount0", "amount1"},
    INITIALIZE: {"sqrt_price_x96", "tick"},
    MINT: {"amount0", "amount1", "tick_lower", "tick_upper", "liquidity_delta"},
    BURN: {"amount0", "amount1", "tick_lower", "tick_upper", "liquidity_delta"},
    COLLECT: {"amount0", "amount1", "tick_lower", "tick_upper"},
}
"""The columns that each event fills, beside its place on the chain."""

Mend = Callable[[pd.Series, str, Path], pd.Series]
"""From the text of an event column (rows that use it, its name, the file) to text of exact integers."""


def _unchanged(table: pd.DataFrame, where: Path) -> pd.DataFrame:
    return table


@dataclass(frozen=True)
class Decoded:
    """A decoded layout.

    Attributes:
        kinds: event of each row of a chunk (a value of `events`), or what the file calls another one.
        columns: source column by event column; "a|b" takes the first that is there.
        optional: event columns whose source may be absent, or empty in some rows.
        extra: further source columns that `kinds` and `prepare` need; a "?" before one that may be absent.
        prepare: what turns a chunk into one that holds `columns`.
    """

    kinds: Callable[[pd.DataFrame, Path], pd.Series]
    columns: Mapping[str, str]
    optional: frozenset[str] = frozenset()
    extra: tuple[str, ...] = ()
    prepare: Callable[[pd.DataFrame, Path], pd.DataFrame] = field(default=_unchanged)

    @property
    def required(self) -> tuple[str, ...]:
        """Source columns the layout is recognised by."""
        named = [source for name, source in self.columns.items() if name not in self.optional]
        return tuple(dict.fromkeys([*named, *(name for name in self.extra if not name.startswith("?"))]))

    @property
    def welcome(self) -> tuple[str, ...]:
        """Source columns read where they are there."""
        named = [source for name, source in self.columns.items() if name in self.optional]
        return tuple(dict.fromkeys([*named, *(name[1:] for name in self.extra if name.startswith("?"))]))

    def events(
        self, table: pd.DataFrame, where: Path, mend: Mend | None = None, strange: Counter[str] | None = None
    ) -> pa.Table:
        """The event table of a chunk.

        Args:
            table, where: the chunk and its file.
            mend: what to do with rounded integers.
            strange: counts the rows of events that are not known, by what the file calls them.

        Raises:
            InputError: a value that is missing, damaged or (without `mend`) rounded.
        """
        table = self.prepare(table, where)
        kinds = self.kinds(table, where)
        kept = kinds.isin(list(USES)).to_numpy()
        if strange is not None:
            strange.update(name or "(empty)" for name in kinds[~kept])
        table, kinds = table[kept], kinds[kept]
        if table.empty:
            return SCHEMA.empty_table()
        columns: dict[str, Any] = {"event": kinds.tolist()}
        for name, source in self.columns.items():
            present = first_present(source.split("|"), table)
            if present is None:
                continue
            uses = [kind for kind, used in USES.items() if name in used]
            rows = kinds.isin(uses).to_numpy() if uses else np.ones(len(kinds), dtype=bool)
            if name in self.optional and name in EXACT:
                rows = rows & (table[present] != "").to_numpy()
            column = table.loc[rows, present]
            if name in EXACT:
                values = integers(mend(column, name, where) if mend else column, name, where)
                columns[name] = _spread(_signed(values, kinds[rows], name), rows)
            else:
                columns[name] = self._value(name, column, rows, where)
        return event_table(columns, len(table))

    def _value(self, name: str, column: pd.Series, rows: NDArray[np.bool_], where: Path) -> Any:
        match name:
            case "pool" if name in self.optional and (column == UNNAMED_POOL).all():
                return column.tolist()
            case "pool":
                return addresses(column, where)
            case "at":
                return times(column, where)
            case "tx_hash":
                return hashes(column, where)
            case _ if name in self.optional:
                return _spread(optional_small(column, where), rows)
            case _:
                return _spread(small(column, where).tolist(), rows)


def _spread(values: Iterable[int | None], rows: NDArray[np.bool_]) -> list[int | None]:
    """Values of some rows as a column of all of them."""
    source = iter(values)
    return [next(source) if used else None for used in rows]


def _signed(values: list[int], kinds: pd.Series, name: str) -> list[int]:
    """Amounts as the pool's balance changes: what a burn or a collect pays out is negative, however it is written."""
    if name not in ("amount0", "amount1", "liquidity_delta"):
        return values
    signs = {SWAP: 0, MINT: 1, BURN: -1, COLLECT: -1}
    return [abs(value) * signs[kind] if signs[kind] else value for value, kind in zip(values, kinds, strict=True)]


def always(kind: str) -> Callable[[pd.DataFrame, Path], pd.Series]:
    """`kinds` of a layout that holds one event only."""
    return lambda table, where: constant(kind, table)


def by_value(column: str, kinds: Mapping[str, str]) -> Callable[[pd.DataFrame, Path], pd.Series]:
    """`kinds` from the values of a column, in capitals or not; other values stay what they are."""
    known = {value.lower(): kind for value, kind in kinds.items()}
    return lambda table, where: table[column].str.strip().str.lower().map(known).fillna(table[column])
