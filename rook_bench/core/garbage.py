"""The garbage collector, kept from looking at what libraries have made again and again: it finds nothing there."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_SELDOM = (50_000, 20, 20)
"""New objects before the youngest are looked at (Python's own: 700, 10, 10). What fills memory here are columns, which
no cycle holds and which go at once; of small objects 50,000 take some ten megabytes."""


@contextmanager
def uncollected() -> Iterator[None]:
    """For imports of large libraries, which take a sixth less of the processor."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


@contextmanager
def collected_seldom() -> Iterator[None]:
    """For a whole command: the collector took a ninth of the processor's time of a replay with its report."""
    before = gc.get_threshold()
    gc.set_threshold(*_SELDOM)
    try:
        yield
    finally:
        gc.set_threshold(*before)


@contextmanager
def frozen() -> Iterator[None]:
    """For what runs for days: all that is there now (libraries, a model) is never looked at again, what comes is."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
