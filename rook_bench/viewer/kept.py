"""What was read of runs, kept up to so many bytes: the longest unused goes first."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")

MOST_BYTES = 768 << 20


class Kept:
    """A cache over files: what was made of one is made again when the file is another one."""

    def __init__(self, most: int = MOST_BYTES) -> None:
        self.most, self.bytes = most, 0
        self._values: OrderedDict[tuple[Any, ...], tuple[Any, int]] = OrderedDict()

    def of(self, path: Path, what: str, make: Callable[[], T], size: Callable[[T], int]) -> T:
        """What `make` gives for a file, made once.

        Args:
            path: the file that it is made of.
            what: tells several things made of one file apart.
            size: bytes that it takes.
        """
        try:
            status = os.lstat(path)
            stamp = (status.st_mtime_ns, status.st_size, status.st_ino)
        except OSError:
            return make()  # which says what is missing
        key = (path, stamp, what)
        if key in self._values:
            self._values.move_to_end(key)
            value: T = self._values[key][0]
            return value
        value = make()
        taken = size(value)
        self._values[key] = (value, taken)
        self.bytes += taken
        while self.bytes > self.most and len(self._values) > 1:
            _, (_, gone) = self._values.popitem(last=False)
            self.bytes -= gone
        return value
