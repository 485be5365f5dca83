"""One question that the gate asked, and its answer."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from rook_bench.core import Estimate

Status = Literal["pass", "fail", "inconclusive", "invalid", "waived", "skipped", "info"]
"""pass, fail, inconclusive (can't tell yet), invalid (must not be judged); and three that decide nothing: waived (a
waiver covers it), skipped (the question does not arise, and why), info (a figure beside the others)."""


NEVER = (
    "look-ahead",
    "champion look-ahead",
    "same tape",
    "same assumptions",
    "candidate is not champion",
    "champion trades",
    "costs are charged",
    "latency",
    "recorded features",
    "settings",
    "training data",
)
"""Checks that say whether there is anything to judge; nobody can answer for those."""


@dataclass(frozen=True)
class Power:
    """What the tape can resolve.

    Attributes:
        detectable: smallest true distance from the boundary that this tape would have shown, in the
            estimate's unit, at `power`; None where the variance is unknown.
        days_needed: days of tape after which the distance seen now would be decided at `power`,
            if it is the true one; None where nothing was seen.
        power: probability with which.
        alpha: error rate of the one-sided test.
    """

    detectable: float | None
    days_needed: float | None
    power: float
    alpha: float


@dataclass(frozen=True)
class Check:
    """One question the gate asked.

    Attributes:
        name: what was checked ("max_drawdown", "total_return vs champion").
        status: see Status.
        detail: one sentence with the numbers.
        remarks: what else there is to say of it (what the tape can resolve, who waived it), each a clause.
        estimate: the estimate it rests on, if it rests on one.
        bound: what was allowed.
        margin: the value that the estimate's interval must lie above, where there is one.
        power: what the tape can resolve, where that was asked.
        waiver: who waived it and why, for status waived.
    """

    name: str
    status: Status
    detail: str
    estimate: Estimate | None = None
    bound: str = ""
    margin: float | None = None
    power: Power | None = None
    waiver: dict[str, str] | None = None
    remarks: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """Detail and remarks in one line, for a person; no code reads them."""
        return "; ".join((self.detail, *self.remarks))

    def to_json(self) -> dict[str, Any]:
        """The shape stored in verdict.json, where `detail` is the whole text."""
        record = asdict(self) | {"detail": self.text}
        del record["remarks"]
        record["estimate"] = None if self.estimate is None else self.estimate.to_json()
        return record
