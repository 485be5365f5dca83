"""A lease: what is written down before a machine is asked for, so that whoever comes later finds and ends it."""

from __future__ import annotations

import json
import os
import re
import secrets
import string
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from filelock import FileLock, Timeout
from pydantic import Field

from rook_bench.core import InputError
from rook_bench.core.config import Config, read_json_record
from rook_bench.core.console import warn
from rook_bench.remote.jobs import remote_folder

PREFIX = "rook-bench-"
"""What the names of all that we rent begin with."""

_NAME = re.compile(rf"{PREFIX}[0-9a-f]{{8}}-[a-z0-9]{{10}}-(\d{{10}})")


class Lease(Config):
    """One machine.

    Attributes:
        name: of everything that is billed for it; it tells the job and when it must have ended.
        provider: who rents it out.
        job: what for.
        end_at: when it must have ended, seconds since 1970, whatever happens.
        keep_until: until when it is left running if nobody looks after it; None to end it then.
        state: "intended" before it is asked for, "rented", "ended".
        user, address: of the machine, once it has one.
        usd_per_hour: price at the time.
    """

    version: Literal[1] = 1
    name: str
    provider: str
    job: str
    end_at: float
    keep_until: float | None = None
    state: Literal["intended", "rented", "ended"] = "intended"
    user: str | None = None
    address: str | None = None
    usd_per_hour: str = Field(default="")

    @classmethod
    def intend(cls, provider: str, job: str, hours: float, keep_hours: float | None, price: str) -> Lease:
        """A lease that is on disk before anything is asked for."""
        now = time.time()
        end_at = now + hours * 3600
        drawn = "".join(secrets.choice(string.ascii_lowercase + string.digits) for _ in range(10))
        lease = cls(
            name=f"{PREFIX}{job[:8]}-{drawn}-{int(end_at):010d}",
            provider=provider,
            job=job,
            end_at=end_at,
            keep_until=None if keep_hours is None else min(end_at, now + keep_hours * 3600),
            usd_per_hour=price,
        )
        lease.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return lease.kept()

    @property
    def folder(self) -> Path:
        """What is kept of it here: the lease, its keys."""
        return lease_folder() / self.name

    def kept(self, **changes: object) -> Lease:
        """The lease with changes, on disk before this returns."""
        lease = self.model_copy(update=changes)
        path = self.folder / "lease.json"
        aside = path.with_suffix(f".{os.getpid()}")
        with aside.open("w", encoding="utf-8") as file:
            json.dump(lease.model_dump(mode="json"), file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
        folder = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        return lease

    @contextmanager
    def held(self) -> Iterator[bool]:
        """Be the one who looks after it; False where somebody is."""
        lock = FileLock(str(self.folder / "held.lock"))
        try:
            lock.acquire(timeout=0)
        except Timeout:
            yield False
            return
        try:
            yield True
        finally:
            lock.release()


def lease_folder() -> Path:
    """Where leases are kept."""
    return remote_folder() / "leases"


def read_lease(path: Path) -> Lease:
    """A lease from its file."""
    return read_json_record(Lease, path, "the lease", "look at the provider's console")


def leases(*, ended: bool = False) -> list[Lease]:
    """The leases that are written down here, without those that ended."""
    found: list[Lease] = []
    for path in sorted(lease_folder().glob("*/lease.json")):
        try:
            found.append(read_lease(path))
        except InputError as error:  # of another version, or damaged: the others are looked after nevertheless
            warn(f"warning: {error}")
    return [lease for lease in found if ended or lease.state != "ended"]


def end_of(name: str) -> float | None:
    """When what has this name must have ended; None of a name that isn't ours."""
    match = _NAME.fullmatch(name)
    return None if match is None else float(match[1])
