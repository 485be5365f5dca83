"""What lies in the folders that are looked into: runs, verdicts, adapters, and what can't be read."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rook_bench.core import InputError
from rook_bench.core.hashing import seal_of
from rook_bench.core.reference import short_name
from rook_bench.core.untrusted import word
from rook_bench.viewer.outside import Absent, read_json

RECORDS = {"run.json": "run", "verdict.json": "verdict", "rook.json": "adapter"}
"""Files that make a folder one that is shown, and as what."""

SKIPPED = frozenset({"node_modules", "__pycache__", "site-packages"})
MOST_FOLDERS = 200_000
LONGEST = 120
AGAIN_S = 2.0
"""Seconds for which what was found is taken to be all there is."""

Digest = Field(pattern=r"^[0-9a-f]{64}$")


class _Facts(BaseModel):
    """Of a record from outside: what is looked at has its type, the rest is not looked at."""

    model_config = ConfigDict(extra="ignore", frozen=True, allow_inf_nan=False)


class Look(_Facts):
    """The look-ahead check of a run."""

    status: str
    detail: str = ""


class Hole(_Facts):
    """A stretch that the tape is missing."""

    to: str


class TapeFacts(_Facts):
    """What a run's record says of its tape."""

    pair: str
    protocol: str = ""
    swaps: int = Field(ge=1)
    first_at: str
    last_at: str
    covered_hours: float | None = None
    holes: tuple[Hole, ...] = ()


class RunFacts(_Facts):
    """What is looked at of run.json."""

    source: str
    label: str = ""
    run_hash: str = Digest
    data_hash: str = Digest
    decisions_hash: str = Digest
    rook_bench: str
    lookahead: Look
    tape_check: TapeFacts
    config: dict[str, Any]
    specs: tuple[dict[str, Any], ...] = ()
    files: dict[str, str]


class Side(_Facts):
    """The candidate or the champion of a verdict."""

    source: str
    name: str = ""
    run_hash: str = ""


class VerdictFacts(_Facts):
    """What is looked at of verdict.json."""

    verdict: str
    judged_at: str
    reasons: tuple[str, ...] = ()
    candidate: Side
    champion: Side | None = None
    policy: dict[str, Any] = {}
    tape: dict[str, Any] = {}
    checks: tuple[dict[str, Any], ...] = ()
    waivers: tuple[dict[str, Any], ...] = ()


class AdapterFacts(_Facts):
    """What is looked at of rook.json."""

    kind: str
    base: dict[str, Any]
    template: dict[str, Any] | str
    training: dict[str, Any] = {}
    learned_from: dict[str, Any] | None = None
    files: dict[str, str] = {}


KINDS: dict[str, type[_Facts]] = {"run": RunFacts, "verdict": VerdictFacts, "adapter": AdapterFacts}
SEALS = {"run": "seal", "verdict": "hash"}


@dataclass(frozen=True)
class Found:
    """One folder that is shown.

    Attributes:
        id: its name in addresses: of its record's hash and its place, and never a path.
        kind: "run", "verdict" or "adapter".
        folder, root: where it lies, and the folder to look into that it was found in.
        facts: what is looked at of its record.
        written_at: when its record was written, seconds since 1970.
        sound: whether the record is as it was written; None where it says nothing of that.
    """

    id: str
    kind: str
    folder: Path
    root: Path
    facts: Any
    written_at: float
    sound: bool | None

    @property
    def file(self) -> Path:
        """Its record."""
        return self.folder / next(name for name, kind in RECORDS.items() if kind == self.kind)

    @property
    def place(self) -> str:
        """The folder below its root."""
        return str(self.folder.relative_to(self.root)) if self.folder != self.root else self.folder.name

    @property
    def name(self) -> str:
        """What a person calls it, one line."""
        if self.kind == "run":
            return word(self.facts.label or short_name(self.facts.source), LONGEST)
        if self.kind == "verdict":
            return word(self.facts.candidate.name or short_name(self.facts.candidate.source), LONGEST)
        return word(self.folder.name, LONGEST)


