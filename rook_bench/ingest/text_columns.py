"""Text columns of a log turned into the values of an event table; errors name column and row."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from rook_bench.core import InputError
from rook_bench.ingest.hexadecimal import digits, text_array
from rook_bench.market.row_checks import EARLIEST, LATEST

BITS = {"sqrt_price_x96": 160, "liquidity": 128, "liquidity_delta": 128, "amount0": 252, "amount1": 252}
"""How many bits a value of each exact event column may have (an amount's own limit is the tape's 76 digits)."""

HASH_BYTES = 32

UNNAMED_POOL = "unknown"
"""The pool of events whose log does not name it."""

FLOAT = re.compile(r"[+-]?\d+\.?\d*([eE][+-]?\d{1,3})?")
"""A number as a float is written."""

GROUPED = re.compile(r"[+-]?\d{1,3}((,\d{3})+|('\d{3})+|([ \u00a0\u202f\u2009]\d{3})+|(\.\d{3}){2,})")
"""A whole number whose digits stand in threes; a single point may be a decimal one and says nothing."""


def row_number(table: pd.DataFrame | pd.Series, position: int) -> int:
    """The row of the file, from 1, at this position of a chunk."""
    return int(table.index[position]) + 1


def integers(column: pd.Series, event_column: str, where: Path) -> list[int]:
    """Exact integers of a text column (decimal digits, "0x" hex, or a whole float below 2**53).

    Raises:
        InputError: the first value that is missing, rounded, no integer, or beyond its bits.
    """
    try:
        values = [int(text) for text in column]
    except ValueError:
        values = [_integer(text, column, position, where) for position, text in enumerate(column)]
    limit = 1 << BITS[event_column]
    for position, value in enumerate(values):
        if not -limit < value < limit:
            raise InputError(
                f"column '{column.name}' is beyond {BITS[event_column]} bits at row {row_number(column, position)}",
                where=where,
                hint="is the column another one, or the value damaged?",
            )
    return values


def _integer(text: str, column: pd.Series, position: int, where: Path) -> int:
    value = whole(text)
    if value is not None:
        return value
    problem = f"is not a whole number ({text})" if text else "is missing"
    rounded = "rounded integers can't be used for exact work" if FLOAT.fullmatch(text) else "mend or drop it"
    raise InputError(
        f"column '{column.name}' {problem} at row {row_number(column, position)}", where=where, hint=rounded
    )


def whole(text: str) -> int | None:
    """The integer that a text surely is, or None; a float above 2**53 is not sure."""
    try:
        return int(text)
    except ValueError:
        pass
    if text.startswith("0x"):
        try:
            return int(text[2:] or "0", 16)  # Etherscan writes "0x" for zero
        except ValueError:
            return None
    if GROUPED.fullmatch(text):
        return int(re.sub(r"[^\d+-]", "", text))
    if FLOAT.fullmatch(text):
        number = float(text)
        return int(number) if number.is_integer() and abs(number) <= 2**53 else None
    return None


def small(column: pd.Series, where: Path) -> NDArray[np.int64]:
    """Small integers (a block, a tick; "0x" hex and 199045.0 too) as int64."""
    try:
        numbers = pc.cast(text_array(column), pa.int64())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        numbers = None  # written in a way that Python reads, or not at all
    # Arrow reads sixteen hexadecimal digits as two's complement: what it takes for negative is looked at one by one.
    if numbers is not None and not numbers.null_count and not pc.any(pc.less(numbers, 0)).as_py():
        return np.array(numbers.to_numpy(zero_copy_only=False), dtype=np.int64)
    try:
        return np.array([int(text) for text in column], dtype=np.int64)
    except (ValueError, OverflowError):
        pass
    values = [whole(text) for text in column]
    bad = next((row for row, value in enumerate(values) if value is None or abs(value) >= 2**63), None)
    if bad is not None:
        text = column.iloc[bad]
        problem = f"is not a whole number ({text})" if text else "is missing"
        raise InputError(f"column '{column.name}' {problem} at row {row_number(column, bad)}", where=where)
    return np.array(values, dtype=np.int64)


def floats(column: pd.Series, where: Path, *, positive: bool = False) -> NDArray[np.float64]:
    """A finite float64 column; InputError at the first row that is missing, not finite or (asked) not positive."""
    numbers = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64)
    bad = ~np.isfinite(numbers) | (positive & ~(numbers > 0))
    if bad.any():
        row = int(np.argmax(bad))
        raise InputError(
            f"column '{column.name}' is {str(column.iloc[row]).strip() or 'missing'} at row {row_number(column, row)}",
            where=where,
            hint="every row needs a positive number" if positive else "every row needs a finite number",
        )
    return numbers


def optional_small(column: pd.Series, where: Path) -> list[int | None]:
    """Small integers where some may be missing."""
    present = (column != "").to_numpy()
    values = iter(small(column[present], where).tolist())
    return [next(values) if there else None for there in present]


_UNITS = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}
"""Nanoseconds of each unit in which time since 1970 is written."""

_SLASHED = re.compile(r"\d{1,2}[/.-]\d{1,2}[/.-]\d{4}.*")


def times(column: pd.Series, where: Path) -> NDArray[np.datetime64]:
    """UTC times as datetime64[ns].

    ISO 8601, "2024-01-05 00:00:23.000 UTC", or time since 1970 (hex too) in seconds, milliseconds, microseconds or
    nanoseconds: a column has one unit, and only one of them puts a time between 2015 and 2100.

    Raises:
        InputError: a value that is no time, that lies outside of 2015 to 2100, or in another unit than the first.
    """
    text = column.str.strip().str.removesuffix(" UTC")
    if len(text) and _since_1970(text.iloc[0]) is not None:
        return _times_since_1970(text, column, where)
    parsed = pd.to_datetime(text, utc=True, errors="coerce", format="ISO8601")
    missing = parsed.isna().to_numpy()
    if missing.any():
        bad = int(np.argmax(missing))
        hint = None
        if _SLASHED.fullmatch(text.iloc[bad]):
            hint = "the day and the month could change places: write dates as 2024-01-31"
        raise InputError(
            f"column '{column.name}' is not a time ({column.iloc[bad]}) at row {row_number(column, bad)}",
            where=where,
            hint=hint,
        )
    at = parsed.dt.tz_localize(None).to_numpy(dtype="datetime64[ns]")
    check_times(at, column, where)
    return at


def check_times(at: NDArray[np.datetime64], column: pd.Series, where: Path) -> None:
    """InputError at the first time outside of 2015 to 2100."""
    outside = (at < EARLIEST) | (at >= LATEST)
    if outside.any():
        bad = int(np.argmax(outside))
        raise InputError(
            f"column '{column.name}' is outside of 2015 to 2100 ({column.iloc[bad]}) at row {row_number(column, bad)}",
            where=where,
            hint="is the column another one, or its unit none of s, ms, us, ns?",
        )


def _since_1970(text: str) -> Fraction | None:
    """The number that a time since 1970 is written as, exact; None for other text."""
    number = whole(text)
    if number is not None:
        return Fraction(number)
    return Fraction(text) if FLOAT.fullmatch(text) else None


def _plain_times_since_1970(text: pd.Series) -> NDArray[np.datetime64] | None:
    """Whole numbers of one unit, all in its range; None where any is written or meant in another way."""
    try:
        numbers = pc.cast(text_array(text), pa.int64()).to_numpy(zero_copy_only=False)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return None
    earliest, latest = (int(bound.astype(np.int64)) for bound in (EARLIEST, LATEST))
    for scale in _UNITS.values():
        if (numbers >= -(-earliest // scale)).all() and (numbers <= (latest - 1) // scale).all():
            return (numbers.astype(np.int64) * scale).astype("datetime64[ns]")
    return None


def _times_since_1970(text: pd.Series, column: pd.Series, where: Path) -> NDArray[np.datetime64]:
    if (plain := _plain_times_since_1970(text)) is not None:
        return plain
    numbers = [_since_1970(value) for value in text]
    for position, number in enumerate(numbers):
        if number is None:
            problem = f"is not a time ({column.iloc[position]})" if column.iloc[position] else "is missing"
            raise InputError(f"column '{column.name}' {problem} at row {row_number(column, position)}", where=where)
    assert numbers[0] is not None
    earliest, latest = (int(bound.astype(np.int64)) for bound in (EARLIEST, LATEST))
    # The ranges of the units lie apart, so the first value tells the unit, and one of another unit is outside.
    scale = next((scale for scale in _UNITS.values() if earliest <= numbers[0] * scale < latest), 1)
    nanoseconds = [int(number * scale) if number is not None else 0 for number in numbers]
    bad = next((row for row, value in enumerate(nanoseconds) if not earliest <= value < latest), None)
    if bad is not None:
        mixed = bad and any(earliest <= (numbers[bad] or 0) * other < latest for other in _UNITS.values())
        problem = "is in another unit than the rows before" if mixed else "is outside of 2015 to 2100"
        raise InputError(
            f"column '{column.name}' {problem} ({column.iloc[bad]}) at row {row_number(column, bad)}",
            where=where,
            hint="write every time in one unit since 1970, or as 2024-01-31T23:59:59Z",
        )
    return np.array(nanoseconds, dtype=np.int64).astype("datetime64[ns]")


def hashes(column: pd.Series, where: Path) -> pa.Array:
    """Transaction hashes, 32 bytes each, null where missing."""
    texts = text_array(column)
    blob, plain = digits(texts, HASH_BYTES)
    if plain.all():
        return pa.Array.from_buffers(pa.binary(HASH_BYTES), len(blob), [None, pa.py_buffer(np.ascontiguousarray(blob))])
    values = []
    for position, text in enumerate(column):
        try:
            value = bytes.fromhex(text.removeprefix("0x").removeprefix("\\x")) if text else None
        except ValueError:
            value = b""
        if value is not None and len(value) != HASH_BYTES:
            raise InputError(
                f"column '{column.name}' is not 32 bytes of hex ({text}) at row {row_number(column, position)}",
                where=where,
            )
        values.append(value)
    return pa.array(values, pa.binary(HASH_BYTES))


def addresses(column: pd.Series, where: Path) -> list[str]:
    """Addresses or v4 pool ids in lower case, with their 0x (databases write it as \\x, some libraries not at all)."""
    if len(column) > 1 and (column == column.iloc[0]).all():  # the log of one pool
        return addresses(column.iloc[:1], where) * len(column)
    text = column.str.lower().str.replace(r"^(0x|\\x)?(?=[0-9a-f]+$)", "0x", regex=True)
    if not text.str.fullmatch(r"0x([0-9a-f]{40}|[0-9a-f]{64})").all():
        bad = int(np.argmin(text.str.fullmatch(r"0x([0-9a-f]{40}|[0-9a-f]{64})").to_numpy(dtype=bool)))
        raise InputError(
            f"column '{column.name}' is not an address ({column.iloc[bad]}) at row {row_number(column, bad)}",
            where=where,
        )
    return text.tolist()


def pool_in_name(where: Path) -> str:
    """The address that a file's name carries, lower case; "unknown" without one."""
    found = re.search(r"0x[0-9a-fA-F]{40}", where.name)
    return found.group().lower() if found else UNNAMED_POOL


def first_present(names: Sequence[str], table: pd.DataFrame) -> str | None:
    """The first of these names that is a column of the table."""
    return next((name for name in names if name in table), None)


def words_of(text: str) -> list[str]:
    """The hexadecimal words of a list written as text (Python's, JSON's or Postgres' way), all with 0x."""
    words = re.findall(r"(?:0x|\\+x)[0-9a-fA-F]*|(?<![0-9a-zA-Z])[0-9a-fA-F]{64}(?![0-9a-zA-Z])", text)
    return [hex_word(word) for word in words]


def hex_word(text: str) -> str:
    """Hexadecimal digits with 0x before them; databases write \\x, some libraries nothing."""
    return text if text.startswith("0x") else f"0x{text.lstrip(chr(92)).removeprefix('x')}"


def negated(column: pd.Series) -> pd.Series:
    """Numbers written as text with the other sign, digit by digit the same."""
    text = column.str.strip()
    other = ("-" + text.str.removeprefix("+")).str.replace(r"^--", "", regex=True)
    return text.where(text.str.fullmatch(r"[+-]?0*|"), other)


def constant(value: Any, table: pd.DataFrame) -> pd.Series:
    """One value for all rows of a chunk."""
    return pd.Series(value, index=table.index, dtype=str)
