"""One registry class for every kind of plugin: sources, sizers, filters, importers, metrics, checks.

A plugin is a decorated factory. Its keyword arguments are its parameters, its name is its id:

    @decision_source
    def momentum(lookback: int = 20):
        def decide(view): ...
        return decide

Built-in plugins and those of other packages come in by the entry point group
`rook_bench.plugins` (each entry names a module to import); a user's come from the files of a
`strategies/` folder, are referred to as `path.py@name`, or are defined in a notebook's cell, at the
prompt or in the script that runs. Those last ones can be defined anew at will, and are recorded by
their text, for there is no file that holds them alone.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import inspect
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache, partial, wraps
from pathlib import Path
from typing import Any, ClassVar
from weakref import WeakKeyDictionary

from rook_bench.core import ConfigError, InputError, RookError, UnknownName
from rook_bench.core.hashing import PACKAGE
from rook_bench.core.plugin import Choice, Plugin, Spec, is_plain, plugin_of
from rook_bench.core.project import project_folder
from rook_bench.core.reference import file_alone, parse_reference
from rook_bench.core.text_module import run_file

__all__ = [
    "ENTRY_POINTS",
    "STRATEGIES_VARIABLE",
    "Choice",
    "Plugin",
    "Registry",
    "Spec",
    "Trust",
    "broken",
    "decision_source",
    "gate_check",
    "import_file",
    "importer",
    "is_installed",
    "is_plain",
    "load_installed",
    "load_plugins",
    "made_with",
    "metric",
    "plugin_of",
    "risk_filter",
    "sizer",
    "strategies_folder",
    "trusting",
]

ENTRY_POINTS = "rook_bench.plugins"

BUILT_IN = {
    "importers": ("importer",),
    "sources": ("decision_source",),
    "risk": ("sizer", "risk_filter"),
    "metrics": ("metric",),
    "gates": ("gate_check",),
}
"""The kinds that each of this package's own entries holds, so that naming a source imports no metric."""

STRATEGIES_VARIABLE = "ROOK_BENCH_STRATEGIES"

_made: WeakKeyDictionary[Any, Choice] = WeakKeyDictionary()
"""What decorated factories made, and with which parameters."""


