"""Compile with Numba, cached on disk under the hash of the code it was made from."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from numba import cfunc, config, njit

from rook_bench.core.cache_folder import cache_folder
from rook_bench.core.hashing import COMPILED, sha256_code


def compiled(function: Callable[..., Any]) -> Any:
    """`numba.njit`, with a cache that notices a change in *any* compiled file; it lets other threads run.

    Numba's own cache looks only at the file of the function itself, so a change in the maths it
    calls would silently run old machine code. Where the folder can't be written, nothing is cached.
    """
    with _cached() as cached:
        return njit(cache=cached, nogil=True)(function)


def callable_by_address(signature: Any, function: Callable[..., Any]) -> Any:
    """`numba.cfunc` with the same cache: compiled now, and passed to compiled loops as an argument."""
    with _cached() as cached:
        return cfunc(signature, cache=cached)(function)


@contextmanager
def _cached() -> Iterator[bool]:
    """Point Numba's cache at the folder of this code; whether there is one."""
    folder = cache_folder() / "numba" / sha256_code(*COMPILED)[:16]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        yield False
        return
    if not os.access(folder, os.W_OK):
        yield False
        return
    before = config.CACHE_DIR
    config.CACHE_DIR = str(folder)
    try:
        yield True
    finally:
        config.CACHE_DIR = before
