"""`rook-bench doctor`: what is installed, what a model is, what a data folder holds."""

from __future__ import annotations

from rook_bench.cli.lazy import group_of, verbs_of

VERBS = verbs_of(
    ("machine", "facts:machine", "Versions, cores, device, and which engines can run."),
    ("model", "facts:model", "An adapter: base, template, shape, hashes, a decision."),
    ("data", "facts:data", "A prepared folder: shapes, splits, labels, misfits."),
)

app = group_of(VERBS, "Facts about this machine, a model or a data folder; names what is wrong.")
