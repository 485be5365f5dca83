"""One registry class for every kind of plugin: sources, sizers, filters, importers, metrics, checks.

A plugin is a decorated factory. Its keyword arguments are its parameters, its name is its id:

    @decision_source
    def momentum(lookback: int = 20):
        def decide(view): ...
        return decide

Built-in plugins and those of other packages come in by the entry point group
`rook_bench.plugins` (each entry names a module to import); a user's come from the files of a
`strategies/` folder, or are referred to as `path.py@name`.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import inspect
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from pydantic import ValidationError, validate_call

from rook_bench.core import ConfigError, InputError, RookError, UnknownName, suggest
from rook_bench.core.hashing import sha256_file

ENTRY_POINTS = "rook_bench.plugins"
STRATEGIES_VARIABLE = "ROOK_BENCH_STRATEGIES"


@dataclass(frozen=True)
class Spec:
    """What a Run records of a component, enough to build it again and to see that it changed."""

    kind: str
    name: str
    params: dict[str, Any]
    file: str
    sha256: str

    def to_json(self) -> dict[str, Any]:
        """The shape stored in run.json."""
        return {"kind": self.kind, "name": self.name, "params": self.params, "file": self.file, "sha256": self.sha256}


@dataclass(frozen=True)
class Plugin:
    """A registered factory. `traits` are what its decorator was told (units, look-ahead ...)."""

    kind: str
    name: str
    factory: Callable[..., Any]
    file: Path
    summary: str
    traits: dict[str, Any] = field(default_factory=dict)

    @property
    def parameters(self) -> dict[str, inspect.Parameter]:
        """The factory's parameters by name."""
        return dict(inspect.signature(self.factory).parameters)

    def build(self, **params: Any) -> Any:
        """Call the factory; ConfigError for an unknown parameter or a value of the wrong type."""
        self.check_names(params)
        try:
            return validate_call(config={"arbitrary_types_allowed": True})(self.factory)(**params)
        except ValidationError as error:
            problem = error.errors()[0]
            key = ".".join(str(part) for part in problem["loc"])
            text = problem["msg"].removeprefix("Value error, ")
            raise ConfigError(
                f"'{key}': {text}", where=f"{self.kind} {self.name}", hint="see rook-bench plugins"
            ) from None

    def check_names(self, params: Mapping[str, Any]) -> None:
        """ConfigError for a parameter that the factory does not take, with the near name."""
        for name in params:
            if name not in self.parameters:
                where = f"{self.kind} {self.name}"
                raise ConfigError(f"unknown parameter '{name}'", where=where, hint=suggest(name, self.parameters))

    def spec(self, **params: Any) -> Spec:
        """The record of this plugin with these parameters (defaults filled in)."""
        bound = inspect.signature(self.factory).bind(**params)
        bound.apply_defaults()
        plain = {key: value if _is_json(value) else str(value) for key, value in bound.arguments.items()}
        return Spec(self.kind, self.name, plain, self.file.name, sha256_file(self.file))


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


def _is_json(value: Any) -> bool:
    return value is None or isinstance(value, bool | int | float | str | list | dict)


