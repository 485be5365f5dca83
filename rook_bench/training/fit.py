"""`rook-bench train`: from a prepared folder to an adapter folder, whole or not at all."""

from __future__ import annotations

import json
import math
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from rook_bench.core import SIDE_NAMES, InputError, Side
from rook_bench.core.files import check_replaceable, whole_folder
from rook_bench.core.hashing import TRAINING, sha256_code, sha256_file, sha256_json
from rook_bench.language.base import Base, check_base, load_base
from rook_bench.language.manifest import CONFIG, BaseRecord, LearnedFrom, Manifest, loadable
from rook_bench.language.runtime import default_device, fast_bf16, load_torch, quiet, set_threads
from rook_bench.language.scoring import Scorer, probabilities
from rook_bench.language.template import Template, load_template
from rook_bench.language.tokens import Encoder
from rook_bench.training.card import model_card
from rook_bench.training.ceiling import Ceiling, prompt_ceiling
from rook_bench.training.checkpoints import latest_checkpoint, step_of
from rook_bench.training.data import TrainingData, read_training_data
from rook_bench.training.evaluation import calibration_error, fit_temperature, judge_answers, side_scores
from rook_bench.training.examples import Collator, Example, class_weights, make_examples
from rook_bench.training.prompt_cautions import prompt_cautions
from rook_bench.training.settings import TrainSettings
from rook_bench.training.targets import lora_targets, transposed

EVAL_BATCH = 64
LIBRARIES = ("torch", "transformers", "peft", "tokenizers", "scikit-learn", "numpy")


@dataclass(frozen=True)
class Trained:
    """What came of a training run.

    Attributes:
        folder: the adapter; manifest: its record.
        ceiling: what plain classifiers make of the same prompts.
        validation: figures of the checkpoint that was kept.
        resumed: whether it went on from an interrupted run.
        chosen_by: the rows that the checkpoint was chosen by, among `checkpoints`.
    """

    folder: Path
    manifest: Manifest
    ceiling: Ceiling
    validation: dict[str, float]
    resumed: bool
    chosen_by: LearnedFrom
    checkpoints: int


def train(
    data_dir: str | Path,
    output_dir: str | Path,
    settings: TrainSettings,
    *,
    say: Callable[[str], None] = print,
    console: Console | None = None,
    fresh: bool = False,
) -> Trained:
    """Fine-tune a base model on a prepared folder.

    Args:
        data_dir: what `data prepare` wrote.
        output_dir: the adapter's folder; it appears whole at the end. Checkpoints wait beside it in
            `.NAME.training`, from which the same call goes on after a kill.
        settings: everything else.
        say: hears facts, warnings and a line per epoch.
        console: where the progress bar goes.
        fresh: forget the checkpoints of an interrupted run.

    Raises:
        InputError, ConfigError: for data, a base or settings that can't be used.
    """
    output = Path(output_dir)
    check_replaceable(output)
    template = load_template(settings.template)
    check_base(settings.model)
    data = read_training_data(data_dir, template, settings.seq_len)
    chosen = draw_rows(data.train, settings.max_samples, settings.seed)
    if len(np.unique(data.side[chosen])) < 2:
        what = f"the {len(chosen):,} rows drawn from the train split hold one class only"
        raise InputError(what, where=data_dir, hint=_more_of_the_rarer(data, len(chosen)))
    load_torch()
    _describe(data, chosen, settings, say)
    for line in prompt_cautions(template, data, data.train):
        say(f"warning: {line}")
    # Of all train rows: what a prompt can carry does not depend on how many of them this run draws.
    ceiling = prompt_ceiling(data, data.train, settings.seed)
    for line in ceiling.describe(template.name):
        say(line)
    base = load_base(settings.model)
    run = _Run(data, chosen, settings, template, base, ceiling, say)
    work = output.parent / f".{output.name}.training"
    resumed = run.prepare(work, fresh=fresh)
    run.fit(work, console or Console(stderr=True), resumed)
    with whole_folder(output) as aside:
        manifest = run.write(aside, work, output.name)
    shutil.rmtree(work, ignore_errors=True)
    return Trained(output, manifest, ceiling, manifest.training["validation"], resumed, data.chosen_by, run.checkpoints)


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


