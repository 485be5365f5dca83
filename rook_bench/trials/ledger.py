"""The trial ledger on disk: a hash-chained file of trials, and their returns beside it."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rook_bench.core import InputError
from rook_bench.core.files import whole_file
from rook_bench.core.hash_chain import Chain
from rook_bench.core.project import trials_folder
from rook_bench.market.frame import SwapFrame
from rook_bench.market.row_sketch import RowSketch
from rook_bench.trials.questions import Looks, Panel, distinct, looks_at, on_stretch
from rook_bench.trials.trial import Kind, Trial, log_returns, pool_of, span_of, trial_of

if TYPE_CHECKING:
    from rook_bench.metrics import Analysis, Clock

BLOCK = 4_000_000
"""Returns (of all columns together) from which on a file of a sweep's points is full: 32 MB."""

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
        self._read: dict[str, NDArray[np.float64]] = {}

    @property
    def head(self) -> str:
        """The hash of the last entry; "" before the first."""
        return self.chain.head

    def record(
        self,
        analyses: Sequence[Analysis],
        kind: Kind,
        *,
        benchmarks: Collection[str] = (),
        champion: Analysis | None = None,
    ) -> list[Trial]:
        """Add one entry per evaluation, in order; each is on disk before the next one begins.

        Args:
            analyses: what was evaluated.
            kind: the verb that did it.
            benchmarks: run hashes of what the tool added by itself; they don't count as tries.
            champion: what the first of them is judged against: the difference is kept too.
        """
        recorded = []
        for number, analysis in enumerate(analyses):
            run_hash = analysis.run.run_hash
            trial, returns = trial_of(analysis, kind, "benchmark" if run_hash in benchmarks else "candidate")
            # The files come first: an entry never names what is not there.
            trial = replace(trial, rows=self.keep_file(RowSketch.of(analysis.run.frame).to_bytes()))
            if returns is not None:
                trial = replace(trial, returns=self.keep_file(_array(returns)))
            if champion is not None and number == 0 and champion.run is not analysis.run:
                trial = replace(trial, champion=champion.run.run_hash)
                theirs = log_returns(champion)[0]
                if returns is not None and theirs is not None and len(theirs) == len(returns):
                    trial = replace(trial, paired=self.keep_file(_array(returns - theirs)))
            recorded.append(Trial.from_entry(self.chain.append(trial.to_json()), where=self.chain.path))
        return recorded

    def record_points(self, trials: Sequence[Trial], returns: Iterable[NDArray[np.float64]], rows: RowSketch) -> int:
        """Add the points of a sweep, all at once, before anybody is shown what they gave.

        Args:
            trials: one for each point, on the same tape.
            returns: net log returns of each, shape (n,), in the same order; of those whose are undefined none are kept.
            rows: of the tape.

        Returns:
            How many were recorded.
        """
        sketch = self.keep_file(rows.to_bytes())
        recorded: list[Trial] = []
        block: list[tuple[Trial, NDArray[np.float64]]] = []

        def keep() -> None:
            if block:
                digest = self.keep_file(_array(np.column_stack([column for _, column in block])))
                placed = enumerate(trial for trial, _ in block)
                recorded.extend(replace(trial, returns=digest, column=place, rows=sketch) for place, trial in placed)
                block.clear()

        for trial, column in zip(trials, returns, strict=True):
            if block and (len(block[0][1]) != len(column) or sum(len(each) for _, each in block) >= BLOCK):
                keep()
            if trial.returns_undefined_because is None:
                block.append((trial, column))
            else:
                recorded.append(replace(trial, rows=sketch))
        keep()
        return len(self.chain.append_all(trial.to_json() for trial in recorded))

    def record_choice(self, trial: Trial, rows: RowSketch) -> Trial:
        """Add what training chose (see `choice_of`), with the rows that it chose by."""
        kept = replace(trial, rows=self.keep_file(rows.to_bytes()))
        return Trial.from_entry(self.chain.append(kept.to_json()), where=self.chain.path)

    def trials(self, upto: str | None = None) -> list[Trial]:
        """Every trial, in order; with `upto`, those there were when that was the head."""
        return [Trial.from_entry(entry, where=self.chain.path) for entry in self.chain.upto(upto)]

    def returns_of(self, trial: Trial) -> NDArray[np.float64] | None:
        """Net log returns of a trial, shape (n,), checked against their hash; None where they are undefined."""
        return self._numbers(trial, trial.returns)

    def paired_of(self, trial: Trial) -> NDArray[np.float64] | None:
        """The same less the returns of what it was judged against; None where nothing was."""
        return self._numbers(trial, trial.paired)

    def _numbers(self, trial: Trial, digest: str | None) -> NDArray[np.float64] | None:
        if digest is None:
            return None
        if trial.column is None:
            return _numbers_of(self._content(trial, digest))
        if digest not in self._read:
            self._read.clear()  # the points of a sweep, which share a file, follow each other
            self._read[digest] = _numbers_of(self._content(trial, digest))
        numbers = self._read[digest]
        if numbers.ndim != 2 or not 0 <= trial.column < numbers.shape[1]:
            raise InputError(f"the returns of trial {trial.seq} are missing", where=self.file(digest), hint=RESTORE)
        return np.ascontiguousarray(numbers[:, trial.column])

    def _content(self, trial: Trial, digest: str) -> bytes:
        path = self.file(digest)
        try:
            content = path.read_bytes()
        except OSError:
            raise InputError(f"the returns of trial {trial.seq} are missing", where=path, hint=RESTORE) from None
        if hashlib.sha256(content).hexdigest() != digest:
            raise InputError(f"the returns of trial {trial.seq} were changed", where=path, hint=RESTORE)
        return content

    def on_stretch(self, frame: SwapFrame, upto: str | None = None) -> list[Trial]:
        """The candidates' trials that looked at the same swaps, or at the same time of the same pool."""
        mine, known = RowSketch.of(frame), dict[str, bool]()

        def shares_swaps(trial: Trial) -> bool:
            if trial.rows is None or trial.data_hash == frame.data_hash:
                return trial.data_hash == frame.data_hash
            if trial.rows not in known:
                theirs = RowSketch.from_bytes(self._content(trial, trial.rows))
                known[trial.rows] = mine.shared(theirs)[0] > 0
            return known[trial.rows]

        return on_stretch(self.trials(upto), pool_of(frame), *span_of(frame), shares_swaps)

    def looks(self, tape: SwapFrame | Analysis, upto: str | None = None) -> Looks:
        """How often candidates were looked at on this tape's swaps."""
        return looks_at(self.on_stretch(tape if isinstance(tape, SwapFrame) else tape.run.frame, upto))

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
        found, whole = [], set[str]()
        for entry in self.chain.entries():
            try:
                trial = Trial.from_entry(entry, where=self.chain.path)
                for digest in set(trial.files) - whole:
                    self._content(trial, digest)
                    whole.add(digest)
            except InputError as error:
                found.append(f"{error.where}: {error.what}")
        return found

    def keep_file(self, content: bytes) -> str:
        """Put a file of numbers into the ledger; its SHA-256, which is its name."""
        digest = hashlib.sha256(content).hexdigest()
        path = self.file(digest)
        if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != digest:
            with whole_file(path) as aside, open(aside, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        return digest

    def file(self, digest: str) -> Path:
        """Where the file of numbers with that SHA-256 lies."""
        return self.folder / "returns" / f"{digest}.npy"


def _numbers_of(content: bytes) -> NDArray[np.float64]:
    numbers: NDArray[np.float64] = np.load(io.BytesIO(content), allow_pickle=False)
    return numbers


def _array(numbers: NDArray[np.float64]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, numbers.astype("<f8"), allow_pickle=False)
    return buffer.getvalue()
