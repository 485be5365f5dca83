"""`rook-bench train`: from a prepared folder to an adapter folder, whole or not at all."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from rook_bench.core import SIDE_NAMES, InputError
from rook_bench.core.files import check_replaceable, whole_folder
from rook_bench.dataset.common_split import DataDir
from rook_bench.language.adapter import base_of
from rook_bench.language.base import check_base, load_base
from rook_bench.language.manifest import LearnedFrom, Manifest, adapter_hash, check_files, read_manifest
from rook_bench.language.place import place_of
from rook_bench.language.quantised import require_quantize_extra
from rook_bench.language.runtime import load_torch
from rook_bench.language.template import load_template
from rook_bench.language.tokens import Encoder
from rook_bench.training.ceiling import Ceiling, prompt_ceiling
from rook_bench.training.data import TrainingData, read_training_data
from rook_bench.training.drafted import Drafted, Drafts
from rook_bench.training.examples import weights_by_pool
from rook_bench.training.expectations import expectations
from rook_bench.training.history import METRICS, read_history
from rook_bench.training.lesson import Imitation, label_counts
from rook_bench.training.policy import Policy, Rewarded, check_parent
from rook_bench.training.prompt_cautions import prompt_cautions
from rook_bench.training.ranks import is_first, wait_for_all
from rook_bench.training.run import TrainingRun
from rook_bench.training.settings import TrainSettings


@dataclass(frozen=True)
class Trained:
    """What came of a training run.

    Attributes:
        folder: the adapter; manifest: its record.
        ceiling: what plain classifiers make of the same prompts; None of a policy, whose record has the reward ceiling.
        validation: figures of the checkpoint that was kept.
        resumed: whether it went on from an interrupted run.
        chosen_by: the rows that the checkpoint was chosen by, among `checkpoints`.
    """

    folder: Path
    manifest: Manifest
    ceiling: Ceiling | None
    validation: dict[str, float]
    resumed: bool
    chosen_by: LearnedFrom
    checkpoints: int


def train(
    data_dir: DataDir,
    output_dir: str | Path,
    settings: TrainSettings,
    *,
    drafts: str | Path | None = None,
    parent: str | Path | None = None,
    say: Callable[[str], None] = print,
    console: Console | None = None,
    fresh: bool = False,
    report_to: Sequence[str] = (),
) -> Trained:
    """Fine-tune a base model on the labels of a prepared folder, with drafts (stage 2) or without.

    Args:
        data_dir: what `data prepare` wrote; several folders, each of another pool, are learned from together.
        output_dir: the adapter's folder; it appears whole at the end. Checkpoints wait beside it in
            `.NAME.training`, from which the same call goes on after a kill.
        settings: everything else; base model and template are the parent's where there is one.
        drafts: what `rook-bench teach` wrote for this very folder and template; rows without one are left out.
        parent: an adapter to go on with, which is not changed.
        say: hears facts, warnings and a line per epoch.
        console: where the progress bar goes.
        fresh: forget the checkpoints of an interrupted run.
        report_to: experiment trackers that hear of every log, as transformers names them.

    Raises:
        InputError, ConfigError: for data, a base or settings that can't be used.
    """
    check_replaceable(Path(output_dir))
    told = _reporters(report_to, Path(output_dir), say)
    ready = imitation_run(data_dir, settings, drafts=drafts, parent=parent, say=say)
    return _carried_out(ready, Path(output_dir), console, told, fresh=fresh)


def train_policy(
    data_dir: DataDir,
    output_dir: str | Path,
    settings: TrainSettings,
    rewards: str | Path,
    parent: str | Path,
    *,
    say: Callable[[str], None] = print,
    console: Console | None = None,
    fresh: bool = False,
    report_to: Sequence[str] = (),
) -> Trained:
    """Go on with an adapter by what each action would have earned (stage 3).

    Args:
        data_dir, output_dir, say, console, fresh, report_to: as for `train`.
        settings: base model and template are the parent's; `objective` says what is taught.
        rewards: what `rook-bench reward` wrote for this very folder and template.
        parent: the adapter, which is not changed.

    Raises:
        InputError, ConfigError: where these don't belong together, or can't be used.
    """
    check_replaceable(Path(output_dir))
    told = _reporters(report_to, Path(output_dir), say)
    ready = policy_run(data_dir, settings, rewards=rewards, parent=parent, say=say)
    return _carried_out(ready, Path(output_dir), console, told, fresh=fresh)


@dataclass(frozen=True)
class Ready:
    """A run that may begin, the folder it learns from, and what plain classifiers make of its prompts."""

    run: TrainingRun
    data: TrainingData
    ceiling: Ceiling | None


def imitation_run(
    data_dir: DataDir,
    settings: TrainSettings,
    *,
    drafts: str | Path | None,
    parent: str | Path | None,
    say: Callable[[str], None],
) -> Ready:
    """The run of `train`, which see, not begun."""
    start = _Parent.read(parent, settings) if parent is not None else None
    settings = start.settings if start else settings
    template = start.told.template if start else load_template(settings.template).telling(pair=settings.pair_token)
    if template.answer.json_object is not None:
        what = f"answers of template {template.name} are JSON after a free text: they are read, and can't be taught"
        raise InputError(what, hint="take a template whose answers are words")
    if start is None:
        check_base(settings.model)
    data = read_training_data(data_dir, template, settings.seq_len)
    taught = Drafts(data, drafts, template) if drafts is not None else None
    able = data.train[taught.known[data.train]] if taught else data.train
    if taught and not len(able):
        raise InputError("no train row has a draft", where=drafts, hint="make them again with rook-bench teach")
    chosen = data.draw(able, settings.max_samples, settings.seed)
    if len(np.unique(data.side[chosen])) < 2:
        what = f"the {len(chosen):,} rows drawn from the train split hold one class only"
        raise InputError(what, where=data.folder, hint=_more_of_the_rarer(data, len(chosen)))
    load_torch()
    if settings.load_in_4bit:
        require_quantize_extra()
    _describe(data, chosen, settings, say)
    for name, own in zip(data.names, data.by_pool(data.train), strict=True):
        for line in prompt_cautions(template, data, data.train[own]):
            say(f"warning: {line}" if data.common is None else f"warning: {name}: {line}")
    # Of all train rows: what a prompt can carry does not depend on how many of them this run draws.
    ceiling = prompt_ceiling(data, data.train, settings.seed)
    for line in ceiling.describe(template.name):
        say(line)
    base = base_of(start.folder, start.told) if start else load_base(settings.model)
    val = data.draw(data.val, settings.max_eval_samples, settings.seed)
    lesson: Imitation
    if taught is None:
        lesson = Imitation(data, chosen, val, settings, template, ceiling)
    else:
        from_where = (start.told, adapter_hash(start.folder)) if start else None
        lesson = Drafted(data, chosen, val, settings, template, ceiling, taught, from_where)
        for line in lesson.describe(Encoder(base.tokenizer, template)):
            say(line)
    run = TrainingRun(lesson, settings, template.bare, base, say, start.folder if start else None)
    return Ready(run, data, ceiling)


@dataclass(frozen=True)
class _Parent:
    """An adapter that training goes on with, and the settings with its base and template."""

    folder: Path
    told: Manifest
    settings: TrainSettings

    @classmethod
    def read(cls, folder: str | Path, settings: TrainSettings) -> _Parent:
        told, folder = read_manifest(folder), place_of(folder).folder
        check_files(folder, told)
        check_parent(told, folder, settings)
        kept = {
            "model": told.base.reference,
            "template": told.template.name,
            "pair_token": bool(told.template.pair),
        }
        return cls(folder, told, settings.model_copy(update=kept))


def policy_run(
    data_dir: DataDir,
    settings: TrainSettings,
    *,
    rewards: str | Path,
    parent: str | Path,
    say: Callable[[str], None],
) -> Ready:
    """The run of `train_policy`, which see, not begun."""
    start = _Parent.read(parent, settings)
    settings, told = start.settings, start.told
    data = read_training_data(data_dir, told.template, settings.seq_len)
    rewarded = Rewarded(data, rewards, told.template)
    load_torch()
    lesson = Policy(rewarded, start.folder, told, settings, told.template)
    for line in lesson.describe():
        say(line)
    if told.drafts_first:
        say("note: the parent drafts before it answers; what comes of this answers at once")
    run = TrainingRun(lesson, settings, told.template.bare, base_of(start.folder, told), say, start.folder)
    return Ready(run, data, None)


def _reporters(names: Sequence[str], output: Path, say: Callable[[str], None]) -> list[Any]:
    """Callbacks of the trackers that are named, made before anything takes time; of several processes one reports."""
    if not names or not is_first():
        return []
    load_torch()
    from rook_bench.training.reporting import reporters

    return reporters(names, output, say)


def _carried_out(
    ready: Ready, output: Path, console: Console | None, reporters: Sequence[Any], *, fresh: bool
) -> Trained:
    """Train from where an interrupted run stopped, and put the adapter in its place, whole."""
    run = ready.run
    work = output.parent / f".{output.name}.training"
    if run.settings.load_in_4bit:
        run.quantise()
    resumed = run.prepare(work, fresh=fresh)
    for line in expectations(run) if is_first() else ():
        run.say(line)
    run.fit(work, console or Console(stderr=True), resumed, output.name, reporters)
    if is_first():
        with whole_folder(output) as aside:
            run.write(aside, read_history(work / METRICS), output.name)
        shutil.rmtree(work, ignore_errors=True)
    wait_for_all()
    return trained(ready, output, read_manifest(output), run.checkpoints, resumed=resumed)


def trained(ready: Ready, folder: Path, manifest: Manifest, checkpoints: int, *, resumed: bool) -> Trained:
    """What came of a run whose adapter lies in a folder."""
    validation = manifest.training["validation"]
    return Trained(folder, manifest, ready.ceiling, validation, resumed, ready.data.chosen_by, checkpoints)


def _more_of_the_rarer(data: TrainingData, drawn: int) -> str:
    """What to do where a draw missed all classes but one."""
    counts = np.bincount(data.side[data.train], minlength=3)
    rarer = int(counts.sum() - counts.max())
    needed = math.ceil(3 * len(data.train) / rarer)  # a draw of so many rows holds one of them 95 times in 100
    if needed > max(10 * drawn, 1000):
        return (
            f"{rarer:,} of {len(data.train):,} train rows are of another class: prepare again with rules that fire on "
            "this pool (--rules fit:mean-reversion,breakout)"
        )
    return f"raise max_samples: {rarer:,} of {len(data.train):,} train rows are of another class"


def _describe(
    data: TrainingData, chosen: NDArray[np.intp], settings: TrainSettings, say: Callable[[str], None]
) -> None:
    if data.common is not None:
        until = "" if data.common.test_from is None else f", and nothing from {_hour(data.common.test_from)} on is seen"
        say(f"{len(data.pools)} pools cut at one time: validation from {_hour(data.common.validation_from)}{until}")
    weights = weights_by_pool(data, chosen, settings.balance)
    for name, learned, measured, own, each in zip(
        data.names, data.by_pool(data.train), data.by_pool(data.val), data.by_pool(chosen), weights, strict=True
    ):
        counts = label_counts(data, chosen[own])
        say(
            ("" if data.common is None else f"{name}: ")
            + f"{len(own):,} of {len(learned):,} train rows, {len(measured):,} validation rows: "
            + ", ".join(f"{side} {count / len(own):.1%}" for side, count in counts.items())
        )
        say(
            ("" if data.common is None else f"{name}: ")
            + f"class weights in the loss ({settings.balance}): "
            + ", ".join(f"{side} {weight:.2f}" for side, weight in zip(SIDE_NAMES, each, strict=True))
            + "; probabilities are corrected back to the natural mixture"
        )
    if data.overlap:
        say("note: no purge between train and validation: features of the first validation rows look into train")


def _hour(at: np.datetime64) -> str:
    return f"{np.datetime_as_string(at, unit='m')}".replace("T", " ")
