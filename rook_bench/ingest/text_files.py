"""Text tables read whole, with errors that name the file."""

from __future__ import annotations

import codecs
import gzip
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, NamedTuple

import pandas as pd

from rook_bench.core import InputError
from rook_bench.core.files import near_file
from rook_bench.core.untrusted import check_unpacked


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
        form = form_of(path)
        return pd.read_csv(path, encoding=form.encoding, sep=form.separator, **options)


def open_text(path: Path) -> IO[str]:
    """A text file, compressed by gzip or not, in the encoding that it is in."""
    encoding = encoding_of(path)
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding=encoding)
    return path.open(encoding=encoding)


class Form(NamedTuple):
    """How a table of text is written: its encoding and what stands between its columns."""

    encoding: str
    separator: str


def form_of(path: Path) -> Form:
    """How a table is written, by its first bytes and its first line."""
    if path.suffix == ".gz":
        check_unpacked(path)
    if path.suffix in (".bz2", ".zip", ".xz", ".zst"):  # pandas unpacks it; it is what it should be
        return Form("utf-8", ",")
    with open_text(path) as file:
        header = file.readline()
    # Names of columns hold none of these; a header of a single column has a comma at best.
    return Form(encoding_of(path), max(",;\t|", key=header.count))


def encoding_of(path: Path) -> str:
    """UTF-8, or UTF-16 as PowerShell and Excel write it, by the first bytes."""
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
        start = file.read(4)
    if start.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if len(start) == 4 and start[1] == start[3] == 0 and start[0] and start[2]:
        return "utf-16-le"
    if len(start) == 4 and start[0] == start[2] == 0 and start[1] and start[3]:
        return "utf-16-be"
    return "utf-8"


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
    except UnicodeError as error:
        place = f" (byte {error.start + 1} of a block)" if isinstance(error, UnicodeDecodeError) else ""
        raise InputError(f"the text is not UTF-8{place}", where=path, hint="save it again as UTF-8") from None
    except (pd.errors.ParserError, ValueError) as error:
        message = str(error).split("\n")[0].removeprefix("Error tokenizing data. C error: ")
        raise InputError(f"not a readable table ({message})", where=path) from None
