"""The JSON Schema of verdict.json, and reading one back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rook_bench.core import InputError
from rook_bench.core.hashing import sha256_json
from rook_bench.gates.verdict import SCHEMA_VERSION

SCHEMA = Path(__file__).with_name("verdict.schema.json")
"""Shipped beside this file; its version is the `schema_version` it describes."""


def read_verdict(path: str | Path) -> dict[str, Any]:
    """The content of a verdict.json; InputError where it is missing, of another version, or was changed."""
    path = Path(path)
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError("no such verdict", where=path, hint="make one with rook-bench gate") from None
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise InputError(f"not a readable verdict ({' '.join(str(error).split())})", where=path) from None
    if not isinstance(record, dict) or record.get("schema_version") != SCHEMA_VERSION:
        found = record.get("schema_version") if isinstance(record, dict) else None
        raise InputError(f"verdict of version {found}, this is {SCHEMA_VERSION}", where=path, hint="run the gate again")
    if sha256_json({key: value for key, value in record.items() if key != "hash"}) != record.get("hash"):
        raise InputError("the verdict was changed after it was written", where=path, hint="run the gate again")
    return record
