"""Pieces of a sweep that were computed, kept until it is finished: what is interrupted goes on where it stood."""

from __future__ import annotations

import contextlib
import time
import zipfile
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from rook_bench.core import InputError
from rook_bench.core.cache_folder import cache_folder
from rook_bench.core.files import whole_file
from rook_bench.core.hashing import sha256_code, sha256_json
from rook_bench.plugins import risk_filter, sizer
from rook_bench.sources.own_files import content_hashes
from rook_bench.sweeps.replays import Decisions, Measured
from rook_bench.sweeps.settings import Asked

FORGOTTEN_S = 30 * 86_400
"""Age from which on pieces of a sweep that nobody went on with are removed."""


def piece_key(data_hash: str, decisions: Sequence[Decisions], piece: Sequence[Asked]) -> str:
    """The name under which a piece is kept: a change in tape, decisions, configuration, plugins or code changes it."""
    written: dict[str, list[Any]] = {}
    for asked in piece:
        risk = asked.config.replay().risk
        if (text := risk.model_dump_json()) not in written:
            chosen = [sizer.choose(risk.sizer), *(risk_filter.choose(reference) for reference in risk.filters)]
            written[text] = [[choice.spec().to_json(), content_hashes(choice)] for choice in chosen]
    told = [
        {
            "risk": written[asked.config.replay().risk.model_dump_json()],
            "decisions": decisions[asked.source].content_hash,
            "spec": decisions[asked.source].spec.to_json(),
            "content": decisions[asked.source].content,
            "config": asked.config.model_dump(mode="json"),
        }
        for asked in piece
    ]
    return sha256_json({"data": data_hash, "points": told, "code": sha256_code()})


class Kept:
    """The folder of pieces."""

    def __init__(self) -> None:
        self.folder = cache_folder() / "sweeps"
        self._mine: set[Path] = set()
        with contextlib.suppress(OSError):
            for path in self.folder.glob("*.npz"):
                if time.time() - path.stat().st_mtime > FORGOTTEN_S:
                    path.unlink(missing_ok=True)

    def read(self, key: str) -> Measured | None:
        """A piece that was kept; None where there is none, or it is damaged."""
        path = self._path(key)
        try:
            with np.load(path, allow_pickle=False) as file:
                columns: dict[str, Any] = {
                    one.name: file[one.name] for one in fields(Measured) if one.name != "returns"
                }
                parts = np.split(file["returns"], np.cumsum(file["lengths"])[:-1])
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)
            return None
        self._mine.add(path)
        return Measured(**columns, returns=parts)

    def write(self, key: str, piece: Measured) -> None:
        """Keep a piece; a cache that can't be written costs time, not correctness."""
        columns = {one.name: getattr(piece, one.name) for one in fields(Measured) if one.name != "returns"}
        lengths = np.array([len(each) for each in piece.returns], dtype=np.int64)
        path = self._path(key)
        with contextlib.suppress(OSError, InputError), whole_file(path) as aside, open(aside, "wb") as file:
            np.savez(file, **columns, returns=np.concatenate(piece.returns), lengths=lengths)
        self._mine.add(path)

    def forget(self) -> None:
        """Remove the pieces that were read or written here: the sweep is finished."""
        for path in self._mine:
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}.npz"
