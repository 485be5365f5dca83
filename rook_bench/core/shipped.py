"""What comes with the package and goes by name: rule configs, policies, settings, the sample, a base model.

In a checkout the files lie where people look for them (strategies/, data/, models/base/); a wheel has them
under rook_bench/shipped/, put there when it is built (setup.py).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rook_bench.core.errors import InputError, suggest
from rook_bench.core.hashing import PACKAGE, SHIPPED
from rook_bench.core.project import project_folder

KindName = Literal["rules", "policy", "config", "training", "tape", "base"]


@dataclass(frozen=True)
class Kind:
    """Files of one purpose.

    Attributes:
        word: what a message calls one.
        folder: where a project keeps its own.
        endings: of a project's own files; "" where the name is the whole name.
        files: what is shipped, by name: paths below the checkout's top, or below rook_bench/shipped.
    """

    word: str
    folder: str
    endings: tuple[str, ...]
    files: dict[str, str]


_CONFIG = (".toml", ".json", ".yaml", ".yml")

KINDS: dict[KindName, Kind] = {
    "rules": Kind("rule config", "strategies", _CONFIG, {"data_driven": "strategies/data_driven.json"}),
    "policy": Kind(
        "policy",
        "strategies",
        _CONFIG,
        {
            "rook-promotion": "strategies/gate.toml",
            "first-champion": "strategies/first_champion.toml",
            "production": "strategies/production.toml",
        },
    ),
    "config": Kind(
        "configuration",
        "strategies",
        _CONFIG,
        {
            "bench": "strategies/bench.toml",
            "rook-eth-usdc": "strategies/rook_eth_usdc.yaml",
            "in-dollars": "strategies/in_dollars.toml",
        },
    ),
    "training": Kind("training configuration", "strategies", _CONFIG, {"rook-tiny": "strategies/rook_tiny.json"}),
    "tape": Kind("tape", "data", (".parquet",), {"sample": "data/sample.parquet"}),
    "base": Kind("base model", "models/base", ("",), {"rook-tiny": "models/base/rook-tiny"}),
}

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
"""What can only be a name: no folder, no ending."""


def shipped(kind: KindName, name: str) -> Path | None:
    """The shipped file or folder of that name, None where there is none."""
    relative, root = KINDS[kind].files.get(name), _root()
    path = None if relative is None or root is None else root / relative
    return path if path is not None and path.exists() else None


def shipped_file(name: str) -> Path | None:
    """A file that ships under its own name at the top, such as the locked requirements; None where it did not."""
    root = _root()
    path = None if root is None else root / name
    return path if path is not None and path.is_file() else None


def by_name(kind: KindName, name: str) -> Path | None:
    """The project's own file or folder of that name, else the shipped one, else None."""
    if name.startswith((".", "~")) or Path(name).is_absolute() or ".." in Path(name).parts:
        return None
    own = (project_folder() or Path.cwd()) / KINDS[kind].folder
    candidates = (own / f"{name}{ending}" for ending in KINDS[kind].endings)
    return next((path for path in candidates if path.exists()), None) or shipped(kind, name)


def find(kind: KindName, reference: str | Path) -> Path:
    """The path that a reference means: a path that exists, else what goes by that name.

    Returns:
        The reference itself where it is a path that leads nowhere, for its reader to say so.

    Raises:
        InputError: for a name that is not known, with the near one.
    """
    path, name = Path(reference), str(reference)
    if path.exists():
        return path
    found = by_name(kind, name)
    if found is None and _NAME.fullmatch(name):
        what = f"no such file, and no {KINDS[kind].word} of that name is known"
        raise InputError(what, where=name, hint=near(kind, name))
    return found or path


def near(kind: KindName, name: str) -> str:
    """A hint: the near name among those shipped, the project's own and the working folder's, or what is shipped."""
    own = (project_folder() or Path.cwd()) / KINDS[kind].folder
    names = {path.stem if path.suffix in KINDS[kind].endings else path.name for path in _entries(own)}
    hint = suggest(name, {*KINDS[kind].files, *names, *(path.name for path in _entries(Path.cwd()))})
    return hint if hint.startswith("did you mean") else suggest(name, KINDS[kind].files)


def _entries(folder: Path) -> list[Path]:
    return list(folder.iterdir()) if folder.is_dir() else []


def _root() -> Path | None:
    """The folder that shipped paths lie below: of the installed package, else of the checkout."""
    if (PACKAGE / SHIPPED).is_dir():
        return PACKAGE / SHIPPED
    return PACKAGE.parent if (PACKAGE.parent / "pyproject.toml").is_file() else None