class Registry:
    """The plugins of one kind; calling it decorates a factory.

    Args:
        kind: of what kind.
        remembers: whether what a decorated factory makes is to be known by `made_with`.
    """

    kinds: ClassVar[dict[str, Registry]] = {}

    def __init__(self, kind: str, *, remembers: bool = False) -> None:
        self.kind, self.remembers = kind, remembers
        self._plugins: dict[str, Plugin] = {}
        Registry.kinds[kind] = self

    @property
    def word(self) -> str:
        """The kind for a person ("decision source")."""
        return self.kind.replace("_", " ")

    def __call__(self, factory: Callable[..., Any] | None = None, *, name: str | None = None, **traits: Any) -> Any:
        """Register `factory` under `name` (its own name by default)."""
        if factory is None:
            return lambda function: self(function, name=name, **traits)
        if inspect.isclass(factory):
            raise InputError(f"{factory.__name__} is a class", where=f"@{self.kind}", hint="decorate what makes one")
        plugin = plugin_of(self.kind, name or factory.__name__, factory, traits)
        # Else a built-in of that name would come later and find it taken.
        if plugin.in_memory:
            load_plugins(self.kind)
        elif not plugin.file.is_relative_to(PACKAGE):
            load_installed(self.kind)
        known = self._plugins.get(plugin.name)
        if known is not None and known.file != plugin.file and not known.in_memory:
            raise InputError(
                f"{self.kind} '{plugin.name}' is already registered by {known.file}",
                where=plugin.file,
                hint="rename it",
            )
        self._plugins[plugin.name] = plugin
        return _remembering(plugin) if self.remembers else factory

    def __iter__(self) -> Iterator[Plugin]:
        load_plugins(self.kind)
        return iter(sorted(self._plugins.values(), key=lambda plugin: plugin.name))

    def get(self, name: str) -> Plugin:
        """The plugin of that name, or the one that `path.py@name` refers to."""
        if "@" in name:
            path, _, inside = name.rpartition("@")
            return self._from_file(Path(path), inside)
        load_plugins(self.kind)
        if name not in self._plugins:
            raise UnknownName(self.word, name, self._plugins) if file_alone(name) is None else self._unnamed(Path(name))
        return self._plugins[name]

    def choose(self, reference: str | Mapping[str, Any]) -> Choice:
        """From `name`, `name:argument`, `name:argument,key=value,...`, `path.py@name`, or a table with a `name` key.

        The plain argument goes to the factory's first parameter.
        """
        if not isinstance(reference, str):
            params = {key: value for key, value in reference.items() if key != "name"}
            if "name" not in reference:
                raise ConfigError(f"a {self.word} needs its 'name'", where=str(dict(reference)))
            plugin = self.get(str(reference["name"]))
            plugin.check_names(params)
            return Choice(str(reference["name"]), plugin, params)
        name, argument, named = parse_reference(reference)
        load_plugins(self.kind)
        if name not in self._plugins:
            name = file_alone(reference) or name
        plugin = self.get(name)
        params = dict(named)
        if argument is not None:
            if not plugin.parameters:
                raise ConfigError(f"{self.word} '{name}' takes no argument", where=reference)
            params[next(iter(plugin.parameters))] = argument
        plugin.check_names(params)
        plugin.check_complete(params, name=name, where=reference)
        return Choice(reference, plugin, params)

    def _from_file(self, path: Path, name: str) -> Plugin:
        found = self._held_by(path)
        if name not in found:
            raise UnknownName(self.word, name, found, where=path)
        return found[name]

    def _unnamed(self, path: Path) -> InputError:
        """What to say of a reference that names a file alone."""
        names = ", ".join(sorted(self._held_by(path)))
        if not names:
            return InputError(f"the file holds no {self.word}", where=path, hint=f"decorate one with @{self.kind}")
        return InputError(f"no {self.word} is named", where=path, hint=f"write {path}@NAME; it holds: {names}")

    def _held_by(self, path: Path) -> dict[str, Plugin]:
        """The plugins of this kind in a file, which is loaded anew."""
        if not path.is_file():
            raise InputError("no such plugin file", where=path, hint="check the path before '@'")
        if not _trusted.get().file(path):
            hint = "read it; if its code may run here, say --allow-plugin FILE"
            raise InputError("code that is not the project's own is not run", where=path, hint=hint)
        load_plugins(self.kind)  # else a built-in that the file imports would be taken for the file's own
        before = dict(self._plugins)
        try:
            # The file's own plugins are visible to this reference alone, so that two files may
            # use one name, and a file in strategies/ may also be named by its path.
            self._plugins.clear()
            import_file(path)
            return dict(self._plugins)
        finally:
            self._plugins.clear()
            self._plugins.update(before)

    @contextmanager
    def isolated(self) -> Iterator[None]:
        """Undo registrations made inside the block (for tests and notebooks)."""
        load_installed(self.kind)  # else those that are first asked for in the block would be gone after it
        before = dict(self._plugins)
        try:
            yield
        finally:
            self._plugins.clear()
            self._plugins.update(before)


def made_with(value: object) -> Choice | None:
    """The plugin and the parameters that something was made with, if a decorated factory made it or is it."""
    try:
        return _made.get(value)
    except TypeError:  # neither functions nor what most classes make, but numbers and the like
        return None


def _remembering(plugin: Plugin) -> Callable[..., Any]:
    """The plugin's factory, which now tells `made_with` what it made."""
    signature = inspect.signature(plugin.factory)

    @wraps(plugin.factory)
    def make(*args: Any, **named: Any) -> Any:
        built = plugin.factory(*args, **named)
        params = dict(signature.bind(*args, **named).arguments)
        with suppress(TypeError):  # what can't be referred to weakly is not remembered
            _made[built] = Choice(_written(plugin, params), plugin, params)
        return built

    _made[make] = Choice(plugin.name, plugin, {})
    return make


def _written(plugin: Plugin, params: Mapping[str, Any]) -> str:
    """A reference with these parameters; where a reference can't hold them, a name that tells them apart."""
    defaults = {key: parameter.default for key, parameter in plugin.parameters.items()}
    given = {key: value for key, value in params.items() if not (value is None and defaults.get(key, ...) is None)}
    texts = {key: str(value) for key, value in given.items() if isinstance(value, bool | int | float | str | Path)}
    if not given:
        return plugin.name
    if len(texts) == len(given) and not any("," in text for text in texts.values()):
        return f"{plugin.name}:{','.join(f'{key}={text}' for key, text in texts.items())}"
    return f"{plugin.name}-{hashlib.sha256(repr(params).encode()).hexdigest()[:8]}"


decision_source = Registry("decision_source", remembers=True)
sizer = Registry("sizer")
risk_filter = Registry("risk_filter")
importer = Registry("importer")
metric = Registry("metric")
gate_check = Registry("gate_check")

broken: dict[str, str] = {}
"""Plugin files and entry points that could not be loaded: where, and why."""


