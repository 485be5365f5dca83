"""Values that go to other processes whole."""

from __future__ import annotations

from dataclasses import fields
from typing import Any


class Rebuilt:
    """A frozen dataclass that is pickled and copied as its fields, and made again from them.

    What it has computed stays behind, and what its constructor checks and makes read-only is so again.
    """

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), tuple(getattr(self, one.name) for one in fields(self))  # type: ignore[arg-type]
