"""Every point of a sweep in the trial ledger, before anybody is shown what it gave."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rook_bench.core.console import remark
from rook_bench.core.project import trials_folder
from rook_bench.market.frame import SwapFrame
from rook_bench.market.row_sketch import RowSketch
from rook_bench.sweeps.replays import GONE, Measured
from rook_bench.sweeps.settings import Asked
from rook_bench.sweeps.work import Work
from rook_bench.trials import TrialLedger
from rook_bench.trials.trial import Trial, pool_of, span_of


def put_points_on_record(
    frame: SwapFrame, work: Work, asked: Sequence[Asked], measured: Measured, trials: str | Path | None
) -> tuple[dict[str, Any], int]:
    """Put every point on record.

    Returns:
        What the ledger then knows of looks at these rows, and how many other candidates were tried there.
    """
    ledger = TrialLedger(Path(trials) if trials else trials_folder())
    new = not ledger.chain.path.exists()
    first, last = span_of(frame)
    found = []
    for place, one in enumerate(asked):
        decided, lookahead = work.answers[one.source][0], work.lookahead_of(one)
        returns = measured.returns[place]
        because = None if len(returns) and np.isfinite(returns).all() else GONE
        if not len(returns):
            because = f"the tape is shorter than two borders of {one.config.clock.label}"
        # Holding has nothing to tune, and what says that it knows the future is a bound, where that is true.
        yardstick = decided.source.installed and (
            decided.source.choice.plugin.name == "hold" or lookahead.status == "declared"
        )
        found.append(
            Trial(
                kind="sweep",
                role="benchmark" if yardstick else "candidate",
                source=decided.source.reference,
                source_hash=decided.source.content,
                run_hash=str(measured.run_hash[place]),
                decisions_hash=work.decisions[one.source].content_hash,
                config_hash=str(measured.config_hash[place]),
                data_hash=frame.data_hash,
                pool=pool_of(frame),
                first_at=first,
                last_at=last,
                bucket_s=one.config.clock.bucket_s,
                n=len(returns),
                returns=None,
                returns_undefined_because=because,
                lookahead=lookahead.status,
            )
        )
    count = ledger.record_points(found, measured.returns, RowSketch.of(frame))
    looks = ledger.looks(frame)
    marks = " (new)" if new else ""
    remark(
        f"trial ledger: {ledger.folder}{marks}; {count:,} points are on record, "
        f"and these rows were looked at {looks.count:,} times"
    )
    own = {trial.identity for trial in found if trial.role == "candidate"}
    told = {
        "count": looks.count,
        "candidates": looks.candidates,
        "first_at": looks.first_at or "",
        "last_at": looks.last_at or "",
    }
    return told, max(looks.candidates - len(own), 0)
