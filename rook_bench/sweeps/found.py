"""What a sweep found, as its tables, pictures and pages read it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rook_bench.sources.lookahead import Lookahead
from rook_bench.sweeps.axes import Axis
from rook_bench.sweeps.forward import Purged, WalkForward
from rook_bench.sweeps.luck import Luck
from rook_bench.sweeps.part import Part
from rook_bench.sweeps.points import Values
from rook_bench.sweeps.replays import Measured
from rook_bench.sweeps.scores import By
from rook_bench.tapecheck.check import TapeCheck
from rook_bench.workbench.compare import Comparison
from rook_bench.workbench.config import BenchConfig
from rook_bench.workbench.evaluation import Evaluation

SHOWN = ("total_return", "excess_return", "sharpe_ratio", "sharpe_ratio_excess", "max_drawdown")
COUNTS = ("orders", "fills", "reverts", "refusals")
"""Metrics and counts of each point."""


@dataclass(frozen=True, eq=False, repr=False)
class Found:
    """What a sweep found. Points are in the order of the grid, the last axis fastest; or as they were drawn.

    Attributes:
        axes: what was varied.
        points: a value for each axis, for each point.
        names: of each point, the name of its source.
        measured: what each point gave.
        by: the metric that the best is chosen by.
        part: which rows were swept.
        best: place of the best point; None where none could be chosen.
        best_config: its configuration; evaluation: its run, replayed in full, checked and reconciled.
        luck: what being the best of so many is worth; None where there is no best, or clocks differ.
        walk_forward, purged: choosing in one part and judging in another, where that was asked for.
        judged: the best on the test rows beside holding and chance, where that was asked for.
        honest: points of which nothing was seen to look at the future, shape (n,); no other can be the best.
        lookahead: of each source by name, and of sizing and filters that see the future, what the check found.
        looks: what the trial ledger said of looks at these rows afterwards.
        tape_check: what the tape says about itself.
        settings: what held where a point said nothing.
        engine: where it was computed.
    """

    axes: tuple[Axis, ...]
    points: tuple[Values, ...]
    names: tuple[str, ...]
    measured: Measured
    by: By
    part: Part
    best: int | None
    best_config: BenchConfig | None
    evaluation: Evaluation | None
    luck: Luck | None
    walk_forward: WalkForward | None
    purged: Purged | None
    judged: Comparison | None
    honest: NDArray[np.bool_]
    lookahead: dict[str, Lookahead]
    looks: dict[str, Any]
    tape_check: TapeCheck
    settings: BenchConfig
    engine: str

    def __len__(self) -> int:
        return len(self.points)

    def __repr__(self) -> str:
        axes = ", ".join(axis.path for axis in self.axes)
        pair = self.part.frame.pool.pair
        return f"<Sweep of {axes} on {pair}: {len(self):,} points, {len(self.part.frame):,} swaps>"

    def table(self) -> pd.DataFrame:
        """One row for each point: its values, its source, metrics and counts; missing where undefined."""
        columns: dict[str, Any] = {axis.path: [point.get(axis.path) for point in self.points] for axis in self.axes}
        if (len(set(self.names)) > 1 and "source" not in columns) or "source" in columns:
            columns["source"] = list(self.names)
        columns |= {name: getattr(self.measured, name) for name in (*SHOWN, *COUNTS, "run_hash")}
        return pd.DataFrame(columns, index=pd.RangeIndex(len(self), name="point"))

    def _repr_html_(self) -> str:
        return self.table().to_html(float_format="{:.6g}".format, na_rep="undefined", max_rows=40)
