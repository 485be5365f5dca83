"""One source, replayed and measured: what a notebook has in its hands."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from rook_bench.core.files import whole_folder
from rook_bench.metrics import Analysis
from rook_bench.metrics.tables import decision_table, equity_table, fill_table, order_table, trade_table
from rook_bench.plugins import trusting
from rook_bench.replay.evidence import MARKOUTS_S
from rook_bench.workbench.folder import load_analyses, load_analysis, load_looks, save_single

if TYPE_CHECKING:
    from rook_bench.report.charts.canvas import Picture

REPR_WIDTH = 180
"""Characters that a `repr` shows at most: in a notebook it is a line among others."""

_METRIC_COLUMNS = {
    **dict.fromkeys(("value", "low", "high"), "float64"),
    "n": "int64",
    **dict.fromkeys(("unit", "convention", "undefined_because", "method"), "string"),
}


def within(text: str, width: int) -> str:
    """The text, cut where it is longer."""
    return text if len(text) <= width else f"{text[: width - 1]}…"


@dataclass(frozen=True, eq=False, repr=False)
class Evaluation(Analysis):
    """One source, replayed on one tape and measured.

    Attributes:
        looks: what the trial ledger said of looks at this stretch of the pool when it was made; None of a run that
            was read from disk without it.
    """

    looks: dict[str, Any] | None = None

    @classmethod
    def of(cls, analysis: Analysis, looks: dict[str, Any] | None = None) -> Evaluation:
        """The same analysis, with what a notebook asks of it."""
        return cls(**{name: getattr(analysis, name) for name in Analysis.__dataclass_fields__}, looks=looks)

    def metrics(self) -> pd.DataFrame:
        """Every metric by name, a column per field of its Estimate; what is undefined is missing."""
        table = pd.DataFrame.from_dict(self.to_json(), orient="index")[list(_METRIC_COLUMNS)]
        return table.astype(_METRIC_COLUMNS).rename_axis("metric")

    def equity(self) -> pd.DataFrame:
        """Balances and value after each swap; see `metrics.tables.equity_table`."""
        return equity_table(self.run)

    def decisions(self) -> pd.DataFrame:
        """What was wished for at each swap, and what became of it; see `metrics.tables.decision_table`."""
        return decision_table(self.run)

    def fills(self, *, markouts_s: tuple[int, ...] = MARKOUTS_S) -> pd.DataFrame:
        """Every transaction with its costs, P&L and mark-outs; see `metrics.tables.fill_table`."""
        return fill_table(self.run, markouts_s=markouts_s)

    def trades(self, *, closed: bool = False) -> pd.DataFrame:
        """Every wish to trade, with what it cost, what each filter said and what a model was asked and answered.

        Args:
            closed: entries to exits in their place: each sale against the average cost of what it sold.

        Returns:
            A row for each order by the row it was decided on, see `metrics.tables.order_table`; or for each sale by its
            time, see `metrics.tables.trade_table`.
        """
        return trade_table(self.run) if closed else order_table(self.run)

    def portfolio(self) -> Any:
        """The same as a vectorbt Portfolio on the clock, so that its `stats()` speak of the right period.

        Each fill is an order of its own, at the first border after it and at the price that it paid; the pool's fee
        and gas are its fees. What a reverted transaction cost is a fee of the base held. The value at each border
        is the ledger's. `run.portfolio()` has a row for each swap.

        Raises:
            InputError: where the tape is shorter than two borders of the clock.
        """
        from rook_bench.replay.portfolio import on_clock

        sampled = self.sampled
        return on_clock(self.run.frame, self.run.opening, self.run.landed, sampled.at, sampled.rows)

    def plot(self, picture: str = "equity") -> Picture:
        """One picture of the report ("equity", "drawdown", "waterfall", ...); a notebook shows it.

        Raises:
            UnknownName: for a picture that there is not, with the near name.
        """
        from rook_bench.report.draw import draw

        return draw([self], picture)

    def save(self, folder: str | Path, *, report: bool = True, pictures: bool = True) -> Path:
        """Write the run, its measures and its report into a folder of its own, whole.

        Args:
            folder: to write.
            report: write the report too, which takes the most time; `rook-bench report` makes it later.
            pictures: draw its pictures, which takes the most of that; without them there is the live chart.

        Returns:
            The report's path; the folder's where there is none.

        Raises:
            InputError: where the folder holds files that rook-bench did not write.
        """
        folder = Path(folder)
        with whole_folder(folder) as aside:
            save_single(self, aside, looks=self.looks, report=report, pictures=pictures)
        return folder / "report.html" if report else folder

    def __repr__(self) -> str:
        net = self.estimates["total_return"].value
        shown = "undefined" if net is None or not np.isfinite(net) else f"{net:+.2%}"
        leak = ", LOOK-AHEAD" if self.run.lookahead.status == "leak" else ""
        ending = f" on {self.run.frame.pool.pair}: {len(self.run.frame):,} swaps, net {shown}{leak}"
        return f"<Evaluation {within(self.name, REPR_WIDTH - len(ending))}{ending}>"

    def _repr_html_(self) -> str:
        return self.metrics().to_html(float_format="{:.6g}".format, na_rep="")


def load_run(folder: str | Path, *, allow_plugins: Iterable[str | Path] = ()) -> Evaluation:
    """A saved run, checked against its hashes, replayed, and measured again on the clock it was measured on.

    Args:
        folder: what `Evaluation.save`, `rook-bench replay` or (in its `runs`) `rook-bench compare` wrote.
        allow_plugins: files and folders whose code may run beside the project's own. A source whose code may not can
            be looked at, and not asked again.

    Raises:
        InputError: where files are missing or changed, or the run does not come out again.
    """
    folder = Path(folder)
    with trusting(strategies=True, files=allow_plugins):
        return Evaluation.of(load_analysis(folder), load_looks(folder))


def load_runs(folder: str | Path) -> tuple[list[Evaluation], str]:
    """The runs of a comparison's folder, each as `load_run` gives it, and the comparison's title."""
    folder = Path(folder)
    with trusting(strategies=True):
        analyses, title = load_analyses(folder)
    return [Evaluation.of(analysis, load_looks(folder)) for analysis in analyses], title
