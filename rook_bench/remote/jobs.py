"""What is kept here of every job: its package, where it runs, what was said, what came back."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import platformdirs
from filelock import FileLock, Timeout

from rook_bench.core import InputError, UnknownName
from rook_bench.core.config import Config, read_json_record
from rook_bench.core.files import write_json
from rook_bench.remote.ssh import Ssh

VARIABLE = "ROOK_BENCH_REMOTE"
RECORD = "record.json"


def remote_folder() -> Path:
    """Where jobs and leases are kept: what ROOK_BENCH_REMOTE names, else the user's state folder."""
    named = os.environ.get(VARIABLE)
    folder = Path(named) if named else Path(platformdirs.user_state_dir("rook-bench")) / "remote"
    return folder.resolve()  # whoever else looks there does so from another folder


class JobRecord(Config):
    """Where a job runs and where its adapter goes.

    Attributes:
        job: its name.
        provider: who the box is from; lease: of a rented one.
        host, config, identity, known_hosts, alias: the way to it (see `Ssh`).
        python, cpu: an interpreter there in place of an environment of ours; whether graphics cards are left alone.
        max_seconds: hard limit of the run.
        output_dir, trials: where the adapter goes, and the trial ledger; absolute.
        fetched: whether the adapter is in its place.
    """

    version: Literal[1] = 1
    job: str
    provider: str = "host"
    lease: str | None = None
    host: str
    config: str | None = None
    identity: str | None = None
    known_hosts: str | None = None
    alias: str | None = None
    python: str | None = None
    cpu: bool = False
    max_seconds: float
    output_dir: str
    trials: str | None = None
    fetched: bool = False

    @property
    def ssh(self) -> Ssh:
        """The way to the box."""
        config, identity, known_hosts = (
            None if path is None else Path(path) for path in (self.config, self.identity, self.known_hosts)
        )
        return Ssh(self.host, config, identity, known_hosts, self.alias)


class JobFolder:
    """What is kept here of a job."""

    def __init__(self, job: str) -> None:
        self.job = job
        self.folder = remote_folder() / "jobs" / job
        self.package = self.folder / "package.tar.gz"
        self.log = self.folder / "log"
        self.returned = self.folder / "returned"
        self.unpacked = self.folder / "unpacked"

    def record(self) -> JobRecord | None:
        """Where it runs; None of a job that was never started."""
        path = self.folder / RECORD
        if not path.is_file():
            return None
        return read_json_record(JobRecord, path, "the record of the job", "start the job again")

    def keep(self, record: JobRecord) -> None:
        """Write the record, whole."""
        write_json(self.folder / RECORD, record.model_dump(mode="json"))

    @contextmanager
    def attached(self) -> Iterator[None]:
        """Be the one who looks after the job.

        Raises:
            InputError: where somebody is.
        """
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            with FileLock(str(self.folder / "attached.lock"), timeout=0):
                yield
        except Timeout:
            hint = "watch it there, or end that one first (Ctrl-C leaves a job on your own box running)"
            raise InputError("another rook-bench is attached to this job", where=self.job, hint=hint) from None


def find_job(name: str) -> tuple[JobFolder, JobRecord]:
    """The job that a name, or the beginning of one, means; the latest one for no name.

    Raises:
        UnknownName, InputError: where it means none, or several.
    """
    known = [job for job in all_jobs() if job.startswith(name)]
    if not name:
        known = known[-1:]
    if len(known) > 1 and name not in known:
        raise InputError(f"'{name}' begins the names of {len(known)} jobs", where="JOB", hint="give more of it")
    if not known and not name:
        raise InputError("no job was started from here", hint="start one with rook-bench remote train")
    if not known:
        raise UnknownName("job", name, all_jobs(), where="JOB")
    folder = JobFolder(known[0])
    record = folder.record()
    assert record is not None
    return folder, record


def all_jobs() -> list[str]:
    """Names of the jobs that were started from here, the latest last."""
    records = sorted(remote_folder().glob(f"jobs/*/{RECORD}"), key=lambda path: path.stat().st_mtime)
    return [path.parent.name for path in records]
