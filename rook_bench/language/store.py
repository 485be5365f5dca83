"""Answers by prompt, kept on disk while a long run decides, so that an interrupted one goes on."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rook_bench.core import InputError

ASKED = 500
"""Prompts that are looked up at once; SQLite takes a thousand."""


class AnswerStore:
    """Prompt to JSON value, for one model, engine and way of asking; safe under kills and other writers.

    What is looked up is read from the file: memory does not grow with what was ever answered. A store that can't be
    opened or written keeps answers in memory: it costs time, not correctness.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._held, self._writes = path, dict[str, Any](), True
        self._file: sqlite3.Connection | None = None
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # Whoever asks may be a thread of its own; SQLite lets one in at a time.
            self._file = sqlite3.connect(path, timeout=5, check_same_thread=False)
            # A kill loses nothing; a power cut may lose the last answers, which are asked for again. Nobody waits for a
            # disk: on a busy one that took three quarters of a second, for a model that answers in a fortieth.
            self._file.execute("PRAGMA journal_mode = WAL")
            self._file.execute("PRAGMA synchronous = NORMAL")
            with self._file:
                self._file.execute("CREATE TABLE IF NOT EXISTS answers (prompt TEXT PRIMARY KEY, value TEXT NOT NULL)")
            self._read([""])
        except (sqlite3.Error, OSError):
            self._file = None

    def __getitem__(self, prompt: str) -> Any:
        told = self.known([prompt])
        if prompt not in told:
            raise InputError("an answer that was given is gone", where=self._path, hint="is the disk all right?")
        return told[prompt]

    def get(self, prompt: str) -> Any:
        """The answer to a prompt, None where there is none."""
        return self.known([prompt]).get(prompt)

    def known(self, prompts: Iterable[str]) -> dict[str, Any]:
        """The answers to those of these prompts that have one."""
        wanted = list(dict.fromkeys(prompts))
        found = {prompt: self._held[prompt] for prompt in wanted if prompt in self._held}
        others = [prompt for prompt in wanted if prompt not in found] if found else wanted
        for start in range(0, len(others), ASKED):
            found |= self._read(others[start : start + ASKED])
        return found

    def _read(self, prompts: list[str]) -> dict[str, Any]:
        if self._file is None:
            return {}
        places = ",".join("?" * len(prompts))
        try:
            rows = self._file.execute(f"SELECT prompt, value FROM answers WHERE prompt IN ({places})", prompts)
            return {prompt: json.loads(value) for prompt, value in rows}
        except (sqlite3.Error, ValueError):
            self._file = None  # damaged: what it holds is asked again
            return {}

    def missing(self, prompts: Iterable[str]) -> list[str]:
        """The different prompts without an answer, in order."""
        wanted = dict.fromkeys(prompts)
        found = self.known(wanted)
        return [prompt for prompt in wanted if prompt not in found]

    def forget(self, prompts: Iterable[str]) -> None:
        """Drop the answers of these prompts, so that they are asked again."""
        prompts = list(prompts)
        for prompt in prompts:
            self._held.pop(prompt, None)
        if not self._write("DELETE FROM answers WHERE prompt = ?", [(prompt,) for prompt in prompts]):
            self._file = None  # else they would be answered from there

    def add(self, answers: Mapping[str, Any]) -> None:
        """Keep answers."""
        rows = [(prompt, json.dumps(value)) for prompt, value in answers.items()]
        if not self._write("INSERT OR REPLACE INTO answers VALUES (?, ?)", rows):
            self._held.update(answers)

    def _write(self, command: str, rows: Sequence[tuple[str, ...]]) -> bool:
        """Whether the file took it; after one time that it didn't, nothing more is written."""
        if self._file is None or not self._writes:
            return False
        try:
            with self._file:
                self._file.executemany(command, rows)
        except sqlite3.Error:
            self._writes = False
        return self._writes
