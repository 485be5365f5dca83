"""The JSON Schema of verdict.json."""

from __future__ import annotations

from pathlib import Path

SCHEMA_VERSION = 2

SCHEMA = Path(__file__).with_name("verdict.schema.json")
"""Shipped beside this file; it describes that version."""
