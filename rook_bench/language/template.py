"""Prompt templates: how a market row becomes text."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from string import Formatter
from typing import ClassVar, Literal, Self
from zlib import crc32

import numpy as np
from numpy.typing import NDArray
from pydantic import Field as Key
from pydantic import model_validator

from rook_bench.core import UnknownName, mapped
from rook_bench.core.config import Config, Grown, read_mapping
from rook_bench.core.hashing import sha256_json
from rook_bench.core.texts import Gathering, as_list
from rook_bench.language.answer import Answer
from rook_bench.language.draft import Draft
from rook_bench.market.features import ENDLESS, LOOKBACK, SIGNED
from rook_bench.market.pool import DOLLARS, Pool
from rook_bench.market.view import MarketView

SHIPPED = Path(__file__).parent / "templates"

MOST_DECIMALS = 30

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
        significant: digits that a number shows at least, in decimals beyond those of the format where it is small:
            what a token costs may be thousands or a hundred-millionth.
        of: the token that the number counts, which the pool names: an amount of "base" ("0.0312 ETH"), or one of
            "quote", a price ("$2251.37", "0.0000000512 WETH").
        codes: the scale, where a code is shown instead.
    """

    feature: str
    scale: float = 1.0
    format: str | None = Key(default=None, pattern=r"^\+?(\.\d+)?[fg]?$")
    codes: Codes | None = None
    significant: int | None = Key(default=None, ge=1, le=12)
    of: Literal["base", "quote"] | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.format is None) == (self.codes is None):
            raise ValueError("a field needs either a format or codes")
        if self.codes is not None and (self.significant is not None or self.of is not None):
            raise ValueError("a code has no unit and no digits")
        if self.significant is not None and not str(self.format).endswith("f"):
            raise ValueError("significant digits are added to a format of decimals, such as .2f")
        return self

    def show(self, view: MarketView, rows: slice, *, mirrored: bool = False) -> tuple[list[str], NDArray[np.float64]]:
        """The texts of some rows, and the numbers a reader of those texts knows (NaN where undefined).

        Args:
            rows: which; mirrored: of the market turned upside down (see `market.features.SIGNED`).
        """
        values = _column(view, self.feature, rows) * self.scale
        values = -values if mirrored and self.feature in SIGNED else values
        if self.codes is not None:
            shown = self.codes.encode(values)
            return ["" if np.isnan(code) else str(int(code)) for code in shown], shown
        texts = [format(value, self._format(value)) for value in values]
        before, after = self._unit(view.pool)
        return [f"{before}{text}{after}" for text in texts], np.array([float(text) for text in texts])

    def _format(self, value: float) -> str:
        """The format, with more decimals where the value is small."""
        form = self.format or ""
        if self.significant is None or value == 0 or not math.isfinite(value):
            return form
        sign, _, decimals = form[:-1].partition(".")
        needed = self.significant - 1 - math.floor(math.log10(abs(value)))
        return f"{sign}.{min(max(int(decimals or 6), needed), MOST_DECIMALS)}f"

    def _unit(self, pool: Pool) -> tuple[str, str]:
        """What stands before and after the number."""
        if self.of is None:
            return "", ""
        if self.of == "quote" and pool.quote.symbol.upper() in DOLLARS:
            return "$", ""
        return "", f" {(pool.base if self.of == 'base' else pool.quote).symbol}"


@dataclass(frozen=True, eq=False)
class Prompts:
    """The prompts of a tape.

    Attributes:
        texts: one prompt per row, "" where a field is undefined.
        shown: the numbers they show, shape (rows, fields), NaN where undefined; one more for the pool where it is
            named, the same on every row.
        undefined: names of the undefined fields of each row, "" where there is none.
    """

    texts: Sequence[str]
    shown: NDArray[np.float64]
    undefined: Sequence[str]

    def __len__(self) -> int:
        return len(self.texts)

    @classmethod
    def concat(cls, parts: Sequence[Prompts]) -> Prompts:
        """Those of several tapes, one after the other; at least one."""
        if len(parts) == 1:
            return parts[0]
        texts, undefined = ([one for part in parts for one in getattr(part, name)] for name in ("texts", "undefined"))
        return cls(texts, np.concatenate([part.shown for part in parts]), undefined)

    def rows(self, which: slice) -> Prompts:
        """Those of some rows."""
        return Prompts(as_list(self.texts[which]), self.shown[which], as_list(self.undefined[which]))

    def since(self, row: int) -> Prompts:
        """The same with nothing to ask about before a row."""
        if row <= 0:
            return self
        kept = slice(row, None)
        texts, undefined = as_list(self.texts[kept]), as_list(self.undefined[kept])
        return Prompts([*[""] * row, *texts], self.shown, [*["reason"] * row, *undefined])

    @property
    def defined(self) -> NDArray[np.bool_]:
        """Rows that have a prompt, shape (rows,)."""
        return np.asarray(~np.isnan(self.shown).any(axis=1))


