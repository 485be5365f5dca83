"""What a live session showed of the candidate: for how long, how much of it in time, and whether it comes out again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from rook_bench.gates.check import Check
from rook_bench.gates.policy import Live


@dataclass(frozen=True)
class LiveShown:
    """A live session, as it was read and checked for a verdict.

    Attributes:
        folder: where it lies; journal: hash of the last entry that was read.
        against: "chain" where its events were fetched anew, else "journal".
        source: name of the candidate in it, None where another source was asked there.
        days: from the first swap that was decided in time to the last; decided: how many swaps were.
        late_share: share of the swaps since it began on which nothing could be traded; None without any.
        drift: what did not come out again.
    """

    folder: str
    journal: str
    against: str
    source: str | None
    days: float
    decided: int
    late_share: float | None
    drift: int

    def to_json(self) -> dict[str, Any]:
        """The shape stored in verdict.json."""
        return asdict(self)

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> LiveShown:
        """Read back what `to_json` wrote."""
        return cls(**{name: record[name] for name in cls.__dataclass_fields__})


def live(asked: Live, shown: LiveShown | None) -> Check:
    """Whether the candidate was followed live for long enough, in time, and as it is judged."""
    name = "live"
    bound = f"{asked.min_days:g} days, at most {asked.max_late_share:.0%} late, drift {asked.max_drift}"
    if shown is None:
        return Check(name, "inconclusive", "no live session was shown (gate --live DIR)", bound=bound)
    if shown.source is None:
        return Check(name, "inconclusive", "the live session asked another source than the candidate", bound=bound)
    late = "none" if shown.late_share is None else f"{shown.late_share:.1%}"
    detail = (
        f"{shown.decided:,} swaps decided in time over {shown.days:.1f} days, {late} late, "
        f"{shown.drift} {'difference' if shown.drift == 1 else 'differences'} from a replay"
    )
    if shown.drift > asked.max_drift or (shown.late_share or 0.0) > asked.max_late_share:
        return Check(name, "fail", f"{detail}; {bound} asked", bound=bound)
    if shown.days < asked.min_days or not shown.decided:
        return Check(name, "inconclusive", f"{detail}; {bound} asked", bound=bound)
    if asked.against == "chain" and shown.against != "chain":
        what = "its events were not held against the chain (give --rpc)"
        return Check(name, "inconclusive", f"{detail}; {what}", bound=bound)
    return Check(name, "pass", detail, bound=bound)
