"""How a decision is written as text, and how a text is read back, strictly."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Literal, Self

from pydantic import Field as Key
from pydantic import model_validator

from rook_bench.core import Side
from rook_bench.core.config import Config, Grown
from rook_bench.language.json_answer import last_object

Part = Literal["side", "size", "slippage_bps", "deadline_s"]
PARTS: tuple[Part, ...] = ("side", "size", "slippage_bps", "deadline_s")
"""Parts of an answer, in the order in which they are written."""

DETAILS: tuple[Part, ...] = PARTS[1:]

LARGEST = {"size": 1.0, "slippage_bps": 10_000.0, "deadline_s": 1e9}
"""Of each detail."""


class Detail(Grown):
    """How size, slippage or deadline is told, in one of three ways.

    Attributes:
        before, format, after: it is written: `before`, the scaled number in `format`, `after`.
        key: it is a number in an answer of JSON, by this name, scaled.
        fixed: it isn't told, and is this in every trade.
        scale: what a number is multiplied by before it is told (100 for a percentage).
    """

    LATER: ClassVar = ("before", "format", "key", "fixed")

    before: str | None = None
    format: str | None = Key(default=None, pattern=r"^\.\d+f$")
    after: str = ""
    scale: float = Key(default=1.0, gt=0)
    key: str | None = None
    fixed: float | None = Key(default=None, ge=0)

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.before is None) != (self.format is None):
            raise ValueError("what is written needs both before and format")
        if sum(way is not None for way in (self.before, self.key, self.fixed)) != 1:
            raise ValueError("give either before and format, or the key of a JSON answer, or fixed")
        return self

    def write(self, value: float) -> str:
        """The text of a value."""
        return f"{self.before}{value * self.scale:{self.format}}{self.after}"

    def pattern(self, group: str) -> str:
        """A regular expression that matches what `write` makes, and nothing else; the number is in `group`."""
        decimals = int(str(self.format)[1:-1])
        number = r"\d+" + (rf"\.\d{{{decimals}}}" if decimals else "")
        return f"{re.escape(str(self.before))}(?P<{group}>{number}){re.escape(self.after)}"


class SideWords(Config):
    """The word of each side, the space before it included."""

    BUY: str = Key(min_length=1)
    HOLD: str = Key(min_length=1)
    SELL: str = Key(min_length=1)

    @model_validator(mode="after")
    def _different(self) -> Self:
        if len({self.BUY, self.HOLD, self.SELL}) < 3:
            raise ValueError("the three sides need three different words")
        return self

    def __getitem__(self, side: Side) -> str:
        return str(getattr(self, side.name))


class JsonObject(Config):
    """An answer is a JSON object at the end of a free text, for models that reason before they answer.

    Attributes:
        side: its key whose value is one of the three words.
        most_tokens: that the text and the object may take together; what has not ended by then is no answer.
    """

    side: str = "side"
    most_tokens: int = Key(default=512, ge=16, le=32_768)


@dataclass(frozen=True)
class Parsed:
    """An answer read back; the limits of a bare HOLD are those of a Decision that states none."""

    side: Side
    size: float = 0.0
    slippage_bps: float = 50.0
    deadline_s: float = 300.0


class Answer(Grown):
    """How a decision is told.

    Attributes:
        side: the three words.
        size, slippage_bps, deadline_s: what follows them.
        hold_details: whether a HOLD, too, states size, slippage and deadline.
        json_object: the whole is an object of JSON at the end of a free text.
    """

    LATER: ClassVar = ("json_object",)

    side: SideWords
    size: Detail
    slippage_bps: Detail
    deadline_s: Detail
    hold_details: bool = True
    json_object: JsonObject | None = None

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        for part in DETAILS:
            detail = self.detail(part)
            if self.json_object is None and detail.key is not None:
                raise ValueError(f"{part} has a key, so that the answer needs [answer.json_object]")
            if self.json_object is not None and detail.before is not None:
                raise ValueError(f"{part} of an answer of JSON needs a key, or fixed")
            if detail.fixed is not None and detail.fixed > LARGEST[part]:
                raise ValueError(f"{part} can't be {detail.fixed:g}; {LARGEST[part]:g} is the most")
        return self

    @property
    def written(self) -> tuple[Part, ...]:
        """The details that are written after the word."""
        return tuple(part for part in DETAILS if self.detail(part).before is not None)

    def settled(self, side: Side, size: float, slippage_bps: float, deadline_s: float) -> tuple[float, float, float]:
        """Size, slippage and deadline with what is fixed in place of what is asked for; a HOLD has no size."""
        values = zip(DETAILS, (size, slippage_bps, deadline_s), strict=True)
        found = [value if (fixed := self.detail(part).fixed) is None else fixed for part, value in values]
        return (0.0 if side == Side.HOLD else found[0]), found[1], found[2]

    def pieces(self, side: Side, size: float, slippage_bps: float, deadline_s: float) -> list[tuple[Part, str]]:
        """The answer in parts: (part, text), the side first."""
        written: list[tuple[Part, str]] = [("side", self.side[side])]
        if side == Side.HOLD and not self.hold_details:
            return written
        values = dict(zip(DETAILS, (size, slippage_bps, deadline_s), strict=True))
        return written + [(part, self.detail(part).write(values[part])) for part in self.written]

    def read(self, text: str) -> Parsed | None:
        """Read a whole answer: None for anything that `pieces` would not have written.

        Of a free text that ends with an object of JSON, that object, in which the side and what has a key must be.
        """
        if self.json_object is not None:
            return self._read_object(text, self.json_object.side)
        match = self._pattern.fullmatch(text)
        if match is None:
            return None
        side = next(side for side in Side if self.side[side] == match["word"])
        bare = side == Side.HOLD and not self.hold_details
        if bare or match["details"] is None:
            return Parsed(side) if bare and not match["details"] else None
        told = {part: float(match[part]) / self.detail(part).scale for part in self.written}
        parsed = self._parsed(side, told)
        if parsed is None or (side == Side.HOLD and told.get("size", 0) != 0):
            return None
        # Other ways to write the same numbers (leading zeros, other digits) are not answers either.
        values = [told.get(part, 0.0) for part in DETAILS]
        return parsed if "".join(piece for _, piece in self.pieces(side, *values)) == text else None

    def _parsed(self, side: Side, told: dict[Part, float]) -> Parsed | None:
        """What was told, with what is fixed; None where a number is out of its range."""
        if any(not 0 <= value <= LARGEST[part] for part, value in told.items()):
            return None
        return Parsed(side, *self.settled(side, *(told.get(part, 0.0) for part in DETAILS)))

    def _read_object(self, text: str, side_key: str) -> Parsed | None:
        found = last_object(text) or {}
        side = next((side for side in Side if self.side[side] == found.get(side_key)), None)
        if side is None or side == Side.HOLD:
            return None if side is None else Parsed(side)
        told: dict[Part, float] = {}
        for part in DETAILS:
            detail = self.detail(part)
            if detail.key is not None:
                value = found.get(detail.key)
                if isinstance(value, bool) or not isinstance(value, int | float):
                    return None
                told[part] = min(value, 10**12) / detail.scale  # an integer may be larger than any float
        return self._parsed(side, told)

    @property
    def json_schema(self) -> dict[str, object] | None:
        """JSON Schema (2020-12) of the object, for servers that hold a model to one; None of an answer of words."""
        if self.json_object is None:
            return None
        properties: dict[str, object] = {self.json_object.side: {"enum": [self.side[side] for side in Side]}}
        for part in DETAILS:
            if (key := self.detail(part).key) is not None:
                properties[key] = {"type": "number", "minimum": 0, "maximum": LARGEST[part] * self.detail(part).scale}
        return {"type": "object", "properties": properties, "required": list(properties)}

    def detail(self, part: Part) -> Detail:
        """How one part after the side is told."""
        return getattr(self, part)

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        words = "|".join(re.escape(self.side[side]) for side in sorted(Side, key=lambda one: -len(self.side[one])))
        details = "".join(self.detail(part).pattern(part) for part in self.written)
        return re.compile(f"(?P<word>{words})(?P<details>{details})?")
