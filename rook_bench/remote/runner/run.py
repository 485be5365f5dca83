"""The run: begun, or gone on with, in a process of its own that outlives who asked for it."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import Any

from .job import ADAPTER, ENDED, POLL_S, Job, Trouble
from .machine import cards
from .package import name_of, unpack
from .processes import GRACE_S, Stopped, carry_out, say, sweep
from .setup import environment

TRAIN = "from rook_bench.cli.main import main; main()"


def start(job: Job, order: dict[str, Any]) -> dict[str, Any]:
    """Begin, or go on.

    Args:
        order: max_seconds, the hard limit from now on; extend, whether a limit set earlier gives way to it; python, an
            interpreter in place of an environment of ours; cpu, to leave graphics cards alone; secrets, environment
            variables of the training alone, which are written nowhere.
    """
    if not job.package.is_file():
        raise Trouble("the package of this job is not here")
    held = job.hold()
    if held is None:
        return {**job.status(), "begun": False}
    with held:
        state, now = job.state(), time.time()
        deadline = state.get("deadline")
        if deadline is None or order.get("extend"):
            deadline = now + float(order["max_seconds"])
        if state["stage"] == "done" or now >= deadline:
            return {**job.status(), "alive": False, "begun": False}
        job.note(stage="starting", started=state.get("started") or now, deadline=deadline, message=None, exit=None)
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                _work(job, order, deadline)
            os._exit(0)
        os.wait()
    return {**job.status(), "begun": True}  # the worker's copy of the lock goes on holding it


def _work(job: Job, order: dict[str, Any], deadline: float) -> None:
    """What the process does that outlives who asked for it; it never returns."""
    try:
        _detach(job)
        sweep(job)
        _train(job, order, deadline)
    except Stopped:
        pass
    except Trouble as trouble:
        _failed(job, str(trouble))
    except BaseException as error:  # whatever it is, it is told, and the log says where
        traceback.print_exc()
        sys.stderr.flush()
        _failed(job, repr(error)[:300])
    os._exit(0)


def run_here(package: Path, order: dict[str, Any], out: Path) -> int:
    """Run a package in this very process and put the adapter into a folder; the exit code.

    For machines that others start and end: a batch system, a container. What is kept between two calls in the runner's
    own folder is gone on with.
    """
    job = Job(name_of(package))
    held = job.hold()
    if held is None:
        raise Trouble("the job is running")
    with held:
        shutil.copyfile(str(package), str(job.package))
        deadline = time.time() + float(order["max_seconds"])
        job.note(stage="starting", started=time.time(), deadline=deadline, message=None, exit=None)
        try:
            _train(job, order, deadline)
        except Stopped:
            pass
        except Trouble as trouble:
            _failed(job, str(trouble))
        if job.state()["stage"] != "done":
            return 1
        shutil.copytree(str(job.work / ADAPTER), str(out), dirs_exist_ok=True)
    return 0


def _failed(job: Job, message: str) -> None:
    say(message)
    job.note(stage="failed", message=message, ended=time.time())


def _detach(job: Job) -> None:
    """No terminal, no pipe of the one who asked; what is said goes to the log."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    log = os.open(str(job.log), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for number, to in ((0, nothing), (1, log), (2, log)):
        os.dup2(to, number)
    for signal_ in (signal.SIGHUP, signal.SIGINT):
        signal.signal(signal_, signal.SIG_IGN)


def _train(job: Job, order: dict[str, Any], deadline: float) -> None:
    job.note(runner=os.getpid())
    manifest = unpack(job)
    found = [] if order.get("cpu") else cards()
    if order.get("python"):
        python = str(order["python"])
    else:
        job.note(stage="set-up")
        python = str(environment(job, found, deadline))
    env = {**os.environ, **order.get("secrets", {}), "PYTHONPATH": str(job.folder / "code"), "PYTHONUNBUFFERED": "1"}
    env.pop("PYTHONHOME", None)
    if order.get("cpu"):
        env["CUDA_VISIBLE_DEVICES"] = ""
    begin = ["-c", TRAIN]
    if len(found) > 1:
        begin = ["-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", str(len(found))]
        begin += ["-m", "rook_bench"]
    job.note(stage="training")
    code = carry_out(job, [python, *begin, *manifest["command"]], deadline, cwd=str(job.work), env=env)
    if code == 0 and (job.work / ADAPTER / "rook.json").is_file():
        job.note(stage="done", exit=0, ended=time.time())
    else:
        message = f"training ended with exit code {code}: {job.last_line()}"
        job.note(stage="failed", exit=code, message=message, ended=time.time())


def end(job: Job) -> dict[str, Any]:
    """End a job, whatever it is doing; one that has ended stays as it is."""
    limit = time.monotonic() + 2 * GRACE_S + 5
    asked = False
    while job.alive() and time.monotonic() < limit:
        runner = job.state().get("runner")
        if runner and not asked:
            with contextlib.suppress(OSError):
                os.kill(int(runner), signal.SIGTERM)
            asked = True
        time.sleep(POLL_S)
    if not job.alive() and job.folder.is_dir():
        sweep(job)
        if job.state()["stage"] not in ENDED:
            job.note(stage="ended", message="ended on request", ended=time.time())
    return job.status()


def remove(job: Job) -> dict[str, Any]:
    """Delete all that is kept of a job; environments stay."""
    held = job.hold()
    if held is None:
        raise Trouble("the job is running: end it first")
    with held:
        shutil.rmtree(str(job.folder), ignore_errors=True)
    return {"removed": job.name}
