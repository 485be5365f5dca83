"""How a decision is written as text, and how a text is read back, strictly."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, Self

from pydantic import Field as Key
from pydantic import model_validator

from rook_bench.core import Side
from rook_bench.core.config import Config

Part = Literal["side", "size", "slippage_bps", "deadline_s"]
PARTS: tuple[Part, ...] = ("side", "size", "slippage_bps", "deadline_s")
"""Parts of an answer, in the order in which they are written."""

DETAILS: tuple[Part, ...] = PARTS[1:]


class Detail(Config):
    """How size, slippage or deadline is written: `before`, the scaled number in `format`, `after`."""

    before: str
    format: str = Key(pattern=r"^\.\d+f$")
    after: str = ""
    scale: float = Key(default=1.0, gt=0)

    def write(self, value: float) -> str:
        """The text of a value."""
        return f"{self.before}{value * self.scale:{self.format}}{self.after}"

    def pattern(self, group: str) -> str:
        """A regular expression that matches what `write` makes, and nothing else; the number is in `group`."""
        decimals = int(self.format[1:-1])
        number = r"\d+" + (rf"\.\d{{{decimals}}}" if decimals else "")
        return f"{re.escape(self.before)}(?P<{group}>{number}){re.escape(self.after)}"


class SideWords(Config):
    """The word of each side, the space before it included."""

    BUY: str
    HOLD: str
    SELL: str

    @model_validator(mode="after")
    def _different(self) -> Self:
        if len({self.BUY, self.HOLD, self.SELL}) < 3:
            raise ValueError("the three sides need three different words")
        return self

    def __getitem__(self, side: Side) -> str:
        return str(getattr(self, side.name))


@dataclass(frozen=True)
class Parsed:
    """An answer read back; the limits of a bare HOLD are those of a Decision that states none."""

    side: Side
    size: float = 0.0
    slippage_bps: float = 50.0
    deadline_s: float = 300.0


class Answer(Config):
    """How a decision is written.

    Attributes:
        side: the three words.
        size, slippage_bps, deadline_s: what follows them.
        hold_details: whether a HOLD, too, states size, slippage and deadline.
    """

    side: SideWords
    size: Detail
    slippage_bps: Detail
    deadline_s: Detail
    hold_details: bool = True

    def pieces(self, side: Side, size: float, slippage_bps: float, deadline_s: float) -> list[tuple[Part, str]]:
        """The answer in parts: (part, text), the side first."""
        written: list[tuple[Part, str]] = [("side", self.side[side])]
        if side == Side.HOLD and not self.hold_details:
            return written
        values = (size, slippage_bps, deadline_s)
        return written + [(part, self.detail(part).write(value)) for part, value in zip(DETAILS, values, strict=True)]

    def read(self, text: str) -> Parsed | None:
        """Read a whole answer: None for anything that `pieces` would not have written."""
        match = self._pattern.fullmatch(text)
        if match is None:
            return None
        side = next(side for side in Side if self.side[side] == match["word"])
        bare = side == Side.HOLD and not self.hold_details
        if bare or match["details"] is None:
            return Parsed(side) if bare and match["details"] is None else None
        values = [float(match[part]) / self.detail(part).scale for part in DETAILS]
        size, slippage, _ = values
        valid = size <= 1 and slippage <= 10_000 and (side != Side.HOLD or size == 0)
        # Other ways to write the same numbers (leading zeros, other digits) are not answers either.
        written = "".join(piece for _, piece in self.pieces(side, *values))
        return Parsed(side, *values) if valid and written == text else None

    def detail(self, part: Part) -> Detail:
        """How one part after the side is written."""
        return getattr(self, part)

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        words = "|".join(re.escape(self.side[side]) for side in Side)
        details = "".join(self.detail(part).pattern(part) for part in DETAILS)
        return re.compile(f"(?P<word>{words})(?P<details>{details})?")