def draw_rows(rows: NDArray[np.intp], most: int, seed: int) -> NDArray[np.intp]:
    """At most so many rows, drawn without replacement, in order of time."""
    if len(rows) <= most:
        return rows
    return np.sort(np.random.default_rng(seed).choice(rows, size=most, replace=False))


def _describe(
    data: TrainingData, chosen: NDArray[np.intp], settings: TrainSettings, say: Callable[[str], None]
) -> None:
    counts = _label_counts(data, chosen)
    weights = class_weights(data.side[chosen], settings.balance)
    say(
        f"{len(chosen):,} of {len(data.train):,} train rows, {len(data.val):,} validation rows: "
        + ", ".join(f"{name} {count / len(chosen):.1%}" for name, count in counts.items())
    )
    say(
        f"class weights in the loss ({settings.balance}): "
        + ", ".join(f"{name} {weight:.2f}" for name, weight in zip(SIDE_NAMES, weights, strict=True))
        + "; probabilities are corrected back to the natural mixture"
    )
    if data.overlap:
        say("note: no purge between train and validation: features of the first validation rows look into train")


def _label_counts(data: TrainingData, rows: NDArray[np.intp]) -> dict[str, int]:
    counts = np.bincount(data.side[rows], minlength=3)
    return {name: int(count) for name, count in zip(SIDE_NAMES, counts, strict=True)}


