"""A sweep as a folder: its points, the best configuration and its run, and a page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from rook_bench.core.files import write_json
from rook_bench.report.charts.canvas import days
from rook_bench.report.formatting import count_of
from rook_bench.report.sections import write_sections
from rook_bench.sweeps.found import Found
from rook_bench.sweeps.page import BEST_CONFIG, BEST_RUN, POINTS_FILE, TEST, topics_of
from rook_bench.sweeps.words import (
    LABELS,
)
from rook_bench.workbench.folder import save_comparison, save_single

VERSION = 1


def write_sweep(sweep: Found, folder: Path) -> None:
    """Write a sweep into an existing (temporary) folder."""
    sweep.table().to_csv(folder / POINTS_FILE)
    write_json(folder / "sweep.json", facts_of(sweep))
    if sweep.best_config is not None:
        write_json(folder / BEST_CONFIG, sweep.best_config.model_dump(mode="json", exclude_unset=True))
    if sweep.evaluation is not None:
        (folder / BEST_RUN).mkdir()
        save_single(sweep.evaluation, folder / BEST_RUN, looks=sweep.looks, report=False)
    if sweep.judged is not None:
        (folder / TEST).mkdir()
        save_comparison(sweep.judged, folder / TEST, title=sweep.judged.title, looks=sweep.judged.looks)
    frame = sweep.part.frame
    write_sections(
        folder,
        topics_of(sweep),
        title=f"Sweep of {', '.join(axis.path for axis in sweep.axes)}",
        kind="sweep",
        lines=(
            f"{count_of(len(sweep), 'point')} on {frame.pool.pair}",
            f"{count_of(len(frame), 'swap')} ({sweep.part.split}), {days(frame.at)}",
        ),
    )


def facts_of(sweep: Found) -> dict[str, Any]:
    """What sweep.json holds."""
    frame = sweep.part.frame
    forward, held = sweep.walk_forward, sweep.purged
    return {
        "version": VERSION,
        "axes": {axis.path: [_plain(value) for value in axis.values] or _span(axis.span) for axis in sweep.axes},
        "points": len(sweep),
        "by": sweep.by,
        "split": sweep.part.split,
        "tape": {"source": frame.source, "data_hash": frame.data_hash, "swaps": len(frame)},
        "best": None if sweep.best is None else _point(sweep, sweep.best),
        "luck": None
        if sweep.luck is None
        else {
            "deflated_sharpe_ratio": sweep.luck.deflated.to_json(),
            "tries": sweep.luck.tries,
            "probability_of_overfitting": sweep.luck.overfitting.to_json(),
        },
        "walk_forward": None
        if forward is None
        else {
            "per_day": forward.per_day.to_json(),
            "folds": [
                {
                    "first_at": str(fold.first_at),
                    "last_at": str(fold.last_at),
                    "point": fold.point,
                    "inside": _number(fold.inside),
                    "outside": _number(fold.outside),
                    "over_hold": _number(fold.over_hold),
                    "rank": fold.rank,
                }
                for fold in forward.folds
            ],
        },
        "purged": None
        if held is None
        else {
            "groups": held.groups,
            "held_out": held.held_out,
            "splits": held.splits,
            "inside": [_number(value) for value in held.inside.tolist()],
            "outside": [_number(value) for value in held.outside.tolist()],
            "paths": [_number(value) for value in held.paths.tolist()],
            "point": held.point,
            "below_zero": held.below_zero,
        },
        "test": None if sweep.judged is None else sweep.judged[0].to_json(),
        "lookahead": {name: check.to_json() for name, check in sweep.lookahead.items()},
        "looks": sweep.looks,
        "engine": sweep.engine,
    }


def _point(sweep: Found, place: int) -> dict[str, Any]:
    columns = {name: _number(getattr(sweep.measured, name)[place]) for name in LABELS}
    values = {path: _plain(value) for path, value in sweep.points[place].items()}
    identity = {"source": _reference(sweep), "run_hash": str(sweep.measured.run_hash[place])}
    return {"point": place, "values": values, **identity, **columns}


def _reference(sweep: Found) -> str | None:
    """How the best point's source is asked for."""
    return None if sweep.evaluation is None else sweep.evaluation.run.source.reference


def _number(value: Any) -> float | int | None:
    if value is None or not np.isfinite(value):
        return None
    return int(value) if isinstance(value, int | np.integer) else float(value)


def _plain(value: Any) -> Any:
    return value if isinstance(value, bool | int | float | str | dict) or value is None else str(value)


def _span(span: Any) -> dict[str, Any]:
    return {"low": span.low, "high": span.high, "whole": span.whole}
