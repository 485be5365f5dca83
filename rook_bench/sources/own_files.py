"""The files that a source is made of: what it may read when it is asked again, and what its hash covers."""

from __future__ import annotations

import ast
import os
import sys
import sysconfig
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from rook_bench.core import InputError
from rook_bench.core.hashing import PACKAGE, sha256_file
from rook_bench.plugins import Choice, Plugin


def own_files(choice: Choice) -> list[Path]:
    """The plugin's file, what it imports of its own, what it declares, and the files among its parameters.

    Of a plugin that came with this package its parameters may name folders (an adapter), of others files alone: a
    folder holds whatever somebody puts there later.
    """
    plugin = choice.plugin
    installed = not plugin.in_memory and plugin.file.is_relative_to(PACKAGE)
    given = [path for path in _paths(choice) if path.is_file() or (installed and path.is_dir())]
    return [*([] if plugin.in_memory else [plugin.file, *companions(plugin)]), *given]


def _paths(choice: Choice) -> list[Path]:
    """The parameters that could be paths."""
    values = [value for value in choice.params.values() if isinstance(value, str | Path) and str(value)]
    return [Path(value) for value in values if len(str(value)) < 4096 and "\0" not in str(value)]


def content_hashes(choice: Choice) -> dict[str, str]:
    """SHA-256 of what a user's plugin is made of beside its own file: companions, and files among its parameters."""
    plugin = choice.plugin
    if plugin.in_memory or plugin.file.is_relative_to(PACKAGE):
        return {}
    return companion_hashes(plugin) | {str(path): sha256_file(path) for path in _paths(choice) if path.is_file()}


def companions(plugin: Plugin) -> list[Path]:
    """Files that belong to a user's plugin: modules of its folder that it imports, and what it declares as `files`.

    A declared path is relative to the plugin's file.

    Raises:
        InputError: for a declared file that is not there.
    """
    if plugin.in_memory or plugin.file.is_relative_to(PACKAGE):
        return []
    found = dict.fromkeys(_imported(plugin.file, {plugin.file}))
    for name in plugin.traits.get("files", ()):
        path = (plugin.file.parent / name).resolve()
        if not path.is_file():
            raise InputError("no such file", where=path, hint=f"'{plugin.name}' declares it in files=")
        found[path] = None
    return list(found)


def companion_hashes(plugin: Plugin) -> dict[str, str]:
    """SHA-256 of a plugin's companions, by their path from its folder."""
    folder = plugin.file.parent
    return {
        path.relative_to(folder).as_posix() if path.is_relative_to(folder) else str(path): sha256_file(path)
        for path in companions(plugin)
    }


def imported_by(file: Path) -> list[str]:
    """Names of modules that a Python file imports anywhere in it, with the packages around them; no code runs.

    A name may be of what is in a module. Names that are relative to the file begin with as many dots as they have.
    """
    try:
        return list(_names_in(file.read_bytes()))
    except OSError:
        return []


@lru_cache(maxsize=256)
def _names_in(text: bytes) -> tuple[str, ...]:
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return ()
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module, dots = node.module or "", "." * node.level
            names.add(dots + module)
            names.update(f"{dots}{module}.{alias.name}" if module else f"{dots}{alias.name}" for alias in node.names)
    for name in list(names):
        level = len(name) - len(name.lstrip("."))
        parts = name[level:].split(".")
        names.update(name[:level] + ".".join(parts[:count]) for count in range(1, len(parts)))
    return tuple(sorted(names - {""}))


def _imported(file: Path, seen: set[Path]) -> Iterator[Path]:
    """Modules that a file imports from its folder or from where one's own modules are found, and what these import."""
    own = [file.parent, *_own_roots(tuple(sys.path), str(Path.cwd()))]
    for name in imported_by(file):
        dots = len(name) - len(name.lstrip("."))
        roots = [file.parents[min(dots, len(file.parents)) - 1]] if dots else own
        parts = [part for part in name[dots:].split(".") if part]
        for root in roots:
            place = f"{root}{os.sep}{'/'.join(parts)}" if parts else str(root)
            # As texts: a plugin's names times the folders that are searched are thousands of places.
            for path in (f"{place}.py", f"{place}{os.sep}__init__.py"):
                if os.path.isfile(path) and (found := Path(path).resolve()) not in seen:  # noqa: PTH113
                    seen.add(found)
                    yield found
                    yield from _imported(found, seen)


@lru_cache(maxsize=64)
def _own_roots(searched: tuple[str, ...], here: str) -> tuple[Path, ...]:
    """Folders that modules are found in, but those of the standard library and of installed packages.

    Args:
        searched: sys.path, whose relative entries are those of the folder `here`.
    """
    installed = tuple(
        os.path.realpath(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib", "purelib", "platlib")
    )
    roots = [Path(here, path).resolve() for path in searched]
    return tuple(root for root in roots if not str(root).startswith(installed) and root != PACKAGE.parent)
