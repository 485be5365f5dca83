"""Text tables read whole, with errors that name the file."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd

from rook_bench.core import InputError
from rook_bench.core.files import near_file


def check_exists(path: Path) -> None:
    """InputError for a file that isn't there, with the near name beside it."""
    if not path.exists():
        raise InputError("no such file", where=path, hint=near_file(path))


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
