"""The topics of log entries, as layouts hold them: columns of words, or lists written as text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from rook_bench.ingest.hexadecimal import are_words, listed_words, text_array
from rook_bench.ingest.text_columns import words_of


@dataclass(frozen=True, eq=False)
class Topics:
    """The topics of a chunk's rows.

    Attributes:
        first, second: of each row, as text; of rows that are not plain they may be anything.
        plain: rows whose topics are words of 32 bytes, all of them, shape (n,).
        words: all topics of a row by its position.
    """

    first: pa.Array
    second: pa.Array
    plain: NDArray[np.bool_]
    words: Callable[[int], Sequence[str]]

    @classmethod
    def of_lists(cls, column: pd.Series) -> Topics:
        """Of a column of lists written as text (Python's, JSON's or Postgres' way)."""
        first, second, plain = listed_words(text_array(column))
        return cls(first, second, plain, lambda position: words_of(column.iloc[position]))

    @classmethod
    def of_columns(cls, table: pd.DataFrame, names: Sequence[str]) -> Topics:
        """Of a column for each place; empty where there is none."""
        texts = [text_array(table[name]) for name in names]
        plain = are_words(texts[0], or_empty=False)
        for column in texts[1:]:
            plain &= are_words(column, or_empty=True)
        second = texts[1] if len(texts) > 1 else pa.nulls(len(table), pa.large_string())
        columns = [table[name] for name in names]

        def words(position: int) -> list[str]:
            return [word for column in columns if (word := column.iloc[position])]

        return cls(texts[0], second, plain, words)
