"""`rook-bench remote`: training on another machine."""

from __future__ import annotations

from rook_bench.cli.lazy import group_of, verbs_of

VERBS = verbs_of(
    ("train", "remote_train:train", "Train on a box; the same command goes on, or fetches."),
    ("attach", "remote_jobs:attach", "Watch a job to its end and fetch its adapter."),
    ("status", "remote_jobs:status", "How a job stands."),
    ("logs", "remote_jobs:logs", "What a job said so far."),
    ("fetch", "remote_jobs:fetch", "Bring the adapter of a job that is done home."),
    ("end", "remote_jobs:end", "End a job."),
    ("list", "remote_jobs:list_", "The jobs that were started from here."),
    ("reap", "remote_reap:reap", "End rented machines that nobody looks after."),
    ("package", "remote_train:package", "Write what would be sent to a file."),
    ("receive", "remote_train:receive", "Check an adapter that came back by other ways."),
)

app = group_of(VERBS, "Train on another machine: your own, or a rented one that ends when it should.")
