"""From swaps to adapters, fold by fold: walk-forward and combinatorial purged training."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rook_bench.core import ConfigError, InputError
from rook_bench.core.console import remark
from rook_bench.core.files import check_apart, check_replaceable, whole_folder
from rook_bench.dataset.fit_rules import rules_of
from rook_bench.dataset.folds import FoldPlan, Folds, has_folds, read_folds
from rook_bench.dataset.prepare_folds import TAPE, PreparedFolds
from rook_bench.dataset.prepare_folds import prepare_folds as write_folds
from rook_bench.dataset.rules import Rules
from rook_bench.dataset.split_tapes import split_tape
from rook_bench.engines import Engine, Threads
from rook_bench.language.base import check_base
from rook_bench.language.manifest import adapter_hash, read_manifest
from rook_bench.language.runtime import require_train_extra
from rook_bench.language.template import load_template
from rook_bench.market.row_sketch import RowSketch
from rook_bench.market.tape_file import read_tape
from rook_bench.rewards.make import Made, make_rewards
from rook_bench.rewards.reward import HORIZON_S
from rook_bench.training.ranks import world
from rook_bench.training.settings import TrainSettings
from rook_bench.trials import TrialLedger
from rook_bench.workbench.config import BenchConfig, settings_of
from rook_bench.workbench.fine_tune import check_horizon, record_choice, settings_of_training
from rook_bench.workbench.fold_work import FoldTraining, keep, kept, working
from rook_bench.workbench.running import Tape, tape_of

if TYPE_CHECKING:
    from rook_bench.training.fit import Trained


def prepare_folds(
    tape: Tape,
    rules: Rules | str | Path,
    out: str | Path,
    *,
    walk_forward: int | None = None,
    purged: tuple[int, int] | None = None,
    target_action_rate: float | None = None,
    purge: int = 100,
    embargo: int = 0,
    tick: Callable[[str], None] = lambda what: None,
) -> PreparedFolds:
    """Cut a tape into folds and write a prepared folder for each, with the tape that all of them are judged on.

    Args:
        tape: the swaps, or a file or folder of them.
        rules: what labels the rows, a file of it, or "fit:mean-reversion,breakout": thresholds from the training rows
            of each fold.
        out: folder to write to, whole or not at all.
        walk_forward: so many stretches, each judged by what was learned before it.
        purged: groups and how many of them are held out at once, such as (6, 2): a fold for every choice of them.
        target_action_rate: share of the training rows on which fitted rules trade, 0.1 by default.
        purge, embargo: rows left out between what is learned from and what it is chosen by or judged on; features
            look back over 100.
        tick: hears what is being done.

    Raises:
        ConfigError: for both of walk_forward and purged, or neither; for groups that can't be.
        InputError: for a tape too short for them, or rules that can't be used.
    """
    check_replaceable(Path(out))
    split = {"purge": purge, "embargo": embargo}
    plan = FoldPlan.parse({"walk_forward": walk_forward, "purged": purged, "split": split}, where="folds")
    thresholds = rules_of(rules, target_action_rate)
    if isinstance(tape, str | Path):
        check_apart(Path(out), tape)
    return write_folds(tape_of(tape), thresholds, out, plan, tick=tick)


def reward_folds(
    data_dir: str | Path,
    out: str | Path,
    config: BenchConfig | str | Path | None = None,
    *,
    horizon_s: float = HORIZON_S,
    template: str | Path = "codes",
    seed: int | None = None,
    tick: Callable[[str], None] = lambda what: None,
) -> list[Made]:
    """The rewards of every fold (see `reward`), in folders of the same names.

    Args:
        data_dir: what `prepare_folds` wrote.
        out: folder to write to, whole or not at all.
        config, horizon_s, template, seed: as for `reward`.
        tick: hears what is being done.

    Raises:
        InputError, ConfigError: as `reward`, and for what is no folder of folds.
    """
    check_horizon(horizon_s)
    check_replaceable(Path(out))
    check_apart(Path(out), data_dir)
    folds, settings, prompt = read_folds(data_dir, "data"), settings_of(config, seed), load_template(template)
    made = []
    with whole_folder(out) as aside:
        for name in folds.names:
            hear = lambda what: tick(f"{name}: {what}")  # noqa: B023, E731
            one = make_rewards(
                Path(data_dir) / name,
                aside / name,
                prompt,
                settings.replay(),
                horizon_s=horizon_s,
                seed=settings.seed,
                tick=hear,
            )
            made.append(one)
        folds.model_copy(update={"made": "rewards"}).save(aside)
    return made


@dataclass(frozen=True)
class TrainedFolds:
    """What came of training on every fold.

    Attributes:
        folder: the source `folds:FOLDER`.
        folds: the record; trained: of each fold, those that an earlier call had finished too.
    """

    folder: Path
    folds: Folds
    trained: list[Trained]


def train_folds(
    data_dir: str | Path,
    output_dir: str | Path,
    config: TrainSettings | str | Path | None = None,
    *,
    stage: str = "sft",
    rewards: str | Path | None = None,
    drafts: str | Path | None = None,
    parent: str | Path | None = None,
    fresh: bool = False,
    engine: Engine | None = None,
    trials: str | Path | None = None,
    say: Callable[[str], None] = remark,
    **settings: Any,
) -> TrainedFolds:
    """Fine-tune a base model on every fold; `folds:OUTPUT_DIR` asks each adapter where it learned nothing.

    The same call goes on after an interruption: folds that were finished are kept in `.NAME.folds` beside the output,
    and the one that was begun goes on from its last checkpoint.

    Args:
        data_dir: what `prepare_folds` wrote.
        output_dir: a folder of adapters; appears whole or not at all.
        config, stage, settings: as for `train`.
        rewards, drafts, parent: as for `train`; of a folder of folds each fold takes its own.
        fresh: forget what an interrupted call left.
        engine: where folds are trained (see `rook_bench.engines`): here, one after the other, by default. On several
            machines both folders lie where all of them see them.
        trials: folder of the trial ledger, which hears of every choice among checkpoints.
        say: hears facts, warnings and a line per epoch.

    Raises:
        InputError, ConfigError: as `train`, and for what is no folder of folds.
    """
    output = Path(output_dir)
    check_replaceable(output)
    folds = read_folds(data_dir, "data")
    inputs = {"rewards": rewards, "drafts": drafts, "from": parent}
    chosen = settings_of_training(config, stage, inputs, settings)
    given = {name: None if path is None else Path(path).absolute() for name, path in inputs.items()}
    check_apart(output, data_dir, *(path for path in given.values() if path is not None))
    require_train_extra()
    engine = _engine_for_folds(engine)
    _check_folds(Path(data_dir), folds, given, chosen)
    here = isinstance(engine, Threads)
    work = output.absolute().parent / f".{output.name}.folds"
    job = FoldTraining(Path(data_dir).absolute(), work, chosen, given, say if here else None)
    with working(work, job, say, fresh=fresh):
        done = {name: found for name in folds.names if (found := kept(work, name)) is not None}
        if done:
            say(f"kept from before: {', '.join(done)}")
        for name, trained in done.items():  # whoever was stopped in between has told the ledger nothing yet
            _record(trained, trials, output / name)
        left = [name for name in folds.names if name not in done]
        for place, (trained, lines) in engine.results(job, left):
            name = left[place]
            for line in lines:
                say(f"{name}: {line}")
            keep(work, name, trained)
            _record(trained, trials, output / name)
            done[name] = trained
        with whole_folder(output) as aside:
            for name in folds.names:  # copied, for whoever is stopped here has lost nothing
                shutil.copytree(work / name, aside / name)
            folds.model_copy(update={"made": "adapters"}).save(aside)
        shutil.rmtree(work)
    return TrainedFolds(output, folds, [replace(done[name], folder=output / name) for name in folds.names])


def _engine_for_folds(engine: Engine | None) -> Engine:
    if world() > 1:
        what = "folds are trained one by one, and this is one of several processes"
        raise ConfigError(what, where="train", hint="start it without torchrun, or train each fold's folder with it")
    if isinstance(engine, Threads) and engine.workers > 1:
        raise ConfigError("threads share one generator of random numbers", where="engine", hint="give --processes")
    return engine or Threads(1)


def _check_folds(data_dir: Path, folds: Folds, inputs: Mapping[str, Path | None], settings: TrainSettings) -> None:
    """InputError where something is missing that a later fold would find out after the ones before it were trained."""
    for name in folds.names:
        for split in ("train", "validation"):
            tape = split_tape(data_dir / name, split)
            if not tape.file.is_file():
                raise InputError("there is no such tape", where=tape.file, hint="prepare the folds again")
    if inputs["drafts"] is not None:
        hint = "train each fold's folder by itself (rook-bench teach, then train --stage draft)"
        raise ConfigError("drafts are of one folder, and not of folds", where="drafts", hint=hint)
    for key, made in (("rewards", "rewards"), ("from", "adapters")):
        path = inputs[key]
        if path is None or (key == "from" and not has_folds(path)):
            continue
        if (theirs := read_folds(path, made)).stretches != folds.stretches or theirs.folds != folds.folds:
            what = f"its folds are not those of {data_dir}"
            raise InputError(what, where=path, hint="make them from the same folder of folds")
    parent = inputs["from"]
    if parent is None:
        load_template(settings.template)
        check_base(settings.model)
    elif not has_folds(parent):
        _check_parent(data_dir, folds, parent)


def _check_parent(data_dir: Path, folds: Folds, parent: Path) -> None:
    """InputError where one adapter is to be gone on with that learned from what folds are judged on, or from later."""
    told = read_manifest(parent).learned_from
    if told is None:
        return
    late = np.datetime64(told.last_at[:19], "ns") >= folds.stretches[0].begins
    shared, _ = RowSketch.of(read_tape(data_dir / TAPE)).shared(RowSketch.from_json(told.rows)) if told.rows else (0, 0)
    if late or shared:
        what = f"it learned until {told.last_at[:19]}, and folds are judged from {folds.stretches[0].first_at[:19]} on"
        raise InputError(what, where=parent, hint="give a folder of folds, each of which goes on with its own")


def _record(trained: Trained, trials: str | Path | None, called: Path) -> None:
    """Put a choice among checkpoints on record, once."""
    source, content = f"lora:{called}", adapter_hash(trained.folder)
    ledger = TrialLedger(Path(trials) if trials else None)
    if not any(one.source == source and one.source_hash == content for one in ledger.trials()):
        record_choice(trained, trials, called=called)
