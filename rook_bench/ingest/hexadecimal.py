"""Columns of hexadecimal text decoded at once: what is not plain is left to those who look at it row by row."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

WORD = 32
"""Bytes of a word."""

_VALUE = np.full(256, 0xFF, dtype=np.uint8)
for _digits in (b"0123456789abcdef", b"0123456789ABCDEF"):
    _VALUE[np.frombuffer(_digits, dtype=np.uint8)] = np.arange(16, dtype=np.uint8)

_DIGITS = np.frombuffer("".join(f"{value:02x}" for value in range(256)).encode(), dtype=np.uint8).reshape(256, 2)

_LISTED = (
    r"""^\[\s*['"](?P<first>0x[0-9a-fA-F]{64})['"](?:,\s*['"](?P<second>0x[0-9a-fA-F]{64})['"])?"""
    r"""(?:,\s*['"]0x[0-9a-fA-F]{64}['"])*\s*\]$"""
)
_ONE = r"^0x[0-9a-fA-F]{64}$"


def text_array(column: pd.Series) -> pa.Array:
    """The texts of a column, in one piece."""
    array = pa.array(column, type=pa.large_string(), from_pandas=True)
    return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array


def hex_text(column: pa.Array) -> pa.Array:
    """Binary values as `0x` and their hexadecimal digits, "" where null: large strings."""
    known = pc.fill_null(column.cast(pa.large_binary()), b"")
    offsets = np.frombuffer(known.buffers()[1], dtype=np.int64)[known.offset : known.offset + len(known) + 1]
    if not len(known) or known.buffers()[2] is None:
        return pa.array([""] * len(known), pa.large_string())
    blob = np.frombuffer(known.buffers()[2], dtype=np.uint8)[offsets[0] : offsets[-1]]
    present = pc.is_valid(column).to_numpy(zero_copy_only=False).astype(bool)
    starts = np.concatenate([[0], np.cumsum(2 * np.diff(offsets) + 2 * present)]).astype(np.int64)
    text = np.empty(starts[-1], dtype=np.uint8)
    heads = starts[:-1][present]
    text[heads], text[heads + 1] = ord("0"), ord("x")
    body = np.ones(len(text), dtype=bool)
    body[heads], body[heads + 1] = False, False
    text[body] = _DIGITS[blob].reshape(-1)
    return pa.Array.from_buffers(pa.large_string(), len(known), [None, pa.py_buffer(starts), pa.py_buffer(text)])


def digits(texts: pa.Array, size: int) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """The bytes of those texts that are `0x` and exactly so many bytes in hexadecimal digits.

    Args:
        texts: large strings, shape (n,).
        size: bytes of each.

    Returns:
        The bytes, shape (k, size), and which rows they are of, shape (n,).
    """
    length = 2 + 2 * size
    fits = pc.equal(pc.binary_length(texts), length).to_numpy(zero_copy_only=False).astype(bool)
    chosen = texts.filter(pa.array(fits))
    if not len(chosen):
        return np.empty((0, size), dtype=np.uint8), fits
    buffer = np.frombuffer(chosen.buffers()[2], dtype=np.uint8)
    start = int(np.frombuffer(chosen.buffers()[1], dtype=np.int64)[chosen.offset])
    characters = buffer[start : start + length * len(chosen)].reshape(-1, length)
    values = _VALUE[characters[:, 2:]]
    high, low = values[:, 0::2], values[:, 1::2]
    plain = (characters[:, 0] == ord("0")) & (characters[:, 1] == ord("x")) & ((high | low) <= 15).all(axis=1)
    fits[np.flatnonzero(fits)[~plain]] = False
    return (high[plain] << 4) | low[plain], fits


def limbs_of(words: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Words of 32 bytes, most significant first, as limbs (see `core.exact`), shape (n, 4)."""
    return np.ascontiguousarray(words).view(">u8")[:, ::-1].astype(np.uint64)


def within(limbs: NDArray[np.uint64], bits: int) -> NDArray[np.bool_]:
    """Which values surely lie between -2**bits and 2**bits, both excluded, shape (n,)."""
    signs = np.where(limbs[:, 3].view(np.int64) < 0, np.uint64(2**64 - 1), np.uint64(0))
    place, rest = divmod(bits, 64)
    inside = np.ones(len(limbs), dtype=bool)
    for higher in range(place + (rest > 0), 4):
        inside &= limbs[:, higher] == signs
    if rest:
        inside &= limbs[:, place].view(np.int64) >> rest == signs.view(np.int64)
    negative = signs != 0
    if negative.any():  # -2**bits itself is outside
        lowest = (limbs[:, :place] == 0).all(axis=1)
        if rest:
            lowest &= limbs[:, place] & np.uint64((1 << rest) - 1) == 0
        inside &= ~(negative & lowest)
    return inside


def small_of(words: NDArray[np.uint8], bits: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Words as int64, and which of them surely lie below 2**bits in magnitude."""
    limbs = limbs_of(words)
    return limbs[:, 0].view(np.int64), within(limbs, bits)


def listed_words(texts: pa.Array) -> tuple[pa.Array, pa.Array, NDArray[np.bool_]]:
    """First and second word of lists written as text, and which rows are plain lists of words of 32 bytes."""
    found = pc.extract_regex(texts, pattern=_LISTED)
    plain = pc.is_valid(found).to_numpy(zero_copy_only=False).astype(bool)
    return found.field("first"), found.field("second"), plain


def are_words(texts: pa.Array, *, or_empty: bool) -> NDArray[np.bool_]:
    """Which texts are one word of 32 bytes, or (if allowed) nothing."""
    plain = pc.match_substring_regex(texts, _ONE).to_numpy(zero_copy_only=False).astype(bool)
    return plain | (pc.equal(pc.binary_length(texts), 0).to_numpy(zero_copy_only=False).astype(bool) & or_empty)
