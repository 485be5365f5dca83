"""drafts.jsonl, a line for each draft, and the record beside it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from rook_bench.core import InputError
from rook_bench.core.config import Config, read_json_record
from rook_bench.core.files import near_file, whole_file, write_json
from rook_bench.core.hashing import sha256_file
from rook_bench.drafts.row import DraftRow, Form
from rook_bench.language.draft import Draft
from rook_bench.language.manifest import LearnedFrom

SPLITS = ("train", "validation")
"""Splits that have drafts. Those of the test split are never written."""


class DraftsRecord(Config):
    """The record beside the drafts, `NAME.json` of `NAME.jsonl`.

    Attributes:
        form: how the file is written; only "prompt-completion" is read back.
        template: SHA-256 of the prompt; draft: the grammar.
        teacher: who wrote them, and what more is known of it; rules: thresholds behind the verdicts.
        splits: data hash of each split, with how many rows were asked about and how many drafts were kept.
        refused: why drafts were not kept, and how many each.
        learned_from: rows behind the drafts.
        file: SHA-256 of the drafts.
    """

    version: Literal[1] = 1
    form: Form
    template: str
    draft: Draft
    teacher: dict[str, Any]
    rules: dict[str, Any]
    splits: dict[str, dict[str, Any]]
    refused: dict[str, int] = Field(default_factory=dict)
    learned_from: LearnedFrom
    file: str = ""

    @property
    def kept(self) -> float:
        """Share of the rows asked about whose draft was kept."""
        asked = sum(split["asked"] for split in self.splits.values())
        return sum(split["kept"] for split in self.splits.values()) / asked if asked else 0.0


def record_path(path: Path) -> Path:
    """Where the record of a file of drafts lies."""
    return path.with_suffix(".json")


def check_place(path: Path) -> None:
    """InputError where the record's place is taken by something else, which writing would replace."""
    beside = record_path(path)
    if beside.exists():
        try:
            _read_record(path)
        except InputError:
            what = "something else lies where the record of the drafts goes"
            raise InputError(what, where=beside, hint="give --out another name") from None


def write_drafts(rows: Iterable[DraftRow], record: DraftsRecord, path: Path) -> DraftsRecord:
    """Write the drafts, then their record, each whole."""
    with whole_file(path) as aside:
        with aside.open("w", encoding="utf-8") as file:
            for row in rows:
                file.writelines(json.dumps(line, ensure_ascii=False) + "\n" for line in row.lines(record.form))
        record = record.model_copy(update={"file": sha256_file(aside)})
    write_json(record_path(path), record.model_dump(mode="json"))
    return record


def read_drafts(path: str | Path) -> tuple[DraftsRecord, dict[str, dict[int, tuple[int, ...]]]]:
    """The record, and the levels of each draft by split and row.

    Raises:
        InputError: where there is no such file, it is not the one that was written, or not of a form to train on.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError("no such file of drafts", where=path, hint=near_file(path))
    record = _read_record(path)
    if record.form != "prompt-completion":
        raise InputError(f"drafts in the form {record.form} are for other trainers", where=path, hint="leave --format")
    if sha256_file(path) != record.file:
        raise InputError("not the drafts that were written (the hash differs)", where=path, hint="make them again")
    drafts: dict[str, dict[int, tuple[int, ...]]] = {name: {} for name in SPLITS}
    with path.open(encoding="utf-8") as file:
        for line in file:
            found = json.loads(line)
            drafts[found["split"]][found["row"]] = tuple(step["level"] for step in found["steps"])
    return record, drafts


def _read_record(path: Path) -> DraftsRecord:
    beside = record_path(path)
    if not beside.is_file():
        hint = "keep it beside the drafts, or make them again with rook-bench teach"
        raise InputError("its record is not here", where=beside, hint=hint)
    return read_json_record(
        DraftsRecord, beside, "the record of the drafts", "make the drafts again with rook-bench teach"
    )
