"""From swaps to an adapter: a prepared folder, and a base model fine-tuned on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rook_bench.core import ConfigError, UnknownName
from rook_bench.core.console import err, remark
from rook_bench.core.files import check_apart, check_replaceable
from rook_bench.dataset import prepare as dataset
from rook_bench.dataset.common_split import DataDir, folders_of
from rook_bench.dataset.fit_rules import rules_of
from rook_bench.dataset.prepare import Prepared
from rook_bench.dataset.rules import Rules
from rook_bench.dataset.split_tapes import split_tape
from rook_bench.dataset.splits import SplitPlan
from rook_bench.drafts.make import Made as Drafted
from rook_bench.drafts.make import make_drafts
from rook_bench.drafts.row import check_form
from rook_bench.drafts.teachers import teacher_of
from rook_bench.language.manifest import adapter_hash
from rook_bench.language.runtime import require_train_extra
from rook_bench.language.template import load_template
from rook_bench.market.row_sketch import RowSketch
from rook_bench.rewards.make import Made, make_rewards
from rook_bench.rewards.reward import HORIZON_S
from rook_bench.training import TrainSettings, load_settings
from rook_bench.training.ranks import is_first
from rook_bench.trials import TrialLedger
from rook_bench.trials.trial import choice_of
from rook_bench.workbench.pair_configs import Configs, all_settings, each_for
from rook_bench.workbench.rows import split_dates
from rook_bench.workbench.running import Tape, tape_of

if TYPE_CHECKING:
    from rook_bench.training.fit import Trained


POLICY_SAMPLES = 3000
"""Rows that stage rl draws by default: rewards are noisy where labels are not."""

LONGEST_HORIZON_S = 86_400.0


def prepare(
    tape: Tape,
    rules: Rules | str | Path,
    out: str | Path,
    *,
    target_action_rate: float | None = None,
    purge: int = 100,
    embargo: int = 0,
    validation_from: datetime | str | None = None,
    test_from: datetime | str | None = None,
    windows: bool = False,
    compat_rook: bool = False,
) -> Prepared:
    """Write features, conditions and labels in ROOK's layout, and chronological splits as exact tapes.

    Args:
        tape: the swaps, with amounts and ticks, or a file or folder of them.
        rules: what labels the rows, a file of it, or "fit:mean-reversion,breakout": thresholds from the training rows.
        target_action_rate: share of the training rows on which fitted rules trade, 0.1 by default.
        out: folder to write to, whole or not at all.
        purge: windows dropped at the end of train and validation.
        embargo: windows dropped at the start of validation and test.
        validation_from, test_from: dates at which both begin, in place of shares of the tape; several pools that are
            learned from together have them in common.
        windows: write ROOK's train.csv, val.csv and test.csv too (see `dataset.prepare.prepare`).
        compat_rook: reproduce the published files, their leaks included; purge and embargo are then ROOK's.

    Raises:
        InputError, ConfigError: for swaps or rules that can't be used.
    """
    check_replaceable(Path(out))
    if isinstance(tape, str | Path):
        check_apart(Path(out), tape)
    thresholds = rules_of(rules, target_action_rate)
    dates = split_dates(validation_from, test_from)
    told = {"purge": purge, "embargo": embargo} | dates
    plan = None if compat_rook and not dates else SplitPlan.parse(told, where="prepare")
    return dataset.prepare(tape_of(tape), thresholds, out, plan=plan, windows=windows, compat_rook=compat_rook)


def reward(
    data_dir: DataDir,
    out: str | Path,
    config: Configs = None,
    *,
    horizon_s: float = HORIZON_S,
    template: str | Path = "codes",
    pair_token: bool = False,
    seed: int | None = None,
    tick: Callable[[str], None] = lambda what: None,
) -> Made:
    """Work out what each action would have earned on every train and validation row, and fit the critic (`tree:OUT`).

    Args:
        data_dir: what `prepare` wrote; of several folders, each of another pool and cut at one date, one critic is
            fitted.
        out: folder to write to, whole or not at all.
        config: capital, sizing and costs, or a file of them; filters are left out. Of several each is for the pools
            of its `pair`, and one without a pair for the rest.
        horizon_s: seconds from landing to the mark, at least one.
        template: the prompt whose numbers the critic reads; a model that learns from it shows the same.
        pair_token: as for `train`.
        seed: of the trees; by default the configuration's.
        tick: hears what is being done.

    Raises:
        InputError, ConfigError: for a folder without split tapes, one too short to learn from, a horizon that is none.
    """
    check_horizon(horizon_s)
    check_replaceable(Path(out))
    folders = folders_of(data_dir)
    check_apart(Path(out), *folders.all)
    settings = all_settings(config, seed)
    prompt = load_template(template).telling(pair=pair_token)
    pools = [split_tape(folder, "train").read().pool for folder in folders.paths]
    chosen = [one.replay() for one in each_for(settings, pools)]
    return make_rewards(folders, out, prompt, chosen, horizon_s=horizon_s, seed=settings[0].seed, tick=tick)


def check_horizon(horizon_s: float) -> None:
    """ConfigError for a horizon that is none."""
    if not 1 <= horizon_s <= LONGEST_HORIZON_S:
        raise ConfigError(f"a horizon of {horizon_s:g} s", where="horizon_s", hint="give 1 to 86,400 seconds")


def train(
    data_dir: DataDir,
    output_dir: str | Path,
    config: TrainSettings | str | Path | None = None,
    *,
    stage: str = "sft",
    rewards: str | Path | None = None,
    drafts: str | Path | None = None,
    parent: str | Path | None = None,
    fresh: bool = False,
    report_to: Sequence[str] = (),
    trials: str | Path | None = None,
    say: Callable[[str], None] = remark,
    **settings: Any,
) -> Trained:
    """Fine-tune a base model with LoRA on a prepared folder; the same call goes on after an interruption.

    Args:
        data_dir: what `prepare` wrote; several folders, each of another pool, are learned from together and cut at
            one date.
        output_dir: the adapter's folder; appears whole or not at all.
        config: settings, or a file of them (ROOK's JSON keys among them).
        stage: "sft" teaches the labels; "draft" the labels with drafts; "rl" goes on with `parent` by the rewards of
            its actions.
        rewards: what `reward` wrote for this folder, for stage "rl" alone.
        drafts: what `teach` wrote for this folder, for stage "draft" alone.
        parent: the adapter to go on with: stage "rl" needs one, stage "draft" may have one.
        fresh: forget the checkpoints of an interrupted run.
        report_to: experiment trackers that hear of every log while training runs, as transformers names them
            ("tensorboard", "wandb", "trackio", "mlflow", ...); each needs its own package.
        trials: folder of the trial ledger, which hears of the choice among checkpoints: a look at the validation rows.
        say: hears facts, warnings and a line per epoch.
        settings: keys of `TrainSettings` (model, num_epochs, max_samples, ...) that overrule `config`.

    Raises:
        InputError, ConfigError: without the extra `train`; for data, a base or settings that can't be used.
    """
    inputs = {"rewards": rewards, "drafts": drafts, "from": parent}
    chosen = settings_of_training(config, stage, inputs, settings)
    check_apart(Path(output_dir), *folders_of(data_dir).all, *(path for path in inputs.values() if path is not None))
    require_train_extra()
    if not is_first():  # of several processes that train together one speaks
        say = _to_nobody
    how: dict[str, Any] = {"say": say, "console": err, "fresh": fresh, "report_to": report_to}
    done = carry_out(data_dir, output_dir, chosen, inputs, **how)
    if is_first():
        record_choice(done, trials)
    return done


def carry_out(
    data_dir: DataDir,
    output_dir: str | Path,
    chosen: TrainSettings,
    inputs: Mapping[str, str | Path | None],
    **how: Any,
) -> Trained:
    """Train by settings and inputs that belong together (see `settings_of_training`); the ledger hears nothing."""
    from rook_bench.training.fit import train as fit
    from rook_bench.training.fit import train_policy

    rewards, parent = inputs["rewards"], inputs["from"]
    if rewards is not None and parent is not None:
        return train_policy(data_dir, output_dir, chosen, rewards, parent, **how)
    return fit(data_dir, output_dir, chosen, drafts=inputs["drafts"], parent=parent, **how)


def _to_nobody(line: str) -> None:
    """What the first of several processes says already."""


def settings_of_training(
    config: TrainSettings | str | Path | None,
    stage: str,
    inputs: Mapping[str, str | Path | None],
    settings: dict[str, Any],
) -> TrainSettings:
    """What a call of `train` comes to: its settings, where stage and inputs (rewards, drafts, from) belong together."""
    if isinstance(config, TrainSettings):
        chosen = TrainSettings.parse(config.model_dump() | settings, where="train")
    else:
        chosen = load_settings(config, **settings)
    _check_stage(stage, inputs, settings)
    if stage == "rl" and config is None and settings.get("max_samples") is None:
        chosen = chosen.model_copy(update={"max_samples": POLICY_SAMPLES})
    return chosen


def record_choice(done: Trained, trials: str | Path | None = None, *, called: Path | None = None) -> None:
    """Tell the trial ledger of the choice among checkpoints; `called` is where the adapter will lie, if elsewhere."""
    told = done.manifest.training
    choice = choice_of(
        str(called or done.folder),
        adapter_hash(done.folder),
        told["settings"] | _taught_by(told),
        told["data_hash"],
        done.chosen_by,
        done.checkpoints,
    )
    TrialLedger(Path(trials) if trials else None).record_choice(choice, RowSketch.from_json(done.chosen_by.rows))


def _taught_by(told: dict[str, Any]) -> dict[str, Any]:
    """Stage, parent, rewards and drafts behind an adapter, as its record tells them."""
    rewards, drafts, parent = told.get("rewards"), told.get("drafts"), told.get("parent")
    return {
        "stage": told["stage"],
        **({"parent": parent["adapter"]} if parent else {}),
        **({"rewards": rewards["file"], "horizon_s": rewards["horizon_s"]} if rewards else {}),
        **({"drafts": drafts["file"], "order": drafts["order"]} if drafts else {}),
    }


STAGES = {"sft": ((), ()), "draft": (("drafts",), ("from",)), "rl": (("rewards", "from"), ())}
"""What each stage of training needs, and what it may have."""

_WORDS = {"rewards": "DIR", "drafts": "FILE", "from": "ADAPTER"}


def _check_stage(stage: str, given: Mapping[str, str | Path | None], settings: dict[str, Any]) -> None:
    if stage not in STAGES:
        raise UnknownName("stage", stage, STAGES, where="--stage")
    needed, possible = STAGES[stage]
    for name, value in given.items():
        if value is None and name in needed:
            hint = "give " + " and ".join(f"--{one} {_WORDS[one]}" for one in needed)
            raise ConfigError(f"stage {stage} needs --{name}", where="train", hint=hint)
        if value is not None and name not in (*needed, *possible):
            other = next(word for word, (least, _) in STAGES.items() if name in least)
            raise ConfigError(f"stage {stage} takes no --{name}", where="train", hint=f"add --stage {other}")
    if given["from"] is not None:
        for key in ("model", "template", "pair_token"):
            if settings.get(key) is not None:
                raise ConfigError("training that goes on keeps the parent's", where=key, hint="leave it away")


def teach(
    data_dir: str | Path,
    out: str | Path,
    teacher: str,
    *,
    rules: str | Path | None = None,
    template: str | Path = "codes",
    order: str | None = None,
    form: str = "prompt-completion",
    rows: int | None = None,
    seed: int = 0,
    tick: Callable[[str, int, int], None] = lambda split, done, of: None,
) -> Drafted:
    """Have drafts written for the train and validation rows of a prepared folder; those that are true are kept.

    Args:
        data_dir: what `prepare` wrote.
        out: the file to write, whole or not at all, with its record beside it.
        teacher: "rules:FILE", "model:DIR" (a local model) or "endpoint:URL" (an OpenAI-compatible server).
        rules: the rules that made the labels, where the teacher is not the rules themselves.
        template: the prompt, whose [draft] is the grammar.
        order: "before" or "after" the answer; by default as the template says.
        form: "prompt-completion", which `train` reads, or another of TRL's: "conversational", "preference", "unpaired".
        rows: how many rows of each split are asked about; all by default.
        seed: of that draw.
        tick: hears the split, how many of its rows are done, and of how many.

    Raises:
        InputError, ConfigError, UnknownName: for a folder, a teacher or a template that can't be used.
    """
    target = Path(out)
    if target.suffix != ".jsonl":
        raise ConfigError("drafts are lines of JSON", where=out, hint="name the file .jsonl")
    who, of = teacher_of(teacher, Path(rules) if rules else None)
    asked = load_template(template)
    return make_drafts(
        data_dir,
        target,
        asked,
        who,
        Rules.from_file(of),
        order=order,
        form=check_form(form),
        rows=rows,
        seed=seed,
        tick=tick,
    )
