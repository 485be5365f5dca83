"""A plugin as it is known: the decorated factory, where it stands, and what a Run records of it."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import ValidationError, validate_call

from rook_bench.core.errors import ConfigError, InputError, suggest
from rook_bench.core.function_identity import text_hash
from rook_bench.core.hashing import sha256_file
from rook_bench.core.text_module import text_sha256


@dataclass(frozen=True)
class Spec:
    """What a Run records of a component, enough to build it again and to see that it changed.

    Attributes:
        kind, name, params: which one, with its parameters.
        file: name of the file that it stands in; in <> where it stands in none that could be read again.
        sha256: of that file, else of its own text.
    """

    kind: str
    name: str
    params: dict[str, Any]
    file: str
    sha256: str

    @property
    def in_memory(self) -> bool:
        """Whether it was defined in a notebook, at the prompt or in a script, so that no reference leads to it."""
        return self.file.startswith("<")

    def to_json(self) -> dict[str, Any]:
        """The shape stored in run.json."""
        return {"kind": self.kind, "name": self.name, "params": self.params, "file": self.file, "sha256": self.sha256}


@dataclass(frozen=True)
class Plugin:
    """A registered factory.

    Attributes:
        kind, name: of what kind it is, and its id.
        factory: what the decorator was given; its parameters are the plugin's.
        file: where it was written; for one in memory, what Python calls that place.
        summary: first line of its docstring.
        sha256: of the file as it was when it was loaded; of the factory's own text for one in memory.
        in_memory: whether it stands in a notebook's cell, at the prompt, or in the script that runs.
        traits: what its decorator was told (units, look-ahead ...).
    """

    kind: str
    name: str
    factory: Callable[..., Any]
    file: Path
    summary: str
    sha256: str
    in_memory: bool = False
    traits: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def gone(cls, spec: Spec, why: str) -> Plugin:
        """Stands for a plugin that was recorded and can't be found any more: it has a name, and can't be built."""
        why = "it was defined in a notebook or a script" if spec.in_memory else why
        problem = f"{spec.kind.replace('_', ' ')} '{spec.name}' can't be made again: {why}"

        def missing() -> Any:
            raise InputError(problem)

        traits = {"gone": problem}
        return cls(spec.kind, spec.name, missing, Path(spec.file), "Gone.", spec.sha256, spec.in_memory, traits)

    @property
    def parameters(self) -> dict[str, inspect.Parameter]:
        """The factory's parameters by name."""
        return dict(self._signature.parameters)

    @cached_property
    def _signature(self) -> inspect.Signature:
        return inspect.signature(self.factory)

    @cached_property
    def _checking(self) -> Callable[..., Any]:
        """The factory behind a check of its parameters' types, which takes longer to make than to call."""
        return validate_call(config={"arbitrary_types_allowed": True})(self.factory)

    def build(self, **params: Any) -> Any:
        """Call the factory; ConfigError for an unknown parameter or a value of the wrong type."""
        self.check_names(params)
        try:
            return self._checking(**params)
        except ValidationError as error:
            problem = error.errors()[0]
            key = ".".join(str(part) for part in problem["loc"])
            text = problem["msg"].removeprefix("Value error, ")
            raise ConfigError(
                f"'{key}': {text}", where=f"{self.kind} {self.name}", hint="see rook-bench plugins"
            ) from None

    def check_complete(self, params: Mapping[str, Any], *, name: str, where: str) -> None:
        """ConfigError for a parameter that has to be given and is not."""
        for key, parameter in self.parameters.items():
            if parameter.default is inspect.Parameter.empty and key not in params:
                what = f"{self.kind.replace('_', ' ')} '{name}' needs its {key}"
                raise ConfigError(what, where=where, hint=f"write {name}:{key.upper()}")

    def check_names(self, params: Mapping[str, Any]) -> None:
        """ConfigError for a parameter that the factory does not take, with the near name."""
        for name in params:
            if name not in self.parameters:
                where = f"{self.kind} {self.name}"
                raise ConfigError(f"unknown parameter '{name}'", where=where, hint=suggest(name, self.parameters))

    def spec(self, **params: Any) -> Spec:
        """The record of this plugin with these parameters (defaults filled in)."""
        bound = self._signature.bind(**params)
        bound.apply_defaults()
        # A copy: whoever is given a list may add to it.
        plain = {key: deepcopy(value) if is_plain(value) else str(value) for key, value in bound.arguments.items()}
        return Spec(self.kind, self.name, plain, self._file_name, self.sha256)

    @property
    def _file_name(self) -> str:
        if not self.in_memory:
            return self.file.name
        return f"<{self.file.name}>" if self.file.is_file() else "<notebook>"


@dataclass(frozen=True)
class Choice:
    """A plugin with the parameters somebody chose; `reference` is how they named it."""

    reference: str
    plugin: Plugin
    params: dict[str, Any]

    def build(self) -> Any:
        """The built component."""
        return self.plugin.build(**self.params)

    def spec(self) -> Spec:
        """Its record."""
        return self.plugin.spec(**self.params)


def is_plain(value: Any) -> bool:
    """Whether JSON can hold a value as it is."""
    if not isinstance(value, list | dict):
        return value is None or isinstance(value, bool | int | float | str)
    try:
        json.dumps(value)
    except (TypeError, ValueError):
        return False
    return True


def plugin_of(
    kind: str, name: str, factory: Callable[..., Any], traits: Mapping[str, Any], *, in_memory: bool = False
) -> Plugin:
    """The record of a factory: where it stands, and what it is.

    Args:
        in_memory: record it by its own text, wherever it stands.
    """
    written = inspect.unwrap(factory)
    try:
        file = Path(inspect.getsourcefile(written) or "unknown")
    except (TypeError, OSError):  # no Python function, or a class of the prompt
        file = Path("unknown")
    if file.is_file():
        file = file.resolve()
    in_memory = in_memory or not file.is_file() or getattr(written, "__module__", None) == "__main__"
    sha256 = text_hash(written) if in_memory else text_sha256(written) or sha256_file(file)
    summary = (inspect.getdoc(factory) or "").split("\n")[0]
    return Plugin(kind, name, factory, file, summary, sha256, in_memory, dict(traits))
