"""Metrics as metrics.json holds them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rook_bench.core import Estimate, InputError, RookError
from rook_bench.core.config import read_mapping


def read_estimates(folder: Path) -> dict[str, Estimate]:
    """Metrics by name of a run's folder; none where the file is not there or not one of ours."""
    try:
        return to_estimates(read_mapping(folder / "metrics.json"))
    except RookError:
        return {}


def to_estimates(record: Mapping[str, Any]) -> dict[str, Estimate]:
    """Metrics by name; InputError for what is none."""
    try:
        return {str(name): _estimate(value) for name, value in record.items()}
    except (TypeError, ValueError, KeyError, AttributeError):
        raise InputError("these are no metrics", where="metrics.json", hint="replay the run again") from None


def _estimate(told: Mapping[str, Any]) -> Estimate:
    value, low, high = (None if told[key] is None else float(told[key]) for key in ("value", "low", "high"))
    because = None if told["undefined_because"] is None else str(told["undefined_because"])
    how = str(told["convention"])
    return Estimate(value, int(told["n"]), str(told["unit"]), how, low, high, because, str(told.get("method", "")))
