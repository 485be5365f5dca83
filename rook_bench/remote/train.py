"""`train`, elsewhere: the same call starts a job, goes on with it, or brings its adapter home."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rich.console import Console

from rook_bench.core import ConfigError, InputError, RookError
from rook_bench.core.console import err, remark
from rook_bench.core.files import check_replaceable, whole_file
from rook_bench.core.hashing import sha256_file
from rook_bench.core.untrusted import word
from rook_bench.remote.attach import WAITS_S, Watch, order_text, send_package
from rook_bench.remote.box import Box
from rook_bench.remote.home import bring_home, copy_returned, fetch_files
from rook_bench.remote.jobs import JobFolder, JobRecord, remote_folder
from rook_bench.remote.package import Call, JobManifest, plan_package, unpack_package, write_package
from rook_bench.remote.ssh import ConnectionLost, NotLetIn, Ssh
from rook_bench.training import TrainSettings
from rook_bench.training.fit import Trained
from rook_bench.training.inputs import check_inputs
from rook_bench.workbench.fine_tune import record_choice, settings_of_training

MAX_HOURS = 24.0
"""Hard limit of a run where nobody gives another: what runs has an end time."""


PATIENCE_S = {"host": 12 * 3600.0, "rented": 1200.0}
"""Seconds without any connection after which a box is given up: one of your own comes back, a rented one costs."""


@dataclass(frozen=True)
class Terms:
    """How a job is to run.

    Attributes:
        max_hours: hard limit of the run.
        python: an interpreter on the box that has all that training needs, in place of an environment of ours.
        cpu: leave graphics cards alone.
        secrets: names of environment variables whose values the training needs (HF_TOKEN).
    """

    max_hours: float = MAX_HOURS
    python: str | None = None
    cpu: bool = False
    secrets: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not 0 < self.max_hours <= 24 * 30:
            raise ConfigError(f"{self.max_hours:g} hours", where="--max-hours", hint="give more than 0, at most 720")
        missing = [name for name in self.secrets if not os.environ.get(name)]
        if missing:
            raise InputError("no such environment variable", where=missing[0], hint="set it, or leave --secret away")

    def order(self, *, extend: bool) -> dict[str, Any]:
        """What the runner is told."""
        return {
            "max_seconds": self.max_hours * 3600,
            "extend": extend,
            "python": self.python,
            "cpu": self.cpu,
            "secrets": {name: os.environ[name] for name in self.secrets},
        }


@dataclass
class Job:
    """A job on its way.

    Attributes:
        folder: what is kept of it here; manifest: of its package.
        say: hears what happens; console: where progress bars go.
    """

    folder: JobFolder
    manifest: JobManifest
    say: Callable[[str], None] = remark
    console: Console = field(default_factory=lambda: err)

    @classmethod
    def of(cls, package: Path, say: Callable[[str], None] = remark) -> Job:
        """The job of a package, which is unpacked and checked first."""
        aside = remote_folder() / "jobs" / f".{os.getpid()}"
        try:
            manifest = unpack_package(package, aside)
            folder = JobFolder(manifest.job)
            folder.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            if not folder.unpacked.exists():
                aside.rename(folder.unpacked)
            with whole_file(folder.package) as copy:
                shutil.copyfile(package, copy)
        finally:
            shutil.rmtree(aside, ignore_errors=True)
        return cls(folder, manifest, say)

    def run(
        self, ssh: Ssh, terms: Terms, output: Path, trials: Path | None, *, provider: str = "host", boot_s: float = 0.0
    ) -> Trained:
        """Start it on a box or go on with it, watch it to its end, and bring its adapter home.

        Args:
            ssh: the way to the box; terms: how the job is to run.
            output, trials: where the adapter goes, and the trial ledger.
            provider: who the box is from; boot_s: seconds that it may still take to let us in.

        Raises:
            InputError: where the box, or what it sends, is not what it should be; where training failed there.
        """
        check_replaceable(output)
        with self.folder.attached():
            record = self._record(ssh, terms, output, trials, provider)
            box = Box(ssh, terms.python)
            self.say(f"job {self.folder.job} on {ssh.host}: {describe_box(_ready(box, boot_s))}")
            status = box.ask("status", self.folder.job)
            if status.get("stage") != "done":
                sha256 = sha256_file(self.folder.package)
                self.patiently(lambda: send_package(box, self.folder.job, self.folder.package, sha256, self.console))
                self.patiently(lambda: self.begin(box, terms))
            return self.finish(box, terms, record)

    def begin(self, box: Box, terms: Terms) -> None:
        """Start the run, or find it running."""
        status = box.ask("start", self.folder.job, send=order_text(terms.order(extend=True)))
        self.say(("started" if status.get("begun") is True else "it is running") + until(status.get("deadline")))

    def finish(self, box: Box, terms: Terms, record: JobRecord) -> Trained:
        """Watch it to its end and bring its adapter home."""
        patience_s = PATIENCE_S["host" if record.provider == "host" else "rented"]
        order = terms.order(extend=False)
        watch = Watch(box, self.folder.job, order, self.folder.log, self.say, self.console, patience_s)
        try:
            # This puts the runner there, where another version started the job.
            self.patiently(lambda: box.ask("status", self.folder.job))
            status = watch.to_end()
        except KeyboardInterrupt:
            if record.provider == "host":
                self.say(f"the job goes on at {record.host}; rook-bench remote attach {self.folder.job}, or end")
            raise
        if status.get("stage") != "done":
            raise failed(status, record)
        return self.fetch(box, record)

    def fetch(self, box: Box, record: JobRecord) -> Trained:
        """Bring the adapter home."""
        self.patiently(lambda: fetch_files(box, self.folder.job, self.manifest, self.folder.returned))
        self.folder.keep(record.model_copy(update={"fetched": True}))  # from here on no box is needed for it
        try:
            return self._home(self.folder.returned, Path(record.output_dir), record.trials)
        except RookError:
            self.folder.keep(record)
            shutil.rmtree(self.folder.returned, ignore_errors=True)
            raise

    def patiently(self, step: Callable[[], object]) -> None:
        """Do a step that may be done again where the connection breaks, some times."""
        for wait_s in (*WAITS_S, None):
            try:
                step()
            except ConnectionLost as lost:
                if wait_s is None:
                    raise
                self.say(f"{lost}: trying again")
                time.sleep(wait_s)
            else:
                return

    def came_before(self, output: Path, trials: Path | None) -> Trained | None:
        """The adapter, where it came home before: put in its place from the copy that is kept here, without any box."""
        record = self.folder.record()
        if record is None or not record.fetched or not self.folder.returned.is_dir():
            return None
        self.say(f"job {self.folder.job} came home before: it is taken from the copy that is kept here")
        return self._home(self.folder.returned, output, None if trials is None else str(trials))

    def receive(self, came: Path, output: Path, trials: Path | None) -> Trained:
        """Take what a run of the package left in a folder, however it came here; the same is checked of it.

        Raises:
            InputError: where it is not what training could have made of the package.
        """
        copy_returned(self.manifest, came, self.folder.returned)
        return self._home(self.folder.returned, output, None if trials is None else str(trials))

    def _home(self, came: Path, output: Path, trials: str | None) -> Trained:
        done = bring_home(self.folder.unpacked, self.manifest, came, output, self.say)
        record_choice(done, trials)
        return done

    def _record(self, ssh: Ssh, terms: Terms, output: Path, trials: Path | None, provider: str) -> JobRecord:
        before = self.folder.record()
        mine = (
            before is not None and before.provider == provider == "host"
        )  # what is rented has another address each time
        if before is not None and mine and before.host != ssh.host and not before.fetched:
            hint = f"go on there, or end it with rook-bench remote end {self.folder.job}"
            raise InputError(f"this job was started on {before.host}", where=ssh.host, hint=hint)
        paths = {name: _absolute(getattr(ssh, name)) for name in ("config", "identity", "known_hosts")}
        record = JobRecord(
            job=self.folder.job,
            provider=provider,
            host=ssh.host,
            alias=ssh.alias,
            python=terms.python,
            cpu=terms.cpu,
            max_seconds=terms.max_hours * 3600,
            output_dir=str(output.resolve()),
            trials=_absolute(trials),
            **paths,
        )
        self.folder.keep(record)
        return record


def _ready(box: Box, boot_s: float) -> dict[str, Any]:
    """What a box is, as soon as it lets us in."""
    limit = time.monotonic() + boot_s
    while True:
        try:
            return box.ready()
        except (ConnectionLost, NotLetIn):  # a machine that boots knows our key some seconds after it has its address
            if time.monotonic() >= limit:
                raise
            time.sleep(2)


def failed(status: dict[str, Any], record: JobRecord) -> InputError:
    """Why a job did not end well, in one line."""
    stage = word(str(status.get("stage")), 20)
    message = word(str(status.get("message") or "no word about why"), 300)
    hint = f"rook-bench remote logs {record.job} has all of it; the same command tries again"
    if stage == "out of time":
        hint = "its checkpoints are kept: the same command with more --max-hours goes on"
        if record.provider != "host":
            hint = "give more --max-hours: what a rented machine had kept ended with it"
    return InputError(f"{stage}: {message}", where=f"job {record.job}", hint=hint)


def train_on(
    host: str,
    data_dir: str | Path,
    output_dir: str | Path,
    config: TrainSettings | str | Path | None = None,
    *,
    stage: str = "sft",
    rewards: str | Path | None = None,
    drafts: str | Path | None = None,
    parent: str | Path | None = None,
    max_hours: float = MAX_HOURS,
    python: str | None = None,
    cpu: bool = False,
    secrets: Sequence[str] = (),
    ssh_config: str | Path | None = None,
    identity: str | Path | None = None,
    trials: str | Path | None = None,
    say: Callable[[str], None] = remark,
    **settings: Any,
) -> Trained:
    """Train on a box of your own; the same call starts the job, goes on with it, or fetches its adapter.

    Args:
        host: any name that ssh knows: user@box, or a host of its configuration.
        data_dir, output_dir, config, stage, rewards, drafts, parent, trials, say: as for `train`.
        max_hours: hard limit of the run there.
        python: an interpreter there that has all that training needs, in place of an environment of ours.
        cpu: leave graphics cards alone.
        secrets: names of environment variables whose values the training needs there.
        ssh_config, identity: ssh's configuration and private key, in place of the user's own.
        settings: keys of `TrainSettings` that overrule `config`.

    Raises:
        InputError, ConfigError: for what `train` refuses, for a box that can't be used, for a run that failed there,
            and for an adapter that is not what its record says.
    """
    ssh = Ssh(host, _path(ssh_config), _path(identity))
    terms = Terms(max_hours, python, cpu, tuple(secrets))
    inputs = {"rewards": rewards, "drafts": drafts, "from": parent}
    chosen = settings_of_training(config, stage, inputs, settings)
    call = Call(Path(data_dir), chosen, stage, _path(rewards), _path(drafts), _path(parent))
    job = job_of(call, say)
    return job.came_before(Path(output_dir), _path(trials)) or job.run(ssh, terms, Path(output_dir), _path(trials))


def _path(path: str | Path | None) -> Path | None:
    return None if path is None else Path(path)


def make_package(call: Call, out: Path) -> JobManifest:
    """Write the package of a call of `train`, after checking that its inputs belong together.

    Raises:
        InputError, ConfigError: where they don't, and where a file holds a secret.
    """
    check_inputs(call.data_dir, call.settings, rewards=call.rewards, drafts=call.drafts, parent=call.parent)
    with TemporaryDirectory(prefix="rook-bench-") as aside:
        manifest, files = plan_package(call, Path(aside))
        write_package(manifest, files, out)
    return manifest


def job_of(call: Call, say: Callable[[str], None] = remark) -> Job:
    """The job of a call of `train`."""
    with TemporaryDirectory(prefix="rook-bench-") as aside:
        package = Path(aside) / "package.tar.gz"
        make_package(call, package)
        return Job.of(package, say)


def describe_box(found: dict[str, Any]) -> str:
    """A box in a line, as far as what it says of itself can be read."""
    version = found.get("python")
    python = ".".join(str(part) for part in version[:2]) if isinstance(version, list) else "?"
    parts = [f"Python {word(python, 10)}", f"{word(str(found.get('cores')), 5)} cores"]
    for name, what in (("memory", "memory"), ("disk_free", "disk free")):
        size = found.get(name)
        if isinstance(size, int) and 0 <= size < 2**60:
            parts.append(f"{size / 2**30:.0f} GiB {what}")
    cards = found.get("cards")
    known = [card for card in cards if isinstance(card, dict)] if isinstance(cards, list) else []
    if known:
        name, driver = (word(str(known[0].get(fact)), 40) for fact in ("name", "driver"))
        parts.append(f"{len(known)} x {name} (driver {driver})")
    else:
        parts.append("no graphics card")
    return ", ".join(parts)


def until(deadline: object) -> str:
    """When a job must have ended, as a box says it; empty where it says nothing that can be read."""
    if not isinstance(deadline, (int, float)) or not 0 < deadline < 2**34:
        return ""
    return f", until {time.strftime('%Y-%m-%d %H:%M %Z', time.localtime(deadline))} at the latest"


def _absolute(path: Path | None) -> str | None:
    return None if path is None else str(path.resolve())
