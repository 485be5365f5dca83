"""Frozen configuration objects, and the errors of the files they come from."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, Self, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, SerializerFunctionWrapHandler, ValidationError, model_serializer

from rook_bench.core.errors import ConfigError, InputError, suggest
from rook_bench.core.files import near_file


class Config(BaseModel):
    """A frozen set of parameters: unknown keys are refused with the near name."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True, allow_inf_nan=False)

    @classmethod
    def parse(cls, values: dict[str, Any], *, where: object) -> Self:
        """Validate `values`; raise ConfigError naming the key, its place and what is allowed."""
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            raise _first_problem(cls, error, where) from None


class Grown(Config):
    """Parameters of which some came later: while these are None they are left out of what is written.

    What was hashed before they were known has the same hash.
    """

    LATER: ClassVar[tuple[str, ...]] = ()

    @model_serializer(mode="wrap")
    def _without_what_it_lacks(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        facts: dict[str, Any] = handler(self)
        return {name: value for name, value in facts.items() if value is not None or name not in self.LATER}


Record = TypeVar("Record", bound=Config)


def read_json_record(kind: type[Record], path: Path, what: str, hint: str) -> Record:
    """A record that the tool wrote as JSON; InputError where it can't be read.

    Args:
        kind: of record; path: the file, which is there.
        what: it is ("the critic's record"); hint: what to do.
    """
    try:
        return kind.model_validate_json(path.read_text(encoding="utf-8"))
    except (ValidationError, UnicodeDecodeError, OSError) as error:
        first = " ".join(str(error).split())[:160]
        raise InputError(f"{what} can't be read ({first})", where=path, hint=hint) from None


def _first_problem(model: type[BaseModel], error: ValidationError, where: object) -> ConfigError:
    problem = error.errors()[0]
    path = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "extra_forbidden":
        known = _fields_at(model, problem["loc"][:-1])
        return ConfigError(f"unknown key '{path}'", where=where, hint=suggest(str(problem["loc"][-1]), known))
    text = problem["msg"].removeprefix("Value error, ")
    return ConfigError(f"'{path}': {text}" if path else text, where=where, hint=_given(problem))


def _given(problem: Any) -> str | None:
    if problem["type"] == "missing":
        return "add it"
    return None if isinstance(problem["input"], dict) else f"given: {problem['input']!r}"


def _fields_at(model: type[BaseModel], path: tuple[Any, ...]) -> list[str]:
    """Field names of the nested model that `path` leads to."""
    for part in path:
        field = model.model_fields.get(str(part))
        if field is None:
            continue
        candidates = [field.annotation, *getattr(field.annotation, "__args__", ())]
        nested = [c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel)]
        if nested:
            model = nested[0]
    return list(model.model_fields)


DEEPEST = 200
"""Brackets inside one another, far beyond those of any configuration; a reader that recurses may crash on more."""


def _depth(text: str) -> int:
    """The most brackets that stand open at once; those in strings count too."""
    depth = deepest = 0
    for mark in re.findall(r"[\[\]{}]", text):
        depth += 1 if mark in "[{" else -1
        deepest = max(deepest, depth)
    return deepest


def read_mapping(path: str | Path) -> dict[str, Any]:
    """Read a TOML, YAML or JSON file that holds one mapping; the ending decides the format."""
    values = _read(Path(path))
    if not isinstance(values, dict):
        raise ConfigError("the file holds no mapping of keys to values", where=path)
    return values


def read_mappings(path: str | Path) -> list[dict[str, Any]]:
    """Read a file that holds one mapping, or a list of them (YAML, JSON)."""
    values = _read(Path(path))
    listed = values if isinstance(values, list) else [values]
    if not listed or not all(isinstance(one, dict) for one in listed):
        raise ConfigError("the file holds no mapping of keys to values, and no list of such", where=path)
    return listed


def _read(path: Path) -> Any:
    readers: dict[str, Callable[[str], Any]] = {
        ".toml": tomllib.loads,
        ".yaml": yaml.safe_load,
        ".yml": yaml.safe_load,
        ".json": json.loads,
    }
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise ConfigError(
            f"'{path.suffix}' is not a configuration format", where=path, hint="use .toml, .yaml or .json"
        )
    try:
        text = path.read_text(encoding="utf-8")
        if _depth(text) > DEEPEST:
            raise ConfigError("it is nested too deep", where=path)
        return reader(text)
    except FileNotFoundError:
        raise ConfigError("no such file", where=path, hint=near_file(path)) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"can't be read ({error})", where=path) from None
    except (tomllib.TOMLDecodeError, yaml.YAMLError, ValueError) as error:  # Python reads no integer of 5,000 digits
        message = " ".join(str(error).split())
        raise ConfigError(f"not valid {path.suffix[1:].upper()} ({message})", where=path) from None
