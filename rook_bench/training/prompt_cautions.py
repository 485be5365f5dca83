"""What to say of a prompt whose numbers hardly move on the training rows, before a model is trained on it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rook_bench.language.template import Field, Template
from rook_bench.training.data import TrainingData

CONSTANT = 0.98
"""A field that shows one number on a larger share of the rows than this tells nearly nothing."""

SATURATED, NEARLY_ALL = 0.5, 0.9
"""A code that stands at an end of its scale on a larger share of the rows than this has no resolution there."""


def prompt_cautions(template: Template, data: TrainingData, rows: NDArray[np.intp]) -> list[str]:
    """Fields that are constant, or at the end of their scale, on these rows: a line each, with what they show."""
    lines = []
    for place, (name, field) in enumerate(template.fields.items()):
        shown = data.prompts.shown[rows, place]
        values, counts = np.unique(shown, return_counts=True)
        often, share = values[np.argmax(counts)], counts.max() / len(rows)
        ends = (
            (shown == 0) | (shown == field.codes.count - 1)
            if field.codes is not None
            else np.zeros(len(rows), dtype=bool)
        )
        if share > CONSTANT:
            what = f"is {_number(often)} on {share:.1%} of the training rows"
        elif field.codes is not None and _saturated(ends, shown == field.codes.count - 1):
            what = f"stands at an end of its scale on {ends.mean():.1%} of the training rows"
        else:
            continue
        lines.append(f"prompt field {name} {what}{_behind(field, data, rows)}")
    return lines


def _saturated(ends: NDArray[np.bool_], top: NDArray[np.bool_]) -> bool:
    """Most rows at an end, some of them at the upper one, or nearly all at the lower: many small values are natural."""
    return bool((ends.mean() > SATURATED and top.mean() > 0.05) or ends.mean() > NEARLY_ALL)


def _behind(field: Field, data: TrainingData, rows: NDArray[np.intp]) -> str:
    """The quantiles of the feature behind a field, and what its scale or format holds."""
    values = data.column(field.feature)
    if values is None:
        return ""
    low, middle, high = np.nanquantile(values[rows] * field.scale, (0.01, 0.5, 0.99))
    told = f": {field.feature} there is {_number(middle)} in the middle, {_number(low)} to {_number(high)} on 98%"
    if field.codes is not None:
        return f"{told}, the scale runs from {field.codes.low:g} to {field.codes.high:g}"
    return f"{told}, the format is {field.format}"


def _number(value: float) -> str:
    return f"{value:.3g}"
