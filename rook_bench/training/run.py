"""One training run: the model with its adapter, steps and checkpoints, whatever it is that is taught."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.console import Console

from rook_bench.core import InputError, Side
from rook_bench.core.hashing import TRAINING, sha256_code, sha256_file, sha256_json
from rook_bench.language.base import Base
from rook_bench.language.draft_scoring import scorer
from rook_bench.language.manifest import CONFIG, BaseRecord, Manifest, loadable
from rook_bench.language.quantised import load_in_4bit
from rook_bench.language.runtime import default_device, fast_bf16, load_torch, quiet, set_threads
from rook_bench.language.scoring import Scored
from rook_bench.language.template import Template
from rook_bench.language.tokens import Encoder
from rook_bench.training.card import model_card
from rook_bench.training.checkpoints import latest_checkpoint, step_of
from rook_bench.training.examples import Collator, Example
from rook_bench.training.history import METRICS, PROGRESS, write_history
from rook_bench.training.lesson import Lesson
from rook_bench.training.ranks import devices, is_first, use_own_device, wait_for_all, world
from rook_bench.training.settings import TrainSettings
from rook_bench.training.targets import lora_targets, transposed

LIBRARIES = ("torch", "transformers", "peft", "tokenizers", "scikit-learn", "numpy")


class TrainingRun:
    """One training run.

    Args:
        lesson: what is taught.
        settings, template: of the run.
        base: the model that learns, with its tokenizer.
        say: hears facts, warnings and a line per epoch.
        parent: an adapter of the base that training goes on from; a new one by default.
    """

    def __init__(
        self,
        lesson: Lesson,
        settings: TrainSettings,
        template: Template,
        base: Base,
        say: Callable[[str], None],
        parent: Path | None = None,
    ) -> None:
        self.lesson, self.settings, self.template = lesson, settings, template
        self.base, self.say, self.parent = base, say, parent
        self.use_cache = getattr(base.model.config, "use_cache", None)
        use_own_device()
        self.device = default_device()
        set_threads(base.parameters)
        self.encoder = Encoder(base.tokenizer, template)
        self.encoder.check_reads_back({Side[name]: values for name, values in lesson.answers.items()})
        self.collator = Collator(self.encoder.end)
        self.provisional = self._manifest()
        self.targets: list[str] = []
        self.bf16 = self._bf16()
        load_torch().manual_seed(settings.seed)
        self.model, self.unwrapped = self._adapt(base.model)
        self.whole: tuple[Any, Any] | None = None
        if not settings.load_in_4bit:
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

    def quantise(self) -> None:
        """From here on the base is one in 4 bits, until `fit` has ended; the adapter is the same."""
        from peft import get_peft_model_state_dict, set_peft_model_state_dict

        self.whole = (self.model, self.unwrapped)
        begun = get_peft_model_state_dict(self.model)
        self.model, self.unwrapped = self._adapt(load_in_4bit(self.base.reference, self.device, bf16=self.bf16))
        with quiet():
            set_peft_model_state_dict(self.model, begun)

    def _onto_whole_base(self) -> None:
        """The adapter on the base as it is: what it will be asked on is what it is calibrated and measured on."""
        from peft import get_peft_model_state_dict, set_peft_model_state_dict

        if self.whole is None:
            return
        taught = get_peft_model_state_dict(self.model)
        (self.model, self.unwrapped), self.whole = self.whole, None
        with quiet():
            set_peft_model_state_dict(self.model, {name: value.float() for name, value in taught.items()})
        self.trainer.model = self.trainer.model_wrapped = self.model  # lets go of the other
        self.unwrapped.to(self.device)

    def _adapt(self, base: Any) -> tuple[Any, Any]:
        """The model to train, and the plain language model inside it."""
        if self.settings.method == "full":
            return base, base
        from peft import LoraConfig, PeftModel, get_peft_model

        if self.parent is not None:
            with quiet():
                model = PeftModel.from_pretrained(base, str(self.parent), is_trainable=True)
            self.targets = sorted(model.peft_config["default"].target_modules)
            return model, model.get_base_model()

        self.targets = self.targets or lora_targets(base, self.settings.lora_targets)
        config = LoraConfig(
            task_type="CAUSAL_LM",
            r=self.settings.lora_r,
            lora_alpha=self.settings.lora_alpha,
            lora_dropout=self.settings.lora_dropout,
            target_modules=self.targets,
            use_dora=self.settings.lora_dora,
            use_rslora=self.settings.lora_rs,
            fan_in_fan_out=transposed(base),
        )
        with quiet():
            model = get_peft_model(base, config)
        return model, model.get_base_model()

    def prepare(self, work: Path, *, fresh: bool) -> bool:
        """Make examples and the working folder; True where it holds checkpoints of this very run."""
        self.examples, self.val_examples = self.lesson.examples(self.encoder, self.score)
        self._check_room(self.examples + self.val_examples)
        fingerprint = {
            "settings": self.settings.model_dump(mode="json"),
            **self.lesson.identity,
            "template": self.template.sha256,
            "base": self.base.sha256,
            "code": sha256_code("training", "language"),
            "versions": versions(),
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
        wait_for_all()  # before any of them looks, none has begun to write
        if is_first():
            shutil.rmtree(work, ignore_errors=True)
            work.mkdir(parents=True)
            record.write_text(json.dumps(fingerprint), encoding="utf-8")
        wait_for_all()
        return False

    def fit(self, work: Path, console: Console, resumed: bool, name: str, reporters: Sequence[Any] = ()) -> None:
        """Train, evaluating after each epoch, and go back to the best one.

        Args:
            work: where checkpoints wait.
            console: of the progress bar.
            resumed: go on from the last checkpoint there.
            name: of the adapter, for those who are told how it goes.
            reporters: callbacks that hear of it; none of them changes what is learned.
        """
        from transformers import EarlyStoppingCallback, TrainingArguments
        from transformers.utils import logging

        from rook_bench.training.reporting import PROJECT
        from rook_bench.training.trainer import Bar, MetricsFile, ProgressFile, RookTrainer, TimedCheckpoint

        logging.set_verbosity_error()
        settings = self.settings
        batch, passes = self._shared_out()
        steps = self.steps(batch, passes)
        arguments = TrainingArguments(
            output_dir=str(work),
            num_train_epochs=settings.num_epochs,
            per_device_train_batch_size=batch,
            gradient_accumulation_steps=passes,
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
            activation_checkpointing=settings.gradient_checkpointing,
            activation_checkpointing_kwargs={"use_reentrant": False} if settings.gradient_checkpointing else None,
            report_to=[],  # made beforehand, and kept from stopping training: see `reporting`
            run_name=name,
            project=PROJECT,
            disable_tqdm=True,
        )
        bar = Bar(console, self.say)
        callbacks: list[Any] = [
            bar,
            MetricsFile(work / METRICS),
            ProgressFile(work / PROGRESS),
            TimedCheckpoint(),
            *reporters,
        ]
        if settings.patience:
            callbacks.append(EarlyStoppingCallback(early_stopping_patience=settings.patience))
        self.trainer = RookTrainer(
            unwrapped=self.unwrapped,
            teach=self.lesson.loss,
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
        self._onto_whole_base()
        self.seconds = time.monotonic() - self.started

    def steps(self, batch: int, passes: int) -> int:
        """How many steps training takes at most."""
        batches = -(-len(self.examples) // (batch * world()))
        return max(1, int(-(-batches // passes) * self.settings.num_epochs))

    def _shared_out(self) -> tuple[int, int]:
        """Examples of a pass, and passes of a step: for each of several devices fewer, so that a step sees as many."""
        batch, passes, many = self.settings.batch_size, self.settings.accumulation, world()
        if passes % many == 0:
            return batch, passes // many
        if batch % many == 0:
            return batch // many, passes
        self.say(f"note: {batch} x {passes} examples a step can't be shared out to {many} devices: a step sees more")
        return batch, passes

    @property
    def checkpoints(self) -> int:
        """Among how many the kept one was chosen."""
        return sum("eval_nll" in entry for entry in self.trainer.state.log_history)

    def score(self, texts: Sequence[str], *, rough: bool = False) -> list[Scored]:
        """Answers of the model as it is now, by constrained scoring."""
        self.unwrapped.eval()
        return scorer(self.unwrapped, self.encoder, self.provisional, rough=rough)(texts)

    def judge(self) -> dict[str, float]:
        """Validation: answers by scoring, and the loss by part of the answer."""
        measured = self.lesson.measure(partial(self.score, rough=True), self.provisional)
        return measured | self.lesson.losses(self.unwrapped, self.val_examples, self.collator)

    def write(
        self, folder: Path, history: list[dict[str, float]], name: str, facts: dict[str, Any] | None = None
    ) -> Manifest:
        """Fit what is fitted at the end, and write weights, tokenizer, record, history, picture and card.

        Args:
            folder: where to.
            history: what was logged (see `read_history`).
            name: of the adapter.
            facts: what is known of how training went; by default what this run knows of itself.
        """
        from rook_bench.report.charts.training import draw_training

        fitted, told = self.lesson.finish(self.score, self.provisional)
        if self.use_cache is not None:  # the trainer turns it off, for itself
            self.base.model.config.use_cache = self.use_cache
        self.model.save_pretrained(folder)
        (folder / "README.md").unlink(missing_ok=True)  # peft's own card; ours says more
        if self.targets:
            _sort_targets(folder / CONFIG["lora"])
        self.base.tokenizer.save_pretrained(folder)
        files = {path.name: sha256_file(path) for path in loadable(folder)}
        self.unwrapped.eval()
        further = self.lesson.further(self.unwrapped, self.encoder, fitted)
        whole = told | further | self._facts() | (self.went() if facts is None else facts)
        manifest = fitted.model_copy(update={"files": files, "training": whole})
        manifest.save(folder)
        write_history(folder / METRICS, history)
        (folder / "training.png").write_bytes(draw_training(history, whole, name))
        (folder / "README.md").write_text(model_card(manifest, name), encoding="utf-8")
        for path in folder.iterdir():
            path.chmod(0o644)  # safetensors writes for the owner alone
        return manifest

    def _manifest(self) -> Manifest:
        return Manifest(
            kind=self.settings.method,
            template=self.template,
            base=BaseRecord(reference=self.settings.model, sha256=self.base.sha256),
            answers=self.lesson.answers,
            temperature=1.0,
            files={},
            **self.lesson.record,
        )

    def _facts(self) -> dict[str, Any]:
        return {
            "settings": self.settings.model_dump(mode="json"),
            "parameters": int(self.unwrapped.num_parameters()),
            "trainable_parameters": sum(p.numel() for p in self.model.parameters() if p.requires_grad),
            "lora_targets": self.targets,
            "tokenizer": sha256_json(self.base.tokenizer.get_vocab()),
            "code": sha256_code(*TRAINING),
        }

    def went(self) -> dict[str, Any]:
        """How training went, and on what."""
        state = self.trainer.state
        per_epoch = state.max_steps / max(self.settings.num_epochs, 1e-9)
        return {
            "epochs": float(state.epoch),
            "best_epoch": (state.best_global_step or state.global_step) / per_epoch,
            "seconds": round(self.seconds, 1),
            "device": self.device,
            **({"devices": devices()} if self.device != "cpu" or world() > 1 else {}),
            "versions": versions(),
        }


def _sort_targets(path: Path) -> None:
    """Peft writes a set, in an order that differs from process to process; equal runs give equal files."""
    shape = json.loads(path.read_text(encoding="utf-8"))
    shape["target_modules"] = sorted(shape["target_modules"])
    path.write_text(json.dumps(shape, indent=2, sort_keys=True), encoding="utf-8")


def versions() -> dict[str, str]:
    """Of the libraries that training rests on."""
    return {name: version(name) for name in LIBRARIES}
