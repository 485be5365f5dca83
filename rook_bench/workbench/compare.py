"""Several sources on the same rows: replayed, measured, put on record."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import pandas as pd

from rook_bench.core import ConfigError, UnknownName
from rook_bench.core.files import whole_folder
from rook_bench.engines import Engine
from rook_bench.workbench.config import BenchConfig, settings_of
from rook_bench.workbench.evaluation import REPR_WIDTH, Evaluation, load_runs, within
from rook_bench.workbench.folder import save_comparison, title_of
from rook_bench.workbench.running import Asked, Tape, named, run_sources, tape_of
from rook_bench.workbench.tries import looks_of, put_on_record

if TYPE_CHECKING:
    from rook_bench.report.charts.canvas import Picture

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

        Raises:
            UnknownName: for a metric that there is not, with the near name.
        """
        names = MAIN if metrics is None else metrics
        for name in names:
            if name not in self[0].estimates:
                raise UnknownName("metric", name, self[0].estimates)
        rows = [{name: one.estimates[name].value for name in names} for one in self]
        return pd.DataFrame(rows, index=pd.Index([one.name for one in self], name="source"), dtype="float64")

    def plot(self, picture: str = "equity") -> Picture:
        """One picture of the report ("equity", "drawdown", "difference", ...); a notebook shows it.

        Raises:
            UnknownName: for a picture that there is not, with the near name.
        """
        from rook_bench.report.draw import draw

        return draw(self, picture)

    def to_json(self) -> list[dict[str, Any]]:
        """Each source in order: its reference, its name, the run's hash and its metrics."""
        return [
            {
                "source": one.run.source.reference,
                "name": one.name,
                "run_hash": one.run.run_hash,
                "metrics": one.to_json(),
            }
            for one in self
        ]

    def save(self, folder: str | Path, *, report: bool = True, pictures: bool = True) -> Path:
        """Write tape, runs, measures and report into a folder, whole.

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
            save_comparison(self, aside, title=self.title, looks=self.looks, report=report, pictures=pictures)
        return folder / "report.html" if report else folder

    def __repr__(self) -> str:
        names = [within(one.name, 50) for one in self]
        shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
        return f"<{within(f'Comparison on {self[0].run.frame.pool.pair}: {shown}', REPR_WIDTH)}>"

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
        InputError, ConfigError, UnknownName: for a tape, a source or settings that can't be used.
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
    engine: Engine | None = None,
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
        engine: where they are asked, side by side (see `rook_bench.engines`); here, one after the other, by default.
        trials: folder of the trial ledger; the project's by default (see `core.project.trials_folder`).

    Raises:
        InputError, ConfigError, UnknownName: for a tape, a source or settings that can't be used.
    """
    settings, asked = settings_of(config, seed), named([sources] if isinstance(sources, str) else sources)
    if not asked:
        raise ConfigError("there is no source to compare", where="compare", hint="name one, or several")
    evaluations = run_sources(tape_of(tape), asked, settings, benchmarks=benchmarks, fresh=fresh, engine=engine)
    looks = looks_of(put_on_record(evaluations, "compare", trials, asked=len(asked)))
    return Comparison(tuple(Evaluation.of(one, looks) for one in evaluations), title_of(evaluations), looks)


def load_comparison(folder: str | Path) -> Comparison:
    """A saved comparison, every run of it checked, replayed and measured again.

    Args:
        folder: what `Comparison.save` or `rook-bench compare` wrote; a run's folder is a comparison of one.

    Raises:
        InputError: where files are missing or changed.
    """
    evaluations, title = load_runs(folder)
    return Comparison(tuple(evaluations), title, evaluations[0].looks)