class Chat(Config):
    """The prompt is what a user says to a chat model, in the form that its tokenizer brings (`apply_chat_template`).

    Attributes:
        system: what the model is told before it; nothing by default.
        options: further variables of the tokenizer's chat template, such as enable_thinking.
    """

    system: str | None = None
    options: dict[str, bool | int | str] = Key(default_factory=dict)

    def messages(self, prompt: str) -> list[dict[str, str]]:
        """What is said so far."""
        told = [{"role": "system", "content": self.system}] if self.system is not None else []
        return [*told, {"role": "user", "content": prompt}]


class Template(Grown):
    """A versioned prompt: text with {fields}, and the answer it asks for. Hashed into every adapter.

    `chat` says that the prompt is for a chat model. `pair` that the prompt begins with the pool's pair and fee, for a
    model of several pools. `draft` is the grammar that drafts about such prompts are written
    in; it is no part of the prompt, and of its hash.
    """

    LATER: ClassVar = ("draft", "chat", "pair")

    name: str
    version: int = Key(ge=1)
    summary: str = ""
    prompt: str
    fields: dict[str, Field] = Key(min_length=1)
    answer: Answer
    chat: Chat | None = None
    pair: Literal[True] | None = None
    draft: Draft | None = None

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
        for step in self.draft.steps if self.draft else ():
            if step.show not in self.fields:
                raise ValueError(f"a step of the draft shows '{step.show}', which is not among the fields")
        return self

    def telling(self, *, pair: bool) -> Template:
        """The same, which names the pool too where that is asked for."""
        return self.model_copy(update={"pair": True}) if pair else self

    @property
    def bare(self) -> Template:
        """The prompt and its answer alone."""
        return self.model_copy(update={"draft": None})

    def fields_of(self, prompt: str) -> dict[str, str]:
        """The text of each field of a prompt that `render` made; empty for any other text."""
        match = self._pattern.fullmatch(prompt)
        return match.groupdict() if match else {}

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        parts = [r" .+ [0-9.e+-]+%"] if self.pair else []
        for literal, name, _, _ in Formatter().parse(self.prompt):
            parts.append(re.escape(literal))
            if name is not None:
                number = r"\d+" if self.fields[name].codes else r"\$?[+-]?\d+(?:\.\d+)?(?:e[+-]\d+)?"
                unit = r"(?: \S+)?" if self.fields[name].of else ""
                parts.append(f"(?P<{name}>{number}{unit})")
        return re.compile("".join(parts))

    @property
    def lookback(self) -> int | None:
        """Swaps before a row from which its prompt follows; None where a field depends on all of them."""
        return None if any(field.feature in ENDLESS for field in self.fields.values()) else LOOKBACK

    @cached_property
    def sha256(self) -> str:
        """Identity of what a model sees and answers; the summary does not count."""
        facts = self.model_dump(exclude={"summary", "draft"})
        for field in facts["fields"].values():
            for name in ("significant", "of"):  # a template that has neither is the one it was before they were known
                if field[name] is None:
                    del field[name]
        return sha256_json(facts)

    def render(self, view: MarketView, *, mirrored: bool = False) -> Prompts:
        """The prompt of every row of the view, from causal features in human units.

        Args:
            view: the market; `mirrored`: turned upside down, so that what was a reason to buy is one to sell.
        """
        rows, names = len(view), list(self.fields)
        pool, which = (pair_text(view.pool), [_number_of(view.pool)]) if self.pair else ("", [])
        shown = mapped.empty((rows, len(names) + len(which)))
        texts, undefined = Gathering(rows), Gathering(rows)
        for part in mapped.parts(rows):
            columns = [field.show(view, part, mirrored=mirrored) for field in self.fields.values()]
            shown[part] = np.column_stack(
                [*(numbers for _, numbers in columns), *(np.full(part.stop - part.start, number) for number in which)]
            )
            gaps = [
                ", ".join(name for name, gone in zip(names, row, strict=False) if gone) for row in np.isnan(shown[part])
            ]
            told = zip(*(column for column, _ in columns), strict=True)
            undefined.add(gaps)
            texts.add(
                [
                    "" if gap else pool + self.prompt.format(**dict(zip(names, row, strict=True)))
                    for row, gap in zip(told, gaps, strict=True)
                ]
            )
        return Prompts(as_list(texts.column()), shown, as_list(undefined.column()))


def pair_text(pool: Pool) -> str:
    """How a prompt names a pool."""
    return f" {pool.pair} {pool.fee_pips / 1e4:g}%"


def _number_of(pool: Pool) -> float:
    """What stands for a pool among the numbers of its prompts; classifiers tell pools apart by it."""
    return float(crc32(pair_text(pool).encode()))


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


def _column(view: MarketView, name: str, rows: slice) -> NDArray[np.float64]:
    if name == HOUR:
        return view.at_index[rows].hour.to_numpy().astype(np.float64)
    return np.asarray(view[name][rows], dtype=np.float64)
