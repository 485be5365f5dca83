"""Whether what training is given belongs together, asked without a model: before a machine is rented for it."""

from __future__ import annotations

from pathlib import Path

from rook_bench.core import InputError
from rook_bench.language.manifest import check_files, read_manifest
from rook_bench.language.template import load_template
from rook_bench.training.data import read_training_data
from rook_bench.training.drafted import Drafts
from rook_bench.training.policy import Rewarded, check_parent
from rook_bench.training.settings import TrainSettings


def check_inputs(
    data_dir: Path,
    settings: TrainSettings,
    *,
    rewards: Path | None = None,
    drafts: Path | None = None,
    parent: Path | None = None,
) -> None:
    """Read what a call of `train` reads before it loads a model.

    Raises:
        InputError, ConfigError: for what can't be used, or was not made for one another.
    """
    template = load_template(settings.template).telling(pair=settings.pair_token) if parent is None else None
    if parent is not None:
        told = read_manifest(parent)
        check_files(parent, told)
        check_parent(told, parent, settings)
        template = told.template
    assert template is not None
    data = read_training_data(data_dir, template, settings.seq_len)
    if rewards is not None:
        Rewarded(data, rewards, template)
    if drafts is not None and not Drafts(data, drafts, template).known[data.train].any():
        raise InputError("no train row has a draft", where=drafts, hint="make them again with rook-bench teach")
