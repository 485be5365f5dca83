"""`rook-bench data`: bring swaps in and make them ready."""

from __future__ import annotations

from rook_bench.cli.lazy import group_of, verbs_of

VERBS = verbs_of(
    ("import", "importing:import_", "Logs of any recognised layout to one exact tape."),
    ("fetch", "fetch:fetch", "Pull a pool's log from a node into a tape."),
    ("check", "importing:check", "How far a log can be trusted."),
    ("simulate", "simulate:simulate", "Make a tape that obeys exact pool arithmetic."),
    ("prepare", "prepare:prepare", "Features, conditions, labels and splits to train on."),
)

app = group_of(VERBS, "Bring swaps in, check them, simulate them, prepare them for training.")
