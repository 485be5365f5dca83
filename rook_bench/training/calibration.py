"""Calibrating a model that was not trained here: one temperature, fitted on validation rows of a prepared folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from rook_bench.core import InputError
from rook_bench.language.adapter import Adapter
from rook_bench.language.draft_scoring import scorer
from rook_bench.language.manifest import Manifest
from rook_bench.language.scoring import probabilities
from rook_bench.training.data import TrainingData, draw_rows
from rook_bench.training.evaluation import calibration_error, fit_temperature, judge_answers, side_scores

ROWS = 1000
"""Validation rows that are asked, at most."""


def calibrated(
    manifest: Manifest,
    adapter: Adapter,
    data: TrainingData,
    *,
    rows: int = ROWS,
    seed: int = 0,
    tick: Callable[[int, int], None] = lambda done, of: None,
) -> Manifest:
    """The record with the temperature of the validation rows, and with the sizes and limits of the training rows.

    Args:
        manifest, adapter: of an adopted model, and the model itself.
        data: a prepared folder, read with the model's template.
        rows, seed: of the draw from the validation split.
        tick: hears how many rows of how many are asked.

    Raises:
        InputError: for answers that are written and have no probabilities.
    """
    if manifest.template.answer.json_object is not None:
        what = "answers of JSON are written and have no probabilities: there is nothing to calibrate"
        raise InputError(what, where=f"template {manifest.template.name}", hint="leave --calibrate away")
    assert manifest.adopted is not None
    told = manifest.model_copy(update={"answers": data.answers(data.train)})
    chosen = draw_rows(data.val, rows, seed)
    done = 0

    def heard(some: int) -> None:
        nonlocal done
        done += some
        tick(done, len(chosen))

    answers = scorer(adapter.model.to(adapter.device), adapter.encoder, told)(
        [data.prompts.texts[row] for row in chosen], heard
    )
    truth, scores = data.side[chosen].astype(np.int64), side_scores(answers)
    temperature = fit_temperature(scores, truth, told)
    fitted = told.model_copy(update={"temperature": temperature})
    facts: dict[str, Any] = {
        "data": str(Path(data.folder)),
        "data_hash": data.data_hash,
        "rows": len(chosen),
        "error_before": calibration_error(probabilities(scores, told, 1.0), truth),
        "error_after": calibration_error(probabilities(scores, fitted), truth),
        "validation": judge_answers(answers, [data.labels[row] for row in chosen], fitted),
    }
    return fitted.model_copy(update={"adopted": manifest.adopted.model_copy(update={"calibrated": facts})})
