"""Trials without replays, for tests of the ledger as a file."""

import io
from dataclasses import replace

import numpy as np

from rook_bench.trials import TrialLedger
from rook_bench.trials.trial import Trial

POOL = {"chain": "ethereum", "address": "0x88e6", "pair": "WETH/USDC"}


def a_trial(source):
    """A trial of a candidate on one day's tape; what tells two apart is their source."""
    return Trial(
        kind="gate", role="candidate", source=source, source_hash="", run_hash=f"run of {source}",
        decisions_hash=f"decisions of {source}", config_hash="config", data_hash="data", pool=POOL,
        first_at="2024-01-05T00:00:00.000000000Z", last_at="2024-01-06T00:00:00.000000000Z", bucket_s=300, n=3,
        returns=None, returns_undefined_because=None, lookahead="clean",
    )  # fmt: skip


def record(ledger, *sources):
    """Put trials of these sources on record, each with returns of its own; the last entry."""
    for source in sources:
        buffer = io.BytesIO()
        np.save(buffer, np.array([len(source), sum(map(ord, source)), 1.0]))
        trial = replace(a_trial(source), returns=ledger.keep_file(buffer.getvalue()))
        entry = ledger.chain.append(trial.to_json())
    return entry


def sources(ledger):
    """Of all trials, in order."""
    return [trial.source for trial in ledger.trials()]


def ledger_at(folder):
    """A ledger in a folder."""
    return TrialLedger(folder)
