"""One source, replayed and measured: what a notebook has in its hands."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from rook_bench.core.files import whole_folder
from rook_bench.metrics import Analysis
from rook_bench.metrics.tables import MARKOUTS_S, decision_table, equity_table, fill_table, trade_table
from rook_bench.workbench.folder import load_analyses, load_analysis, load_looks, save_single

if TYPE_CHECKING:
    from rook_bench.report.charts import Picture


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
        """Every metric by name: value, low, high, n, unit, convention, undefined_because; undefined is missing."""
        return pd.DataFrame.from_dict(self.to_json(), orient="index").rename_axis("metric")

    def equity(self) -> pd.DataFrame:
        """Balances and value after each swap; see `metrics.tables.equity_table`."""
        return equity_table(self.run)

    def decisions(self) -> pd.DataFrame:
        """What was wished for at each swap, and what became of it; see `metrics.tables.decision_table`."""
        return decision_table(self.run)

    def fills(self, *, markouts_s: tuple[int, ...] = MARKOUTS_S) -> pd.DataFrame:
        """Every transaction with its costs, P&L and mark-outs; see `metrics.tables.fill_table`."""
        return fill_table(self.run, markouts_s=markouts_s)

    def trades(self) -> pd.DataFrame:
        """The closed trades, each sale against its average cost; see `metrics.tables.trade_table`."""
        return trade_table(self.run)

    def portfolio(self) -> Any:
        """The same as a vectorbt Portfolio on the clock, so that its `stats()` speak of the right period.

        Orders between two borders are one, at the border's price; what they paid more or less is its fee. The value
        at each border is the ledger's. `run.portfolio()` has every fill on a row of its own.
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

    def save(self, folder: str | Path) -> Path:
        """Write the run, its measures and its report into a folder of its own, whole; returns the report's path.

        Raises:
            InputError: where the folder holds files that rook-bench did not write.
        """
        folder = Path(folder)
        with whole_folder(folder) as aside:
            save_single(self, aside, looks=self.looks)
        return folder / "report.html"

    def __repr__(self) -> str:
        net = self.estimates["total_return"].value
        shown = "undefined" if net is None or not np.isfinite(net) else f"{net:+.2%}"
        return f"<Evaluation {self.name} on {self.run.frame.pool.pair}: {len(self.run.frame):,} swaps, net {shown}>"

    def _repr_html_(self) -> str:
        return self.metrics().to_html(float_format="{:.6g}".format, na_rep="")


def load_run(folder: str | Path) -> Evaluation:
    """A saved run, checked against its hashes, replayed, and measured again on the clock it was measured on.

    Raises:
        InputError: where files are missing or changed, or the run does not come out again.
    """
    folder = Path(folder)
    return Evaluation.of(load_analysis(folder), load_looks(folder))


def load_runs(folder: str | Path) -> tuple[list[Evaluation], str]:
    """The runs of a comparison's folder, each as `load_run` gives it, and the comparison's title."""
    folder = Path(folder)
    analyses, title = load_analyses(folder)
    return [Evaluation.of(analysis, load_looks(folder)) for analysis in analyses], title