class Registry:
    """The plugins of one kind; calling it decorates a factory."""

    kinds: ClassVar[dict[str, Registry]] = {}

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._plugins: dict[str, Plugin] = {}
        Registry.kinds[kind] = self

    def __call__(self, factory: Callable[..., Any] | None = None, *, name: str | None = None, **traits: Any) -> Any:
        """Register `factory` under `name` (its own name by default)."""
        if factory is None:
            return lambda function: self(function, name=name, **traits)
        path = Path(inspect.getsourcefile(factory) or "unknown").resolve()
        summary = (inspect.getdoc(factory) or "").split("\n")[0]
        plugin = Plugin(self.kind, name or factory.__name__, factory, path, summary, traits)
        known = self._plugins.get(plugin.name)
        if known is not None and known.file != path:
            raise InputError(
                f"{self.kind} '{plugin.name}' is already registered by {known.file}", where=path, hint="rename it"
            )
        self._plugins[plugin.name] = plugin
        return factory

    def __iter__(self) -> Iterator[Plugin]:
        load_plugins()
        return iter(sorted(self._plugins.values(), key=lambda plugin: plugin.name))

    def get(self, name: str) -> Plugin:
        """The plugin of that name, or the one that `path.py@name` refers to."""
        if "@" in name:
            path, _, inside = name.rpartition("@")
            return self._from_file(Path(path), inside)
        load_plugins()
        if name not in self._plugins:
            raise UnknownName(self.kind.replace("_", " "), name, self._plugins)
        return self._plugins[name]

    def choose(self, reference: str | Mapping[str, Any]) -> Choice:
        """From `name`, `name:argument`, `name:argument,key=value,...`, `path.py@name`, or a table with a `name` key.

        The plain argument goes to the factory's first parameter.
        """
        word = self.kind.replace("_", " ")
        if not isinstance(reference, str):
            params = {key: value for key, value in reference.items() if key != "name"}
            if "name" not in reference:
                raise ConfigError(f"a {word} needs its 'name'", where=str(dict(reference)))
            plugin = self.get(str(reference["name"]))
            plugin.check_names(params)
            return Choice(str(reference["name"]), plugin, params)
        name, argument, named = parse_reference(reference)
        plugin = self.get(name)
        params = dict(named)
        if argument is not None:
            if not plugin.parameters:
                raise ConfigError(f"{word} '{name}' takes no argument", where=reference)
            params[next(iter(plugin.parameters))] = argument
        plugin.check_names(params)
        for key, parameter in plugin.parameters.items():
            if parameter.default is inspect.Parameter.empty and key not in params:
                raise ConfigError(
                    f"{word} '{name}' needs its {key}", where=reference, hint=f"write {name}:{key.upper()}"
                )
        return Choice(reference, plugin, params)

    def _from_file(self, path: Path, name: str) -> Plugin:
        if not path.is_file():
            raise InputError("no such plugin file", where=path, hint="check the path before '@'")
        before = dict(self._plugins)
        try:
            # The file's own plugins are visible to this reference alone, so that two files may
            # use one name, and a file in strategies/ may also be named by its path.
            self._plugins.clear()
            import_file(path)
            found = dict(self._plugins)
        finally:
            self._plugins.clear()
            self._plugins.update(before)
        if name not in found:
            raise UnknownName(self.kind.replace("_", " "), name, found, where=path)
        return found[name]

    @contextmanager
    def isolated(self) -> Iterator[None]:
        """Undo registrations made inside the block (for tests and notebooks)."""
        before = dict(self._plugins)
        try:
            yield
        finally:
            self._plugins.clear()
            self._plugins.update(before)


decision_source = Registry("decision_source")
sizer = Registry("sizer")
risk_filter = Registry("risk_filter")
importer = Registry("importer")
metric = Registry("metric")
gate_check = Registry("gate_check")

broken: dict[str, str] = {}
"""Plugin files and entry points that could not be loaded: where, and why."""

_loaded: set[str] = set()


def load_plugins() -> None:
    """Load entry points once, and the files of every strategies folder seen so far once each."""
    if ENTRY_POINTS not in _loaded:
        _loaded.add(ENTRY_POINTS)
        for entry in importlib.metadata.entry_points(group=ENTRY_POINTS):
            _guarded(f"{entry.name} ({entry.value})", entry.load)
    folder = Path(os.environ.get(STRATEGIES_VARIABLE, "strategies")).resolve()
    if str(folder) not in _loaded and folder.is_dir():
        _loaded.add(str(folder))
        for path in sorted(folder.glob("*.py")):
            _guarded(str(path), partial(import_file, path))


def import_file(path: Path) -> None:
    """Run one plugin file, so that its decorators register."""
    spec = importlib.util.spec_from_file_location(f"rook_bench_plugin_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise InputError("not a Python file", where=path)
    try:
        spec.loader.exec_module(importlib.util.module_from_spec(spec))
    except RookError:
        raise
    except Exception as error:  # the user's file may fail in any way; the report names it
        raise InputError(f"the plugin file fails ({type(error).__name__}: {error})", where=path) from error


def _guarded(where: str, load: Callable[[], object]) -> None:
    """One broken plugin is reported with its place and does not stop the others."""
    try:
        load()
    except Exception as error:
        broken[where] = str(error) or type(error).__name__


def parse_reference(text: str) -> tuple[str, str | None, dict[str, str]]:
    """Split `name`, `name:argument`, `name:key=value,...` or `name:argument,key=value,...`.

    The name may be `path.py@name`.

    Returns the name, the plain argument if there is one, and the named parameters.
    """
    head, colon, rest = text.partition(":") if "@" not in text else _split_after_at(text)
    if not colon:
        return head, None, {}
    pairs = [part.partition("=") for part in rest.split(",")]
    if all(equals for _, equals, _ in pairs):
        return head, None, {key.strip(): value.strip() for key, _, value in pairs}
    first, *others = pairs
    if others and not first[1] and all(equals for _, equals, _ in others):
        return head, first[0], {key.strip(): value.strip() for key, _, value in others}
    return head, rest, {}


def _split_after_at(text: str) -> tuple[str, str, str]:
    path, _, rest = text.partition("@")
    name, colon, argument = rest.partition(":")
    return f"{path}@{name}", colon, argument