class _Run:
    """One training run: the model with its adapter, the examples, and what is measured on the way."""

    def __init__(
        self,
        data: TrainingData,
        chosen: NDArray[np.intp],
        settings: TrainSettings,
        template: Template,
        base: Base,
        ceiling: Ceiling,
        say: Callable[[str], None],
    ) -> None:
        self.data, self.chosen, self.settings, self.template = data, chosen, settings, template
        self.base, self.ceiling, self.say = base, ceiling, say
        self.device = default_device()
        set_threads(base.parameters)
        self.encoder = Encoder(base.tokenizer, template.answer)
        self.encoder.check_reads_back({Side[name]: values for name, values in data.answers(chosen).items()})
        self.weights = class_weights(data.side[chosen], settings.balance)
        self.examples = make_examples(data, chosen, self.encoder, self.weights)
        self.val = draw_rows(data.val, settings.max_eval_samples, settings.seed)
        self.val_examples = make_examples(data, self.val, self.encoder, [1.0, 1.0, 1.0])
        self.collator = Collator(self.encoder.end)
        self._check_room(self.examples + self.val_examples)
        self.provisional = self._manifest(1.0, {}, {})
        self.targets: list[str] = []
        self.bf16 = self._bf16()
        load_torch().manual_seed(settings.seed)
        self.model, self.unwrapped = self._adapt()
        self.unwrapped.to(self.device)
        self.started = time.monotonic()

    def _check_room(self, examples: list[Example]) -> None:
        longest = max(len(example["input_ids"]) for example in examples)
        limit = getattr(self.base.model.config, "max_position_embeddings", None)
        if limit is not None and longest > limit:
            raise InputError(
                f"an example of {longest} tokens does not fit a model of {limit}", where=self.base.reference
            )

    def _bf16(self) -> bool:
        asked = self.settings.bf16
        able = fast_bf16(self.device)
        if asked and not able:
            raise InputError("this processor has no bfloat16 arithmetic", where="bf16", hint="leave it away")
        return able and self.device != "cpu" if asked is None else asked

    def _adapt(self) -> tuple[Any, Any]:
        """The model to train, and the plain language model inside it."""
        if self.settings.method == "full":
            return self.base.model, self.base.model
        from peft import LoraConfig, get_peft_model

        self.targets = lora_targets(self.base.model, self.settings.lora_targets)
        config = LoraConfig(
            task_type="CAUSAL_LM",
            r=self.settings.lora_r,
            lora_alpha=self.settings.lora_alpha,
            lora_dropout=self.settings.lora_dropout,
            target_modules=self.targets,
            fan_in_fan_out=transposed(self.base.model),
        )
        with quiet():
            model = get_peft_model(self.base.model, config)
        return model, model.get_base_model()

    def prepare(self, work: Path, *, fresh: bool) -> bool:
        """Make the working folder; True where it holds checkpoints of this very run."""
        fingerprint = {
            "settings": self.settings.model_dump(mode="json"),
            "data": self.data.data_hash,
            "template": self.template.sha256,
            "base": self.base.sha256,
            "code": sha256_code("training", "language"),
            "versions": _versions(),
        }
        record = work / "run.json"
        if work.exists():
            same = record.is_file() and record.read_text(encoding="utf-8") == json.dumps(fingerprint)
            if same and not fresh:
                kept = latest_checkpoint(work) is not None
                if not kept:
                    self.say("note: an interrupted run lay here, stopped before it kept anything; starting at step 0")
                return kept
            if not fresh:
                self.say("note: an interrupted run with other settings, data or code lay here; starting over")
            shutil.rmtree(work)
        work.mkdir(parents=True)
        record.write_text(json.dumps(fingerprint), encoding="utf-8")
        return False

    def fit(self, work: Path, console: Console, resumed: bool) -> None:
        """Train, evaluating after each epoch, and go back to the best one."""
        from transformers import EarlyStoppingCallback, TrainingArguments
        from transformers.utils import logging

        from rook_bench.training.trainer import Bar, MetricsFile, RookTrainer, TimedCheckpoint

        logging.set_verbosity_error()
        settings, steps = self.settings, self._steps()
        arguments = TrainingArguments(
            output_dir=str(work),
            num_train_epochs=settings.num_epochs,
            per_device_train_batch_size=settings.batch_size,
            gradient_accumulation_steps=settings.accumulation,
            learning_rate=settings.learning_rate,
            weight_decay=settings.weight_decay,
            warmup_steps=round(settings.warmup_share * steps),
            bf16=self.bf16,
            use_cpu=self.device == "cpu",
            seed=settings.seed,
            data_seed=settings.seed,
            eval_strategy="epoch",
            save_strategy="epoch",
            save_total_limit=2,
            load_best_model_at_end=True,
            metric_for_best_model="eval_nll",
            greater_is_better=False,
            logging_steps=max(1, steps // 50),
            restore_callback_states_from_checkpoint=True,
            remove_unused_columns=False,
            dataloader_pin_memory=False,
            report_to=[],
            disable_tqdm=True,
        )
        bar = Bar(console, self.say)
        callbacks: list[Any] = [bar, MetricsFile(work / "metrics.jsonl"), TimedCheckpoint()]
        if settings.patience:
            callbacks.append(EarlyStoppingCallback(early_stopping_patience=settings.patience))
        self.trainer = RookTrainer(
            unwrapped=self.unwrapped,
            judge=self.judge,
            examples=self.examples,
            eval_dataset=self.val_examples,
            model=self.model,
            args=arguments,
            data_collator=self.collator,
            callbacks=callbacks,
        )
        checkpoint = latest_checkpoint(work) if resumed else None
        if checkpoint is not None:
            self.say(f"going on from step {step_of(checkpoint)} of {steps}")
        try:
            with quiet():
                self.trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
        except KeyboardInterrupt:
            bar.progress.stop()
            kept = latest_checkpoint(work)
            place = f"from step {step_of(kept)} of {steps}" if kept else "from the start: nothing was kept yet"
            self.say(f"run the same command to go on {place}")
            raise
        finally:
            bar.progress.stop()
        self.seconds = time.monotonic() - self.started

    def _steps(self) -> int:
        batches = -(-len(self.examples) // self.settings.batch_size)
        return max(1, int(-(-batches // self.settings.accumulation) * self.settings.num_epochs))

    @property
    def checkpoints(self) -> int:
        """Among how many the kept one was chosen."""
        return sum("eval_nll" in entry for entry in self.trainer.state.log_history)

    def judge(self) -> dict[str, float]:
        """Validation: answers by scoring, and the loss of the labelled answers."""
        from rook_bench.training.trainer import validation_losses

        measured = judge_answers(self._answers(), self._labels(), self.provisional)
        return measured | validation_losses(self.unwrapped, self.val_examples, self.collator, EVAL_BATCH)

    def _answers(self) -> Any:
        self.unwrapped.eval()
        scorer = Scorer(self.unwrapped, self.encoder, self.provisional)
        return scorer([self.data.prompts.texts[row] for row in self.val])

    def _labels(self) -> Any:
        return [self.data.labels[row] for row in self.val]

    def write(self, folder: Path, work: Path, name: str) -> Manifest:
        """Fit the temperature, and write weights, tokenizer, record, history, picture and card."""
        from rook_bench.report.charts.training import draw_training

        answers, labels = self._answers(), self._labels()
        truth = np.array([label.side for label in labels], dtype=np.int64)
        scores = side_scores(answers)
        temperature = fit_temperature(scores, truth, self.provisional)
        calibration = {
            "before": calibration_error(probabilities(scores, self.provisional, 1.0), truth),
            "after": calibration_error(probabilities(scores, self.provisional, temperature), truth),
        }
        self.model.save_pretrained(folder)
        (folder / "README.md").unlink(missing_ok=True)  # peft's own card; ours says more
        if self.targets:
            _sort_targets(folder / CONFIG["lora"])
        self.base.tokenizer.save_pretrained(folder)
        files = {path.name: sha256_file(path) for path in loadable(folder)}
        provisional = self._manifest(temperature, files, {})
        facts = self._facts(judge_answers(answers, labels, provisional), calibration)
        manifest = provisional.model_copy(update={"training": facts})
        manifest.save(folder)
        history = [json.loads(line) for line in (work / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
        shutil.copyfile(work / "metrics.jsonl", folder / "metrics.jsonl")
        (folder / "training.png").write_bytes(draw_training(history, facts["ceiling"], name))
        (folder / "README.md").write_text(model_card(manifest, name), encoding="utf-8")
        for path in folder.iterdir():
            path.chmod(0o644)  # safetensors writes for the owner alone
        return manifest

    def _manifest(self, temperature: float, files: dict[str, str], facts: dict[str, Any]) -> Manifest:
        return Manifest(
            kind=self.settings.method,
            template=self.template,
            base=BaseRecord(reference=self.settings.model, sha256=self.base.sha256),
            answers=self.data.answers(self.chosen),
            class_weights=dict(zip(SIDE_NAMES, self.weights, strict=True)),
            temperature=temperature,
            files=files,
            learned_from=self.data.learned_from,
            training=facts,
        )

    def _facts(self, validation: dict[str, float], calibration: dict[str, float]) -> dict[str, Any]:
        state = self.trainer.state
        per_epoch = state.max_steps / max(self.settings.num_epochs, 1e-9)
        row = next(row for row in self.chosen if self.data.side[row] != 1)
        label = self.data.labels[row]
        answer = "".join(
            text
            for _, text in self.template.answer.pieces(label.side, label.size, label.slippage_bps, label.deadline_s)
        )
        return {
            "settings": self.settings.model_dump(mode="json"),
            "pool": {name: getattr(self.data.pool, name) for name in ("pair", "chain", "address", "protocol")},
            "rows": {"train": len(self.chosen), "validation": len(self.val)},
            "labels": _label_counts(self.data, self.chosen),
            "example": self.data.prompts.texts[row] + answer,
            "validation": validation,
            "calibration": calibration,
            "ceiling": self.ceiling.to_json(),
            "parameters": int(self.unwrapped.num_parameters()),
            "trainable_parameters": sum(p.numel() for p in self.model.parameters() if p.requires_grad),
            "lora_targets": self.targets,
            "epochs": float(state.epoch),
            "best_epoch": (state.best_global_step or state.global_step) / per_epoch,
            "seconds": round(self.seconds, 1),
            "device": self.device,
            "data_hash": self.data.data_hash,
            "tokenizer": sha256_json(self.base.tokenizer.get_vocab()),
            "code": sha256_code(*TRAINING),
            "versions": _versions(),
        }


def _sort_targets(path: Path) -> None:
    """Peft writes a set, in an order that differs from process to process; equal runs give equal files."""
    shape = json.loads(path.read_text(encoding="utf-8"))
    shape["target_modules"] = sorted(shape["target_modules"])
    path.write_text(json.dumps(shape, indent=2, sort_keys=True), encoding="utf-8")


def _versions() -> dict[str, str]:
    return {name: version(name) for name in LIBRARIES}
