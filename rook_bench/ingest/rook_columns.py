"""Reading files into columns, with errors that name the file, the column and the row."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rook_bench.core import InputError, suggest
from rook_bench.core.exact import ExactInts


def check_exists(path: Path) -> None:
    """InputError for a file that isn't there, with the near name beside it."""
    if path.exists():
        return
    siblings = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
    near = suggest(path.name, siblings)
    raise InputError("no such file", where=path, hint=near if near.startswith("did you mean") else "check the path")


def read_text_columns(path: Path, columns: Iterable[str]) -> pd.DataFrame:
    """The named columns as text, so that no integer passes through a float."""
    return _read_csv(path, usecols=list(columns), dtype=str, keep_default_na=False)


def read_number_columns(path: Path) -> pd.DataFrame:
    """All columns, floats parsed to the nearest float64 (the default since pandas 3.1)."""
    return _read_csv(path)


def _read_csv(path: Path, **options: Any) -> pd.DataFrame:
    with reading_table(path):
        return pd.read_csv(path, **options)


@contextmanager
def reading_table(path: Path) -> Iterator[None]:
    """Turn what goes wrong while a text table is read into an InputError."""
    try:
        yield
    except pd.errors.EmptyDataError:
        raise InputError("the file is empty", where=path) from None
    except (EOFError, zlib.error, OSError) as error:
        if isinstance(error, PermissionError | IsADirectoryError):
            raise InputError(f"can't be read ({error.strerror})", where=path) from None
        raise InputError("the compressed file is cut off or damaged", where=path, hint="fetch it again") from None
    except (pd.errors.ParserError, UnicodeDecodeError, ValueError) as error:
        message = str(error).split("\n")[0].removeprefix("Error tokenizing data. C error: ")
        raise InputError(f"not a readable table ({message})", where=path) from None


def exact_column(table: pd.DataFrame, name: str, where: object) -> ExactInts:
    """A text column of integers, exactly; InputError at the first row that is not an integer."""
    try:
        return ExactInts.of(int(text) for text in table[name])
    except (ValueError, OverflowError):
        row = next(row for row, text in enumerate(table[name], 1) if not _is_integer(text))
        text = table[name].iloc[row - 1]
        problem = "is missing" if text.strip() in ("", "nan", "NaN") else f"is not a whole number ({text})"
        hint = (
            "rounded integers can't be used for exact work" if "e" in text.lower() or "." in text else "mend or drop it"
        )
        raise InputError(f"column '{name}' {problem} at row {row}", where=where, hint=hint) from None


def _is_integer(text: str) -> bool:
    try:
        int(text).to_bytes(32, "little", signed=True)
    except (ValueError, OverflowError):
        return False
    return True


def small_column(table: pd.DataFrame, name: str, where: object, *, dtype: str = "int64") -> NDArray[Any]:
    """A text column of small integers (a decoded tick may be written as 199045.0)."""
    numbers = float_column(table, name, where)
    if (numbers != np.round(numbers)).any():
        row = int(np.argmax(numbers != np.round(numbers))) + 1
        raise InputError(f"column '{name}' is not a whole number at row {row}", where=where)
    return numbers.astype(dtype)


def float_column(table: pd.DataFrame, name: str, where: object, *, positive: bool = False) -> NDArray[np.float64]:
    """A finite float64 column; InputError at the first row that is missing, not finite or (asked) not positive."""
    numbers = pd.to_numeric(table[name], errors="coerce").to_numpy(dtype=np.float64)
    bad = ~np.isfinite(numbers) | (positive & ~(numbers > 0))
    if bad.any():
        row = int(np.argmax(bad))
        text = str(table[name].iloc[row]).strip()
        raise InputError(
            f"column '{name}' is {text or 'missing'} at row {row + 1}",
            where=where,
            hint="every row needs a positive number" if positive else "every row needs a finite number",
        )
    return numbers


def time_column(table: pd.DataFrame, name: str, where: object) -> NDArray[np.datetime64]:
    """UTC times as datetime64[ns]."""
    times = pd.to_datetime(table[name], utc=True, errors="coerce", format="ISO8601")
    if times.isna().any():
        row = int(np.argmax(times.isna().to_numpy()))
        raise InputError(f"column '{name}' is not a time ({table[name].iloc[row]!s}) at row {row + 1}", where=where)
    return times.dt.tz_localize(None).to_numpy(dtype="datetime64[ns]")
