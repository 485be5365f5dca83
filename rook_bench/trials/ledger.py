"""The trial ledger on disk: a hash-chained file of trials, and their returns beside it."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rook_bench.core import InputError
from rook_bench.core.files import whole_file
from rook_bench.core.hash_chain import Chain
from rook_bench.core.project import trials_folder
from rook_bench.market.frame import SwapFrame
from rook_bench.metrics import Analysis, Clock
from rook_bench.trials.questions import Looks, Panel, distinct, looks_at
from rook_bench.trials.trial import Kind, Trial, pool_of, span_of, trial_of

RESTORE = "restore it from a copy: a ledger with gaps counts too few tries"


class TrialLedger:
    """Every evaluation of every candidate. Processes may record at once, and may be killed.

    Args:
        folder: holds trials.jsonl and returns/; by default what ROOK_BENCH_TRIALS names, else
            the project's (see `core.project.trials_folder`). It is made by the first record.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = Path(folder or trials_folder())
        self.chain = Chain(self.folder / "trials.jsonl")

    @property
    def head(self) -> str:
        """The hash of the last entry; "" before the first."""
        return self.chain.head

    def record(self, analyses: Sequence[Analysis], kind: Kind, *, benchmarks: Collection[str] = ()) -> list[Trial]:
        """Add one entry per evaluation, in order; each is on disk before the next one begins.

        Args:
            analyses: what was evaluated.
            kind: the verb that did it.
            benchmarks: run hashes of what the tool added by itself; they don't count as tries.
        """
        recorded = []
        for analysis in analyses:
            run_hash = analysis.run.run_hash
            trial, returns = trial_of(analysis, kind, "benchmark" if run_hash in benchmarks else "candidate")
            if returns is not None:
                # The file comes first: an entry never names returns that are not there.
                buffer = io.BytesIO()
                np.save(buffer, returns.astype("<f8"), allow_pickle=False)
                trial = replace(trial, returns=self.keep_returns(buffer.getvalue()))
            recorded.append(Trial.from_entry(self.chain.append(trial.to_json()), where=self.chain.path))
        return recorded

    def trials(self, upto: str | None = None) -> list[Trial]:
        """Every trial, in order; with `upto`, those there were when that was the head."""
        return [Trial.from_entry(entry, where=self.chain.path) for entry in self.chain.upto(upto)]

    def returns_of(self, trial: Trial) -> NDArray[np.float64] | None:
        """Net log returns of a trial, shape (n,), checked against their hash; None where they are undefined."""
        if trial.returns is None:
            return None
        path = self.returns_file(trial.returns)
        try:
            content = path.read_bytes()
        except OSError:
            raise InputError(f"the returns of trial {trial.seq} are missing", where=path, hint=RESTORE) from None
        if hashlib.sha256(content).hexdigest() != trial.returns:
            raise InputError(f"the returns of trial {trial.seq} were changed", where=path, hint=RESTORE)
        returns: NDArray[np.float64] = np.load(io.BytesIO(content), allow_pickle=False)
        return returns

    def looks(self, tape: SwapFrame | Analysis, upto: str | None = None) -> Looks:
        """How often candidates were looked at on this tape's market and time."""
        frame = tape if isinstance(tape, SwapFrame) else tape.run.frame
        return looks_at(self.trials(upto), pool_of(frame), *span_of(frame), frame.data_hash)

    def against(self, frame: SwapFrame, clock: Clock, upto: str | None = None) -> Panel:
        """The different candidates tried on exactly this tape and clock, with their returns side by side.

        Args:
            frame, clock: the tape and how returns are sampled.
            upto: look at the ledger as it was when this was the head.
        """
        found = distinct(self.trials(upto), frame.data_hash, clock.bucket_s)
        pairs = [(trial, returns) for trial in found if (returns := self.returns_of(trial)) is not None]
        count = max((trial.n for trial, _ in pairs), default=0)
        for trial, returns in pairs:
            if len(returns) != count:
                what = f"trial {trial.seq} has {len(returns)} returns where {count} are expected"
                raise InputError(what, where=self.chain.path, hint="the clock samples this tape in another way now")
        matrix = np.column_stack([returns for _, returns in pairs]) if pairs else np.empty((count, 0))
        return Panel([trial for trial, _ in pairs], matrix)

    def verify(self) -> list[str]:
        """What is wrong: lines that are not as they were written, returns that are missing or changed.

        A last line that its writer did not finish is nothing wrong: the next writer drops it.
        """
        problems = [f"{self.chain.path}: {problem}" for problem in self.chain.verify() if problem.kind == "broken"]
        if problems:
            return problems
        found = []
        for entry in self.chain.entries():
            try:
                self.returns_of(Trial.from_entry(entry, where=self.chain.path))
            except InputError as error:
                found.append(f"{error.where}: {error.what}")
        return found

    def keep_returns(self, content: bytes) -> str:
        """Put a file of returns into the ledger; its SHA-256, which is its name."""
        digest = hashlib.sha256(content).hexdigest()
        path = self.returns_file(digest)
        if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != digest:
            with whole_file(path) as aside, open(aside, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        return digest

    def returns_file(self, digest: str) -> Path:
        """Where the file of returns with that SHA-256 lies."""
        return self.folder / "returns" / f"{digest}.npy"
