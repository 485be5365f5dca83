"""Verbs of the runner; every one but `collect` answers in JSON on standard output.

probe | list
have JOB | receive JOB SIZE SHA256 | start JOB | status JOB | follow JOB OFFSET | end JOB | collect JOB NAME...
remove JOB
run PACKAGE OUT [--max-hours H] [--cpu] [--python PATH]
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

from .job import Job, Trouble, tell
from .machine import probe
from .package import have, receive
from .run import end, remove, run_here, start
from .serve import collect, follow, jobs


def _run(words: list[str]) -> int:
    """`run`: here, now, in the foreground."""
    parser = argparse.ArgumentParser(prog="runner.pyz run")
    parser.add_argument("package", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--max-hours", type=float, default=24.0)
    parser.add_argument("--cpu", action="store_true")
    parser.add_argument("--python")
    given = parser.parse_args(words)
    order = {"max_seconds": given.max_hours * 3600, "cpu": given.cpu, "python": given.python}
    return run_here(given.package.expanduser().resolve(), order, given.out.expanduser().resolve())


def main(arguments: list[str]) -> None:
    """Carry out one verb."""
    os.umask(0o077)
    verb, rest = arguments[0], arguments[1:]
    try:
        if verb == "probe":
            tell(probe())
            return
        if verb == "list":
            tell(jobs())
            return
        if verb == "run":
            sys.exit(_run(rest))
        job = Job(rest[0])
        if verb == "follow":
            follow(job, int(rest[1]))
        elif verb == "collect":
            collect(job, rest[1:])
        elif verb == "have":
            tell(have(job))
        elif verb == "receive":
            tell(receive(job, int(rest[1]), rest[2]))
        elif verb == "start":
            tell(start(job, json.loads(sys.stdin.read())))
        elif verb == "status":
            tell(job.status())
        elif verb == "end":
            tell(end(job))
        elif verb == "remove":
            tell(remove(job))
        else:
            raise Trouble(f"not a verb: {verb[:40]}")
    except Trouble as trouble:
        tell({"trouble": str(trouble)})
