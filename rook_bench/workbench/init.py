"""A new project: a folder that works as it is, written whole or not at all, over nobody's files."""

from __future__ import annotations

import os
import tempfile
from importlib.metadata import version
from pathlib import Path

from rook_bench.core import InputError
from rook_bench.core.shipped import KindName, shipped

TEMPLATES = Path(__file__).parent / "project"
DOT = "dot-"
"""How the name of a template begins that is hidden in a project."""

SHIPPED: dict[str, tuple[KindName, str]] = {
    "rook-bench.toml": ("config", "bench"),
    "strategies/rules.json": ("rules", "data_driven"),
    "strategies/gate.toml": ("policy", "rook-promotion"),
}
"""Files of a project that come from what is shipped; a template of that name is their head."""


def project_files() -> dict[str, str]:
    """The text of every file of a new project, by its path."""
    found = {}
    for path in sorted(TEMPLATES.rglob("*")):
        if path.is_file() and path.suffix != ".pyc":
            parts = path.relative_to(TEMPLATES).parts
            name = "/".join(f".{part.removeprefix(DOT)}" if part.startswith(DOT) else part for part in parts)
            found[name] = path.read_text(encoding="utf-8").replace("ROOK_BENCH_VERSION", version("rook-bench"))
    for name, (kind, what) in SHIPPED.items():
        source = shipped(kind, what)
        if source is None:
            raise InputError(f"{what}, which comes with rook-bench, is missing", where="init", hint="install it again")
        found[name] = found.get(name, "") + source.read_text(encoding="utf-8")
    return found


def make_project(folder: str | Path) -> list[str]:
    """Write a new project into a folder, which may exist and hold other files; returns the paths written in it.

    Raises:
        InputError: where one of the files is there already, or can't be written. Then nothing was written.
    """
    folder, files = Path(folder), project_files()
    taken = [name for name in files if not _is_free(folder, name)]
    if taken:
        others = f", as {'is' if len(taken) == 2 else 'are'} {len(taken) - 1} more" if len(taken) > 1 else ""
        hint = "nothing was written: choose another folder, or move it away"
        raise InputError(f"{taken[0]} is there already{others}", where=folder, hint=hint)
    try:
        if folder.exists():
            _write_into(folder, files)
        else:
            _write_new(folder, files)
    except OSError as error:
        raise InputError(f"can't be written ({error.strerror})", where=error.filename or folder) from None
    return sorted(files)


def _is_free(folder: Path, name: str) -> bool:
    """Whether a file of that name can be made: nothing stands there, and no file where a folder must be."""
    path = folder / name
    parents = [folder, *(folder / part for part in reversed(Path(name).parents))]
    return not os.path.lexists(path) and all(part.is_dir() or not part.exists() for part in parents)


def _write_new(folder: Path, files: dict[str, str]) -> None:
    """Aside, then renamed: the folder appears whole."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as aside:
        made = Path(aside) / "project"
        made.mkdir()
        _write_into(made, files)
        made.rename(folder)


def _write_into(folder: Path, files: dict[str, str]) -> None:
    """One by one, each only where nothing is; what was made is taken away again if one can't be."""
    made: list[Path] = []
    try:
        for name, text in files.items():
            path = folder / name
            for parent in reversed([part for part in path.parents if not part.exists()]):
                parent.mkdir()
                made.append(parent)
            with open(path, "x", encoding="utf-8", newline="\n") as file:
                made.append(path)
                file.write(text)
    except BaseException:
        for path in reversed(made):
            path.rmdir() if path.is_dir() else path.unlink()
        raise
