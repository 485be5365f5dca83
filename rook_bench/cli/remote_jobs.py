"""`rook-bench remote attach`, `status`, `logs`, `fetch`, `end` and `list`: jobs that were started."""

from __future__ import annotations

import time
from typing import Annotated, Any

import typer

from rook_bench.cli.options import Json
from rook_bench.cli.train import summary
from rook_bench.core import InputError
from rook_bench.core.config import read_json_record
from rook_bench.core.console import remark, say, say_json
from rook_bench.core.untrusted import shown, word
from rook_bench.remote.box import Box
from rook_bench.remote.jobs import JobFolder, JobRecord, all_jobs, find_job
from rook_bench.remote.package import MANIFEST, JobManifest
from rook_bench.remote.rent.guard import end_all, hearing_hang_ups, looked_after
from rook_bench.remote.rent.lease import leases
from rook_bench.remote.rent.providers import provider_of
from rook_bench.remote.runner.job import ENDED
from rook_bench.remote.ssh import ConnectionLost
from rook_bench.remote.train import Job, Terms, until

JobName = Annotated[
    str, typer.Argument(metavar="[JOB]", help="Its name, or the beginning of it; the latest one by default.")
]


def attach(
    job: JobName = "",
    secret: Annotated[
        list[str] | None,
        typer.Option("--secret", metavar="NAME", help="As for remote train, in case the job must be begun again."),
    ] = None,
) -> None:
    """Watch a job to its end and fetch its adapter; a rented machine ends then."""
    folder, record = find_job(job)
    terms = Terms(record.max_seconds / 3600, record.python, record.cpu, tuple(secret or ()))
    with folder.attached(), looked_after(record, remark) as ssh:
        for line in summary(_job(folder).finish(Box(ssh, record.python), terms, record)):
            say(line)


def fetch(job: JobName = "") -> None:
    """Bring the adapter of a job that is done home, checked: validation is scored again here."""
    folder, record = find_job(job)
    with folder.attached():
        status = _box(record).ask("status", record.job)
        if status.get("stage") != "done":
            what = f"the job is not done: {word(str(status.get('stage')), 20)}"
            raise InputError(what, where=record.job, hint=f"watch it with rook-bench remote attach {record.job}")
        with looked_after(record, remark) as ssh:
            for line in summary(_job(folder).fetch(Box(ssh, record.python), record)):
                say(line)


def status(job: JobName = "", json: Json = False) -> None:
    """How a job stands."""
    _, record = find_job(job)
    told = _box(record).ask("status", record.job)
    if json:
        say_json(told)
        return
    say(f"job {record.job} on {record.host}: {_standing(told)}")
    say(f"adapter: {record.output_dir}{' (fetched)' if record.fetched else ''}")


def logs(job: JobName = "") -> None:
    """What a job said so far."""
    folder, record = find_job(job)
    kept = folder.log.read_bytes() if folder.log.is_file() else b""
    try:
        text = kept + b"".join(_rest(_box(record), record.job, len(kept)))
    except ConnectionLost as lost:
        remark(f"{lost}: this is what was heard before")
        text = kept
    for line in text.decode("utf-8", "replace").replace("\r", "\n").splitlines():
        say(shown(line))


def end(
    job: JobName = "",
    remove: Annotated[bool, typer.Option("--remove", help="Also delete what is kept of it there.")] = False,
) -> None:
    """End a job, whatever it is doing, and the machine that was rented for it; else what training kept stays there."""
    _, record = find_job(job)
    box = _box(record)
    with hearing_hang_ups():
        try:
            say(f"job {record.job} on {record.host}: {_standing(box.ask('end', record.job))}")
            if remove:
                box.ask("remove", record.job)
                say("nothing of it is kept there any more")
        finally:
            for lease in leases():
                if lease.job == record.job:
                    end_all(provider_of(lease.provider), lease)
                    say(f"ended: {lease.name}")


def list_(json: Json = False) -> None:
    """The jobs that were started from here, the latest last, and the machines that are rented."""
    records = [record for job in all_jobs() if (record := JobFolder(job).record()) is not None]
    rented = leases()
    if json:
        shown_ = {"jobs": [one.model_dump(mode="json") for one in records]}
        say_json(shown_ | {"leases": [one.model_dump(mode="json") for one in rented]})
        return
    if not records:
        say("no job was started from here")
    for record in records:
        say(f"{record.job}  {record.host}  {'fetched' if record.fetched else 'not fetched'}  {record.output_dir}")
    for lease in rented:
        until = time.strftime("%Y-%m-%d %H:%M %Z", time.localtime(lease.end_at))
        say(f"rented: {lease.name} from {lease.provider}, {lease.usd_per_hour or '?'} USD an hour, until {until}")


def _box(record: JobRecord) -> Box:
    return Box(record.ssh, record.python)


def _job(folder: JobFolder) -> Job:
    path = folder.unpacked / MANIFEST
    manifest = read_json_record(JobManifest, path, "the manifest of the job", "start the job again")
    return Job(folder, manifest, remark)


def _rest(box: Box, job: str, at: int) -> list[bytes]:
    """What the log of a job holds from a byte on, as it is now."""
    told = box.ask("status", job)
    pieces: list[bytes] = []
    size = told.get("log")
    if not isinstance(size, int) or size <= at:
        return pieces
    for line in box.follow(job, at, 60):
        if isinstance(line.get("log"), str):
            pieces.append(line["log"].encode("latin-1", "replace"))
        if sum(map(len, pieces)) >= size - at:
            break
    return pieces


def _standing(told: dict[str, Any]) -> str:
    stage = word(str(told.get("stage")), 20)
    parts = [stage]
    step = told.get("progress")
    if isinstance(step, dict) and stage not in ("done",):
        parts.append(f"step {word(str(step.get('step')), 12)} of {word(str(step.get('of')), 12)}")
    if told.get("alive") is not True and stage not in (*ENDED, "waiting"):
        parts.append("its runner is gone: attach begins it again")
    if told.get("message"):
        parts.append(word(str(told["message"]), 200))
    return ", ".join(parts) + (until(told.get("deadline")) if stage not in ENDED else "")
