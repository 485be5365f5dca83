"""Several sources on the same rows: replayed, measured, put on record."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import pandas as pd

from rook_bench.core.files import whole_folder
from rook_bench.workbench.config import BenchConfig, settings_of
from rook_bench.workbench.evaluation import Evaluation, load_runs
from rook_bench.workbench.folder import save_comparison, title_of
from rook_bench.workbench.running import Asked, Tape, named, run_sources, tape_of
from rook_bench.workbench.tries import looks_of, put_on_record

if TYPE_CHECKING:
    from rook_bench.report.charts import Picture

MAIN = (
    "total_return",
    "gross_return",
    "excess_return",
    "sharpe_ratio",
    "max_drawdown",
    "trading_frequency",
    "cost_per_turnover",
    "action_rate",
)
"""The metrics that a table of sources shows."""


@dataclass(frozen=True, eq=False, repr=False)
class Comparison(Sequence[Evaluation]):
    """Evaluations on the same rows; the first is the one in question.

    Attributes:
        evaluations: in the order asked for, yardsticks that were added last.
        title: the report's heading.
        looks: what the trial ledger said of looks at this stretch of the pool; None where nobody asked it.
    """

    evaluations: tuple[Evaluation, ...]
    title: str
    looks: dict[str, Any] | None = None

    @overload
    def __getitem__(self, index: int) -> Evaluation: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Evaluation, ...]: ...
    def __getitem__(self, index: int | slice) -> Evaluation | tuple[Evaluation, ...]:
        return self.evaluations[index]

    def __len__(self) -> int:
        return len(self.evaluations)

    def __iter__(self) -> Iterator[Evaluation]:
        return iter(self.evaluations)

    def table(self, metrics: Sequence[str] | None = None) -> pd.DataFrame:
        """One row per source, one column per metric, in the metrics' own units; missing where undefined.

        Args:
            metrics: names of the columns; the main figures by default. `comparison[0].metrics()` has them all.
        """
        rows = [{name: one.estimates[name].value for name in metrics or MAIN} for one in self]
        return pd.DataFrame(rows, index=pd.Index([one.name for one in self], name="source"), dtype="float64")

    def plot(self, picture: str = "equity") -> Picture:
        """One picture of the report ("equity", "drawdown", "difference", ...); a notebook shows it.

        Raises:
            UnknownName: for a picture that there is not, with the near name.
        """
        from rook_bench.report.draw import draw

        return draw(self, picture)

    def save(self, folder: str | Path) -> Path:
        """Write tape, runs, measures and report into a folder, whole; returns the report's path.

        Raises:
            InputError: where the folder holds files that rook-bench did not write.
        """
        folder = Path(folder)
        with whole_folder(folder) as aside:
            save_comparison(self, aside, title=self.title, looks=self.looks)
        return folder / "report.html"

    def __repr__(self) -> str:
        return f"<Comparison {self.title}: {', '.join(one.name for one in self)}>"

    def _repr_html_(self) -> str:
        return self.table().to_html(float_format="{:.6g}".format, na_rep="undefined")


def evaluate(
    tape: Tape,
    source: Asked,
    config: BenchConfig | str | Path | None = None,
    *,
    seed: int | None = None,
    fresh: bool = False,
    trials: str | Path | None = None,
) -> Evaluation:
    """Replay one source on a tape, measure it, and put the try on record.

    Args:
        tape: the swaps, or a file or folder of them.
        source: a source or its reference ("rules:FILE", "lora:DIR", "path.py@name"); "NAME=REFERENCE" names it.
        config: capital, risk, costs and clock, or a file of them; defaults are those of `BenchConfig`.
        seed: of sources that draw random numbers; the configuration's by default.
        fresh: ask the source again even if its decisions are kept.
        trials: folder of the trial ledger; the project's by default (see `core.project.trials_folder`).

    Raises:
        InputError, ConfigError: for input that can't be replayed.
    """
    settings, asked = settings_of(config, seed), named([source])
    (evaluation,) = run_sources(tape_of(tape), asked, settings, fresh=fresh)
    tries = put_on_record([evaluation], "replay", trials, asked=1)
    return Evaluation.of(evaluation, looks_of(tries))


def compare(
    tape: Tape,
    sources: Sequence[Asked] | Mapping[str, Asked],
    config: BenchConfig | str | Path | None = None,
    *,
    benchmarks: bool = True,
    seed: int | None = None,
    fresh: bool = False,
    trials: str | Path | None = None,
) -> Comparison:
    """Replay several sources on the same tape, measure them, and put the tries on record.

    Args:
        tape: the swaps, or a file or folder of them.
        sources: sources or their references, or such by the name they are to have; the first is the one in question.
        config: capital, risk, costs and clock, or a file of them; defaults are those of `BenchConfig`.
        benchmarks: add holding the initial mix, and chance at the first source's rate, where they are not among the
            sources: a result without them says nothing.
        seed: of sources that draw random numbers; the configuration's by default.
        fresh: ask the sources again even if their decisions are kept.
        trials: folder of the trial ledger; the project's by default (see `core.project.trials_folder`).

    Raises:
        InputError, ConfigError: for input that can't be replayed.
    """
    settings, asked = settings_of(config, seed), named(sources)
    evaluations = run_sources(tape_of(tape), asked, settings, benchmarks=benchmarks, fresh=fresh)
    looks = looks_of(put_on_record(evaluations, "compare", trials, asked=len(asked)))
    return Comparison(tuple(Evaluation.of(one, looks) for one in evaluations), title_of(evaluations), looks)


def load_comparison(folder: str | Path) -> Comparison:
    """A saved comparison, every run of it checked, replayed and measured again; a run's folder holds one.

    Raises:
        InputError: where files are missing or changed.
    """
    evaluations, title = load_runs(folder)
    return Comparison(tuple(evaluations), title, evaluations[0].looks)
