"""SHA-256 of files, JSON values and the project's own code."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).resolve().parent.parent
SHIPPED = "shipped"
"""Folder of a wheel for what lies in a checkout's other folders: it is no code of the package."""

COMPILED = ("execution", "replay", "tapecheck")
"""Rooms with compiled code; a change in any of them makes all of it stale."""

DECIDING = ("core", "dataset", "endpoint", "execution", "language", "market", "sources")
"""Rooms whose code may change what a source decides on the same tape."""

TRAINING = ("core", "dataset", "execution", "ingest", "language", "market", "replay", "rewards", "training")
"""Rooms whose code may change what training gives on the same folder."""


def sha256_file(path: str | Path) -> str:
    """Hex SHA-256 of a file's bytes."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_json(value: Any) -> str:
    """Hex SHA-256 of a JSON value in its canonical form (sorted keys, no spaces)."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def seal_of(record: Mapping[str, Any], key: str = "hash") -> str:
    """Hex SHA-256 of everything in a record but `key`."""
    return sha256_json({name: value for name, value in record.items() if name != key})


def sealed(record: Mapping[str, Any], key: str = "hash") -> dict[str, Any]:
    """The record with its seal under `key`, last: an edited record is noticed when it is read."""
    return {**{name: value for name, value in record.items() if name != key}, key: seal_of(record, key)}


@cache
def sha256_code(*folders: str) -> str:
    """Hex SHA-256 over the package's Python files under `folders` (all of them when none is given)."""
    roots = [PACKAGE / folder for folder in folders] or [PACKAGE]
    digest = hashlib.sha256()
    for path in sorted(file for root in roots for file in root.rglob("*.py")):
        if path.is_relative_to(PACKAGE / SHIPPED):
            continue
        digest.update(path.relative_to(PACKAGE).as_posix().encode() + b"\0")
        digest.update(path.read_bytes() + b"\0")
    return digest.hexdigest()
