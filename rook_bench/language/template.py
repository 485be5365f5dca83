"""Prompt templates: how a market row becomes text."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from string import Formatter
from typing import Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field as Key
from pydantic import model_validator

from rook_bench.core import UnknownName
from rook_bench.core.config import Config, read_mapping
from rook_bench.core.hashing import sha256_json
from rook_bench.language.answer import Answer
from rook_bench.market.view import MarketView

SHIPPED = Path(__file__).parent / "templates"

HOUR = "hour"
"""The one field that is no market feature: the hour of the day, UTC."""


class Codes(Config):
    """A scale of whole numbers 0 to count - 1: linear up to `knee`, logarithmic beyond (asinh).

    Attributes:
        low, high: values at the ends; beyond them the code stays at the end.
        knee: where the scale turns from linear to logarithmic, in the field's unit.
        count: how many codes there are.
    """

    low: float
    high: float
    knee: float = Key(gt=0)
    count: int = Key(ge=2, le=1000)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not self.low < self.high:
            raise ValueError("low must lie below high")
        return self

    def encode(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """The code of each value, as floats; NaN stays NaN."""
        first, last = np.arcsinh(self.low / self.knee), np.arcsinh(self.high / self.knee)
        place = (np.arcsinh(values / self.knee) - first) / (last - first) * (self.count - 1)
        return np.clip(np.round(place), 0, self.count - 1)


class Field(Config):
    """One number that a prompt shows: a causal feature, scaled, and either formatted or coded.

    Attributes:
        feature: a column of MarketView, or "hour".
        scale: factor to the unit that is shown.
        format: Python format of the number (".2f").
        codes: the scale, where a code is shown instead.
    """

    feature: str
    scale: float = 1.0
    format: str | None = Key(default=None, pattern=r"^\+?(\.\d+)?[fg]?$")
    codes: Codes | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.format is None) == (self.codes is None):
            raise ValueError("a field needs either a format or codes")
        return self

    def show(self, view: MarketView) -> tuple[list[str], NDArray[np.float64]]:
        """The texts of every row, and the numbers a reader of those texts knows (NaN where undefined)."""
        values = _column(view, self.feature) * self.scale
        if self.codes is not None:
            shown = self.codes.encode(values)
            return ["" if np.isnan(code) else str(int(code)) for code in shown], shown
        texts = [format(value, self.format or "") for value in values]
        return texts, np.array([float(text) for text in texts])


@dataclass(frozen=True, eq=False)
class Prompts:
    """The prompts of a tape.

    Attributes:
        texts: one prompt per row, "" where a field is undefined.
        shown: the numbers they show, shape (rows, fields), NaN where undefined.
        undefined: names of the undefined fields of each row, "" where there is none.
    """

    texts: list[str]
    shown: NDArray[np.float64]
    undefined: list[str]

    @property
    def defined(self) -> NDArray[np.bool_]:
        """Rows that have a prompt, shape (rows,)."""
        return np.asarray(~np.isnan(self.shown).any(axis=1))


class Template(Config):
    """A versioned prompt: text with {fields}, and the answer it asks for. Hashed into every adapter."""

    name: str
    version: int = Key(ge=1)
    summary: str = ""
    prompt: str
    fields: dict[str, Field] = Key(min_length=1)
    answer: Answer

    @model_validator(mode="after")
    def _matching(self) -> Self:
        parts = [part for part in Formatter().parse(self.prompt) if part[1] is not None]
        used = {str(name) for _, name, _, _ in parts}
        for _, name, form, conversion in parts:
            if form or conversion:
                raise ValueError(f"field '{name}' has a format in the prompt; its format belongs to the field")
        for name in sorted(used ^ set(self.fields)):
            where = "is in the prompt but not among the fields" if name in used else "is not in the prompt"
            raise ValueError(f"field '{name}' {where}")
        return self

    @cached_property
    def sha256(self) -> str:
        """Identity of what a model sees and answers; the summary does not count."""
        return sha256_json(self.model_dump(exclude={"summary"}))

    def render(self, view: MarketView) -> Prompts:
        """The prompt of every row of the view, from causal features in human units."""
        columns, shown = {}, []
        for name, field in self.fields.items():
            columns[name], numbers = field.show(view)
            shown.append(numbers)
        table = np.column_stack(shown)
        rows = zip(*columns.values(), strict=True)
        names, missing = list(columns), np.isnan(table)
        undefined = [", ".join(name for name, gone in zip(names, row, strict=True) if gone) for row in missing]
        texts = [
            "" if gap else self.prompt.format(**dict(zip(names, row, strict=True)))
            for row, gap in zip(rows, undefined, strict=True)
        ]
        return Prompts(texts, table, undefined)


def load_template(reference: str | Path) -> Template:
    """A shipped template by name, or one from a TOML, YAML or JSON file."""
    path = Path(reference)
    if path.suffix:
        return Template.parse(read_mapping(path), where=path)
    shipped = SHIPPED / f"{reference}.toml"
    if not shipped.is_file():
        raise UnknownName("prompt template", str(reference), shipped_templates())
    return Template.parse(read_mapping(shipped), where=shipped)


def shipped_templates() -> list[str]:
    """Names of the templates that come with the package."""
    return sorted(path.stem for path in SHIPPED.glob("*.toml"))


def _column(view: MarketView, name: str) -> NDArray[np.float64]:
    if name == HOUR:
        return view.at_index.hour.to_numpy().astype(np.float64)
    return np.asarray(view[name], dtype=np.float64)
