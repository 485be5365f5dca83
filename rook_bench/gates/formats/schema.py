"""The JSON Schema of verdict.json."""

from __future__ import annotations

from pathlib import Path

SCHEMA = Path(__file__).with_name("verdict.schema.json")
"""Shipped beside this file; its version is the `schema_version` it describes."""
