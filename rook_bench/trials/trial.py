"""One evaluation of one source on one tape, as the trial ledger keeps it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from rook_bench.core import InputError
from rook_bench.core.hashing import sha256_json

if TYPE_CHECKING:  # a ledger is read without what measures and replays
    from rook_bench.language.manifest import LearnedFrom
    from rook_bench.market.frame import SwapFrame
    from rook_bench.metrics import Analysis
    from rook_bench.replay import ReplayConfig

Kind = Literal["replay", "compare", "gate", "train", "sweep"]
Role = Literal["candidate", "benchmark"]


@dataclass(frozen=True)
class Trial:
    """One entry of the trial ledger.

    Attributes:
        kind: the verb that evaluated it. Training looks at its validation rows and chooses: that is one look there,
            whose returns nobody knows.
        role: "benchmark" for what the tool adds by itself; it does not count as a try.
        source, source_hash: the source's reference and its `Source.content`.
        run_hash, decisions_hash, data_hash: as in run.json.
        config_hash: hash of the assumptions without the seed, which acts through the decisions alone.
        pool: chain, address (lower case) and pair of the tape.
        first_at, last_at: of the tape's swaps, ISO with nanoseconds, UTC; such texts sort like times.
        bucket_s, n: the clock, and how many returns it gives.
        returns: SHA-256 of the file of net log returns, None where they are undefined.
        returns_undefined_because: why; None exactly when there are returns.
        lookahead: status of the look-ahead check.
        rows: SHA-256 of the file of the tape's row sketch (see `market.row_sketch`), None of an older version.
        champion: run hash of what it was judged against, None where nothing was.
        paired: SHA-256 of the file of its net log returns less the champion's, None where there is none.
        column: of a point of a sweep, which column of the file holds its returns; None of others, who have one each.
        settings: what a training run was told, stage, rewards and drafts included; None of what is no training.
        seq, at, hash: place, time and hash of the entry.
    """

    kind: Kind
    role: Role
    source: str
    source_hash: str
    run_hash: str
    decisions_hash: str
    config_hash: str
    data_hash: str
    pool: dict[str, str]
    first_at: str
    last_at: str
    bucket_s: int
    n: int
    returns: str | None
    returns_undefined_because: str | None
    lookahead: str
    rows: str | None = None
    champion: str | None = None
    paired: str | None = None
    column: int | None = None
    settings: dict[str, Any] | None = None
    seq: int = -1
    at: str = ""
    hash: str = ""

    @property
    def chose_only(self) -> bool:
        """Whether it is a choice among checkpoints, by likelihood: what was chosen is never judged on these rows."""
        return self.kind == "train"

    @property
    def files(self) -> list[str]:
        """SHA-256 of every file that belongs to it."""
        return [digest for digest in (self.returns, self.rows, self.paired) if digest is not None]

    @property
    def identity(self) -> tuple[str, str, int]:
        """What makes it another try: decisions, assumptions (the seed aside) and clock."""
        return self.decisions_hash, self.config_hash, self.bucket_s

    def to_json(self) -> dict[str, Any]:
        """The payload of its entry."""
        payload = asdict(self)
        later = [key for key in ("settings", "column") if payload[key] is None]
        for key in ("seq", "at", "hash", *later):
            del payload[key]
        return payload

    @classmethod
    def from_entry(cls, entry: dict[str, Any], *, where: object) -> Trial:
        """Read back an entry; InputError for one that another version wrote."""
        try:
            return cls(**{key: value for key, value in entry.items() if key != "prev"})
        except TypeError:
            raise InputError(
                f"entry {entry['seq']} is not a trial", where=where, hint="another version wrote it"
            ) from None


def trial_of(analysis: Analysis, kind: Kind, role: Role) -> tuple[Trial, NDArray[np.float64] | None]:
    """The trial that an evaluation is, and its net log returns on the clock, shape (n,)."""
    run = analysis.run
    returns, because = log_returns(analysis)
    first, last = span_of(run.frame)
    trial = Trial(
        kind=kind,
        role=role,
        source=run.source.reference,
        source_hash=run.source.content,
        run_hash=run.run_hash,
        decisions_hash=run.decided.tape.content_hash,
        config_hash=identity(analysis)[1],
        data_hash=run.frame.data_hash,
        pool=pool_of(run.frame),
        first_at=first,
        last_at=last,
        bucket_s=analysis.clock.bucket_s,
        n=max(len(analysis.sampled.at) - 1, 0),
        returns=None,
        returns_undefined_because=because,
        lookahead=run.lookahead.status,
    )
    return trial, returns


def choice_of(
    adapter: str, adapter_hash: str, settings: dict[str, Any], data_hash: str, rows: LearnedFrom, checkpoints: int
) -> Trial:
    """The trial that training's choice among its checkpoints is: the validation rows were looked at.

    Args:
        adapter: its folder; adapter_hash: its identity.
        settings: of the training run, with its stage and what it was taught by.
        data_hash: of the rows it learned and chose from.
        rows: those it chose by.
        checkpoints: among how many.
    """
    return Trial(
        kind="train",
        role="candidate",
        source=f"lora:{adapter}",
        source_hash=adapter_hash,
        run_hash="",
        decisions_hash=adapter_hash,
        config_hash=sha256_json(settings),
        data_hash=sha256_json([data_hash, "validation"]),
        pool=rows.pools[0],
        first_at=rows.first_at,
        last_at=rows.last_at,
        bucket_s=0,
        n=0,
        returns=None,
        returns_undefined_because=f"chosen among {checkpoints} checkpoints by likelihood, and not by returns",
        lookahead="unchecked",
        settings=settings,
    )


def identity(analysis: Analysis) -> tuple[str, str, int]:
    """What makes an evaluation another try: its decisions, its assumptions (the seed aside) and its clock."""
    run = analysis.run
    return run.decided.tape.content_hash, assumed(run.config), analysis.clock.bucket_s


def assumed(config: ReplayConfig) -> str:
    """Hash of a run's assumptions, the seed aside, which acts through the decisions alone."""
    return sha256_json(config.model_dump(mode="json", exclude={"seed"}))


def log_returns(analysis: Analysis) -> tuple[NDArray[np.float64] | None, str | None]:
    """Net log returns between the clock's borders, shape (n,); or None, and why they are undefined."""
    equity = analysis.sampled.equity
    if len(equity) < 2:
        return None, f"the tape is shorter than two borders of {analysis.clock.label}"
    if not np.isfinite(equity).all():
        return None, "equity is not finite at some border"
    if (equity <= 0).any():
        return None, "equity is not positive at some border, and has no logarithm there"
    return analysis.sampled.log_returns, None


def pool_of(frame: SwapFrame) -> dict[str, str]:
    """What makes two tapes tapes of one market. Pools that are unknown count as the same one."""
    pool = frame.pool
    return {"chain": pool.chain, "address": pool.address.lower(), "pair": pool.pair}


def span_of(frame: SwapFrame) -> tuple[str, str]:
    """Times of the first and the last swap."""
    first, last = np.datetime_as_string(frame.at[[0, -1]].astype("datetime64[ns]"), unit="ns")
    return f"{first}Z", f"{last}Z"
