"""Answers by prompt, kept on disk while a long run decides, so that an interrupted one goes on."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any


class AnswerStore:
    """Prompt to JSON value, for one model, engine and way of asking; safe under kills and other writers.

    A store that can't be opened or written keeps answers in memory: it costs time, not correctness.
    """

    def __init__(self, path: Path) -> None:
        self._known: dict[str, Any] = {}
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file: sqlite3.Connection | None = sqlite3.connect(path, timeout=5)
            with self._file:
                self._file.execute("CREATE TABLE IF NOT EXISTS answers (prompt TEXT PRIMARY KEY, value TEXT NOT NULL)")
            for prompt, value in self._file.execute("SELECT prompt, value FROM answers"):
                self._known[prompt] = json.loads(value)
        except (sqlite3.Error, OSError, ValueError):
            self._file, self._known = None, {}

    def __getitem__(self, prompt: str) -> Any:
        return self._known[prompt]

    def get(self, prompt: str) -> Any:
        """The answer to a prompt, None where there is none."""
        return self._known.get(prompt)

    def missing(self, prompts: Iterable[str]) -> list[str]:
        """The different prompts without an answer, in order."""
        return [prompt for prompt in dict.fromkeys(prompts) if prompt not in self._known]

    def forget(self, prompts: Iterable[str]) -> None:
        """Drop the answers of these prompts, so that they are asked again."""
        for prompt in prompts:
            self._known.pop(prompt, None)

    def add(self, answers: Mapping[str, Any]) -> None:
        """Keep answers."""
        self._known.update(answers)
        if self._file is None:
            return
        try:
            with self._file:
                rows = [(prompt, json.dumps(value)) for prompt, value in answers.items()]
                self._file.executemany("INSERT OR REPLACE INTO answers VALUES (?, ?)", rows)
        except sqlite3.Error:
            self._file = None
