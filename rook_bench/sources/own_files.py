"""The files that a source is made of: what it may read when it is asked again, and what its hash covers."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from rook_bench.core import InputError
from rook_bench.core.hashing import PACKAGE, sha256_file
from rook_bench.plugins import Choice, Plugin


def own_files(choice: Choice) -> list[Path]:
    """The plugin's file, what it imports from its own folder, what it declares, and the paths among its parameters."""
    plugin = choice.plugin
    given = [Path(value) for value in choice.params.values() if isinstance(value, str | Path)]
    beside = [] if plugin.in_memory else [plugin.file, *companions(plugin)]
    return [*beside, *(path for path in given if str(path) and path.exists())]


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
    """Names of modules that a Python file imports anywhere in it; no code runs. A name may be of what is in one."""
    try:
        tree = ast.parse(file.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError):
        return []
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            names.add(module)
            names.update(f"{module}.{alias.name}".strip(".") for alias in node.names)
    return sorted(names - {""})


def _imported(file: Path, seen: set[Path]) -> Iterator[Path]:
    """Modules of a file's folder that it imports, and those that these import."""
    for name in imported_by(file):
        place = file.parent.joinpath(*name.split("."))
        for path in (place.with_suffix(".py"), place / "__init__.py"):
            if path.is_file() and path.resolve() not in seen:
                seen.add(path.resolve())
                yield path.resolve()
                yield from _imported(path.resolve(), seen)
