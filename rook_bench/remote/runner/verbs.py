"""Verbs of the runner; every one but `collect` answers in JSON on standard output.

probe | list
have JOB | receive JOB SIZE SHA256 | start JOB | status JOB | follow JOB OFFSET | end JOB | collect JOB NAME...
remove JOB
"""

from __future__ import annotations

import json
import os
import sys

from .job import Job, Trouble, tell
from .machine import probe
from .package import have, receive
from .run import end, remove, start
from .serve import collect, follow, jobs


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
