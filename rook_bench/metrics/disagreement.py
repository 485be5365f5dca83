"""Where a model and its teacher decide differently, and who was right. A copy can only earn there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rook_bench.core import SIDE_NAMES, Estimate, InputError
from rook_bench.core.decision_tape import UNPARSED
from rook_bench.metrics.action_value import HORIZON_S, ActionValues, action_values
from rook_bench.metrics.clock import Clock
from rook_bench.metrics.means import mean_of
from rook_bench.metrics.paired import Paired, paired
from rook_bench.replay import Run

NAMES = {**dict(enumerate(SIDE_NAMES)), UNPARSED: "UNPARSED"}


@dataclass(frozen=True)
class Apart:
    """Rows where the teacher says one thing and the model another.

    Attributes:
        rows: how many there are, those without a later price included.
        gain: mean of (value of the model's action - value of the teacher's), bps of the value traded.
    """

    rows: int
    gain: Estimate


@dataclass(frozen=True)
class Kind(Apart):
    """Those of one kind: `teacher` and `model` are the answers (BUY, HOLD, SELL, UNPARSED)."""

    teacher: str
    model: str

    @property
    def read(self) -> bool:
        """Whether both answers could be read."""
        return NAMES[UNPARSED] not in (self.teacher, self.model)


@dataclass(frozen=True, eq=False)
class Disagreement:
    """A model against its teacher.

    Attributes:
        teacher: the teacher's name, None where it is the labels on the tape.
        rows, agreed: rows of the tape, and those where both give the same side.
        kinds: every kind of disagreement between two readable answers that occurs, most frequent first.
        together: all of those rows.
        unparsed: rows where one of the two answers can't be read, by kind; part of no other number here.
        difference: the runs' paired net difference; None where the teacher is the labels, which are no run.
        values: what the actions were worth.
    """

    teacher: str | None
    rows: int
    agreed: int
    kinds: tuple[Kind, ...]
    together: Apart
    unparsed: tuple[Kind, ...]
    difference: Paired | None
    values: ActionValues


def disagreement(
    model: Run, teacher: Run | None, clock: Clock | None = None, *, horizon_s: float = HORIZON_S
) -> Disagreement:
    """Compare a model's decisions with a teacher's on the same tape; actions are valued at the model's costs.

    Args:
        teacher: another run on the tape, or None for the labels that the tape carries.

    Raises:
        InputError: where the tape carries no labels, or the runs are on different tapes.
    """
    mine = model.decided.tape.side
    if teacher is None:
        labels = model.frame.labels.get("label_side")
        if labels is None:
            raise InputError("the tape carries no labels to take as the teacher", where=model.name)
        theirs = np.array([SIDE_NAMES.index(name) for name in labels], dtype=np.int8)
        difference = None
    else:
        difference = paired(model, teacher, clock or Clock())
        theirs = teacher.decided.tape.side
    values = action_values(model, horizon_s)
    gain = values.of(mine) - values.of(theirs)
    read = (mine != UNPARSED) & (theirs != UNPARSED)
    # (rows, teacher's code, model's code) of every pair of answers that differ.
    pairs = [(code, other) for code in NAMES for other in NAMES if code != other]
    found = [(int(((theirs == code) & (mine == other)).sum()), code, other) for code, other in pairs]
    kinds = [
        Kind(rows, _mean(gain, (theirs == code) & (mine == other), values), NAMES[code], NAMES[other])
        for rows, code, other in sorted(found, key=lambda each: -each[0])
        if rows
    ]
    apart = read & (mine != theirs)
    return Disagreement(
        teacher=None if teacher is None else teacher.name,
        rows=len(mine),
        agreed=int(((mine == theirs) & read).sum()),
        kinds=tuple(kind for kind in kinds if kind.read),
        together=Apart(int(apart.sum()), _mean(gain, apart, values)),
        unparsed=tuple(kind for kind in kinds if not kind.read),
        difference=difference,
        values=values,
    )


def _mean(gain: NDArray[np.float64], members: NDArray[np.bool_], values: ActionValues) -> Estimate:
    """Mean over the members whose later price is known, in their order in time, with its interval."""
    chosen = gain[members & values.known]
    convention = f"value of the model's action minus that of the teacher's; {values.convention}"
    if not members.any():
        return Estimate.undefined("there is no such row", n=0, unit="bps", convention=convention)
    if len(chosen) == 0:
        reason = "all such rows lie too close to the end of the tape"
        return Estimate.undefined(reason, n=0, unit="bps", convention=convention)
    return mean_of(chosen, unit="bps", convention=convention)


def teaches(run: Run) -> bool:
    """Whether a run is one that others learn from: rules, or the labels made by them."""
    return run.source.choice.plugin.name in ("rules", "labels")