@dataclass(frozen=True)
class Shelf:
    """All that was found at one time: newest first, and by id."""

    runs: Sequence[Found] = ()
    verdicts: Sequence[Found] = ()
    adapters: Sequence[Found] = ()
    broken: Sequence[tuple[str, str]] = ()
    by_id: dict[str, Found] = field(default_factory=dict)

    def get(self, kind: str, id: str) -> Found:
        """One of them; InputError where there is none of that name."""
        found = self.by_id.get(id)
        if found is None or found.kind != kind:
            raise Absent(f"there is no {kind} of that name", where=id[:40], hint="it may have been replaced")
        return found


class Library:
    """The folders to look into. What was read of a file is kept until the file is another one.

    Args:
        roots: folders; models, trials: of the promotion record and of the trial ledger.
    """

    def __init__(self, roots: Iterable[Path], *, models: Path, trials: Path) -> None:
        self.roots = tuple(dict.fromkeys(Path(root).resolve() for root in roots))
        self.models, self.trials = models, trials
        self._kept: dict[Path, tuple[tuple[int, int, int], Found | str]] = {}
        self._shelf, self._looked_at, self._lock = Shelf(), -1e9, threading.Lock()

    def look(self, *, now: Callable[[], float] = time.monotonic) -> Shelf:
        """What there is; folders are walked again after a while."""
        with self._lock:
            if now() - self._looked_at > AGAIN_S:
                self._shelf, self._looked_at = self._walk(), now()
            return self._shelf

    def _walk(self) -> Shelf:
        found: dict[str, list[Found]] = {"run": [], "verdict": [], "adapter": []}
        broken: list[tuple[str, str]] = []
        kept = {}
        for root in self.roots:
            for path, kind in _records(root, broken):
                try:
                    status = os.lstat(path)
                except OSError:  # a folder is being replaced
                    continue
                stamp = (status.st_mtime_ns, status.st_size, status.st_ino)
                before = self._kept.get(path)
                kept[path] = before if before is not None and before[0] == stamp else (stamp, _read(path, kind, root))
                known = kept[path][1]
                if isinstance(known, Found):
                    found[kind].append(known)
                else:
                    broken.append((str(path), known))
        self._kept = kept
        for several in found.values():
            several.sort(key=lambda each: (-each.written_at, each.place))
        by_id = {each.id: each for several in found.values() for each in several}
        return Shelf(found["run"], found["verdict"], found["adapter"], tuple(broken), by_id)


def _records(root: Path, broken: list[tuple[str, str]]) -> Iterator[tuple[Path, str]]:
    """Files that may be records below a root, no link followed; what was left out is told."""
    count = 0
    for folder, below, files in os.walk(root, followlinks=False):
        count += 1
        if count > MOST_FOLDERS:
            broken.append((str(root), f"more than {MOST_FOLDERS:,} folders: those beyond are not looked into"))
            return
        below[:] = sorted(name for name in below if not name.startswith(".") and name not in SKIPPED)
        for name, kind in RECORDS.items():
            path = Path(folder, name)
            if name not in files:
                continue
            if path.is_symlink():
                broken.append((str(path), "a link, which is not followed"))
            else:
                yield path, kind


def _read(path: Path, kind: str, root: Path) -> Found | str:
    """The folder as it is shown, or why it can't be."""
    try:
        record = read_json(path, root)
        facts = KINDS[kind].model_validate(record)
        status = os.lstat(path)
    except ValidationError as error:
        first = error.errors()[0]
        return word(f"{'.'.join(map(str, first['loc']))}: {first['msg'].lower()}", LONGEST)
    except InputError as error:
        return word(error.what, LONGEST)
    except OSError:
        return "it is being replaced"
    seal = SEALS.get(kind)
    try:
        sound = None if seal is None else record.get(seal) == seal_of(record, seal)
    except (ValueError, RecursionError):  # a number that JSON can hold and no float
        return "it holds a number that is none"
    named = (kind, record.get("run_hash") or record.get("hash") or "", path.parent.relative_to(root), root.name)
    id = sha256("\0".join(map(str, named)).encode(errors="replace")).hexdigest()[:16]
    return Found(id, kind, path.parent, root, facts, status.st_mtime, sound)