@dataclass(frozen=True)
class Trust:
    """Whose code may run.

    Attributes:
        strategies: that of the project's strategies folder; of the one that $ROOK_BENCH_STRATEGIES names in any case.
        everywhere: that of any file that is named.
        files: these files, and what lies in these folders.
    """

    strategies: bool = True
    everywhere: bool = True
    files: tuple[Path, ...] = ()

    @property
    def own(self) -> bool:
        """Whether the strategies folder is loaded."""
        named = any(file.resolve() == strategies_folder() for file in self.files)
        return self.strategies or named or STRATEGIES_VARIABLE in os.environ

    def file(self, path: Path) -> bool:
        """Whether a file's code may run."""
        real = path.resolve()
        allowed = (*self.files, *([strategies_folder()] if self.own else []))
        return self.everywhere or any(real == one.resolve() or real.is_relative_to(one.resolve()) for one in allowed)


EVERYBODY = Trust()
"""Where nothing else is said: whoever names a file wants it to run."""

_trusted: ContextVar[Trust] = ContextVar("trusted", default=EVERYBODY)


@contextmanager
def trusting(*, strategies: bool, files: Iterable[str | Path] = ()) -> Iterator[None]:
    """Run only code that is trusted inside the block; what was loaded before stays.

    Reading what somebody else made (a run, a record, a tape) runs none. Judging runs the project's own.

    Args:
        strategies: whether the project's strategies folder is trusted.
        files: files and folders that somebody said may run.
    """
    before = _trusted.get()
    found = tuple(Path(file) for file in files)
    if before.everywhere:
        now = Trust(strategies, everywhere=False, files=found)
    else:  # an inner block trusts no more than the outer one
        now = Trust(strategies and before.strategies, everywhere=False, files=before.files)
    token = _trusted.set(now)
    try:
        yield
    finally:
        _trusted.reset(token)


_loaded: set[str] = set()
"""Entry points and folders of plugins."""
_seen_from: set[tuple[str | None, Path]] = set()
"""The environment variable and the working folder that led to a folder of plugins that is loaded."""


@cache
def _entries() -> tuple[importlib.metadata.EntryPoint, ...]:
    return tuple(importlib.metadata.entry_points(group=ENTRY_POINTS))


def load_installed(kind: str | None = None) -> None:
    """Load the plugins of installed packages, once.

    Args:
        kind: leave out built-in ones of other kinds; what other packages hold can't be told before it is loaded.
    """
    for entry in _entries():
        kinds = BUILT_IN.get(entry.name) if entry.module.startswith(f"{PACKAGE.name}.") else None
        if entry.value in _loaded or (kind is not None and kinds is not None and kind not in kinds):
            continue
        _loaded.add(entry.value)
        _guarded(f"{entry.name} ({entry.value})", entry.load)


def is_installed(plugin: Plugin) -> bool:
    """Whether a plugin is found by its name wherever this package is installed as it is here."""
    module = str(getattr(inspect.unwrap(plugin.factory), "__module__", ""))
    return not plugin.in_memory and any(f"{module}.".startswith(f"{entry.module}.") for entry in _entries())


def strategies_folder() -> Path:
    """Where a user's plugins lie: what $ROOK_BENCH_STRATEGIES names, else strategies/ of the project or of here."""
    named = os.environ.get(STRATEGIES_VARIABLE)
    return Path(named or (project_folder() or Path.cwd()) / "strategies").resolve()


def load_plugins(kind: str | None = None) -> None:
    """Load entry points once (see `load_installed`), and the files of every strategies folder seen so far once each."""
    load_installed(kind)
    if not _trusted.get().own:
        return
    seen_from = os.environ.get(STRATEGIES_VARIABLE), Path.cwd()
    if seen_from in _seen_from:  # asked with every plugin that is built: thousands of times in a run
        return
    folder = strategies_folder()
    if not folder.is_dir():
        return
    _seen_from.add(seen_from)
    if str(folder) not in _loaded:
        _loaded.add(str(folder))
        for path in sorted(folder.glob("*.py")):
            _guarded(str(path), partial(import_file, path))


def import_file(path: Path) -> None:
    """Run one plugin file, so that its decorators register."""
    if path.suffix != ".py":
        raise InputError("not a Python file", where=path)
    try:
        run_file(path, "rook_bench_plugin")
    except RookError:
        raise
    except (Exception, SystemExit) as error:  # the user's file may fail in any way; the report names it
        raise InputError(f"the plugin file fails ({type(error).__name__}: {error})", where=path) from error


def _guarded(where: str, load: Callable[[], object]) -> None:
    """One broken plugin is reported with its place and does not stop the others."""
    try:
        load()
    except (Exception, SystemExit) as error:
        broken[where] = str(error) or type(error).__name__
