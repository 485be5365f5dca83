"""The verdict in the forms that other tools read; all are made from what verdict.json holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rook_bench.core.files import write_json, write_text
from rook_bench.gates.formats.junit import to_junit
from rook_bench.gates.formats.model_card import to_model_card
from rook_bench.gates.formats.sarif import to_sarif
from rook_bench.gates.formats.schema import SCHEMA
from rook_bench.gates.formats.summary import to_summary

FILES = ("verdict.json", "junit.xml", "summary.md", "verdict.sarif", "model_card.md")


def write_verdict(record: dict[str, Any], folder: Path) -> None:
    """Write verdict.json and its other forms into a folder."""
    write_json(folder / "verdict.json", record)
    write_text(folder / "junit.xml", to_junit(record))
    write_text(folder / "summary.md", to_summary(record))
    write_json(folder / "verdict.sarif", to_sarif(record))
    write_text(folder / "model_card.md", to_model_card(record))


__all__ = [
    "FILES",
    "SCHEMA",
    "to_junit",
    "to_model_card",
    "to_sarif",
    "to_summary",
    "write_verdict",
]
