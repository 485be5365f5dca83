"""A model that was not trained here, taken in as it is: looked at, tried, and put on record beside its folder."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rook_bench.core import ConfigError, InputError
from rook_bench.core.files import whole_file, whole_folder
from rook_bench.core.shipped import by_name
from rook_bench.dataset.split_tapes import has_split_tapes
from rook_bench.ingest.read import read_swaps
from rook_bench.language.adapter import load_adapter
from rook_bench.language.adopt import kind_of, meet, sample_prompts
from rook_bench.language.base import split_revision
from rook_bench.language.doctor import sample_decision
from rook_bench.language.hub import fetch_model
from rook_bench.language.manifest import Adopted, LearnedFrom, Manifest, check_files, read_manifest
from rook_bench.language.place import BESIDE, FILE, adopted_folder, beside
from rook_bench.language.runtime import require_train_extra
from rook_bench.language.template import Template, load_template
from rook_bench.training.calibration import calibrated
from rook_bench.training.data import TrainingData, read_training_data

NOTHING = "nothing"
"""Said of a model that learned from no swaps: a plain base, or one that was taught something else."""


@dataclass(frozen=True)
class AdoptedModel:
    """What came of adopting a model.

    Attributes:
        folder: of the model; record: the file that was written.
        reference: the source that asks it (`lora:DIR` or `model:DIR`).
        manifest: the record; sample: one decision, with its prompt.
    """

    folder: Path
    record: Path
    reference: str
    manifest: Manifest
    sample: dict[str, Any]


def adopt(
    model: str | Path,
    template: Template | str | Path | None = None,
    *,
    base: str | Path | None = None,
    calibrate: str | Path | None = None,
    trained_on: Sequence[str | Path] = (),
    record: str | Path | None = None,
    say: Callable[[str], None] = lambda line: None,
    tick: Callable[[int, int], None] = lambda done, of: None,
) -> AdoptedModel:
    """Take a model as it is: an adapter or a whole model that any trainer made.

    Args:
        model: its folder; a name of the hub (ORG/NAME, or ORG/NAME@REVISION) or of a base that is shipped, which
            comes to the project's models/adopted. Nothing in a folder is changed.
        template: what it is asked: a template, its name, or its file. A model of the hub that was pushed with its
            record brings its own, and takes no other.
        base: of an adapter, where its base lies; by default what its configuration names.
        calibrate: a prepared folder; a temperature is fitted on its validation rows, and the sizes and limits of its
            training rows are those to choose from.
        trained_on: what it learned from, as far as that is known: prepared folders, tapes, or "nothing". Where it
            isn't said, a gate can't rule out that it is judged on what it was taught.
        record: the file to write, NAME.rook.json; beside the folder by default.
        say: hears what is done; tick: of the rows that are asked for calibration, how many of how many are.

    Raises:
        InputError, ConfigError: for whatever keeps it from being asked, in one line.
    """
    require_train_extra()
    if template is None:
        given = {"base": base, "calibrate": calibrate, "trained_on": trained_on or None, "record": record}
        return _with_its_own(str(model), {name for name, value in given.items() if value is not None}, say)
    asked = template if isinstance(template, Template) else load_template(template)
    data = read_training_data(calibrate, asked) if calibrate is not None else None
    learned = _learned_from(trained_on, asked)
    folder, revision = _brought(str(model), say)
    where = _record_at(record, folder)
    met = meet(folder, asked, source=str(model), revision=revision, base=None if base is None else str(base))
    manifest = met.manifest if data is None else calibrated(met.manifest, met.adapter, data, tick=tick)
    manifest = _with_lessons(manifest, learned, data)
    if where != beside(folder):
        manifest = manifest.model_copy(
            update={"folder": folder.resolve().relative_to(where.parent.resolve()).as_posix()}
        )
    check_files(folder, manifest)
    with whole_file(where) as aside:
        aside.write_text(manifest.text, encoding="utf-8")
    name = "lora" if manifest.kind == "lora" else "model"
    sample = sample_decision(met.adapter, manifest, sample_prompts(asked)[0])
    return AdoptedModel(folder, where, f"{name}:{folder if where == beside(folder) else where}", manifest, sample)


def _with_its_own(model: str, given: set[str], say: Callable[[str], None]) -> AdoptedModel:
    """A model that comes with a record: its prompt, its temperature and what it learned from are what that says."""
    hint = "add --template NAME_OR_FILE"
    if Path(model).is_dir() and not (Path(model) / FILE).is_file():
        raise ConfigError("it has no record that says its prompt", where=model, hint=hint)
    folder, _ = _brought(model, say, needed=FILE)
    if not (folder / FILE).is_file():
        raise ConfigError("it has no record that says its prompt", where=folder, hint=hint)
    if given:
        what = f"it has a record of its own, which says what {', '.join(sorted(given))} would"
        raise ConfigError(what, where=folder, hint="leave these out")
    manifest, loaded = read_manifest(folder), load_adapter(folder)
    say("its record says what it is asked and what it learned from: that is the word of whoever pushed it")
    reference = f"{'lora' if manifest.kind == 'lora' else 'model'}:{folder}"
    sample = sample_decision(loaded, manifest, sample_prompts(manifest.template)[0])
    return AdoptedModel(folder, folder / FILE, reference, manifest, sample)


def _brought(model: str, say: Callable[[str], None], needed: str | None = None) -> tuple[Path, str | None]:
    """The folder of a model, and its commit; what has a name only is brought to models/adopted."""
    if Path(model).is_dir():
        return Path(model), None
    shipped = by_name("base", model)
    if shipped is not None and shipped.is_dir():
        target = adopted_folder(model)
        if not target.is_dir():
            kind_of(shipped)
            with whole_folder(target) as aside:
                shutil.copytree(shipped, aside, dirs_exist_ok=True, copy_function=shutil.copyfile)
        return target, None
    name, _ = split_revision(model)
    if name.count("/") != 1 or name.startswith((".", "/", "~")) or Path(name).exists():
        what = "no such folder" if not Path(name).exists() else "not a folder"
        raise InputError(what, where=model, hint="give a folder, or a name of the hub: ORG/NAME, ORG/NAME@REVISION")
    fetched = fetch_model(model, say, needed=needed)
    return fetched.folder, fetched.commit


def _record_at(record: str | Path | None, folder: Path) -> Path:
    if record is None:
        return beside(folder)
    path = Path(record)
    if not path.name.endswith(BESIDE) or path.name == BESIDE:
        raise InputError(f"a record's name ends in {BESIDE}", where=path, hint=f"call it {path.stem}{BESIDE}")
    if not folder.resolve().is_relative_to(path.parent.resolve()) or path.parent.resolve() == folder.resolve():
        what = "a record lies beside the model's folder, or above it"
        raise InputError(what, where=path, hint=f"write it to {folder.parent / path.name}")
    return path


def _learned_from(told: Sequence[str | Path], template: Template) -> list[LearnedFrom] | None:
    """What the model learned from: None where nobody said, empty where it was nothing."""
    if not told:
        return None
    if NOTHING in map(str, told):
        if len(told) > 1:
            raise InputError("it can't have learned from nothing and from something", where="--trained-on")
        return []
    return [_rows_of(Path(one), template) for one in told]


def _rows_of(path: Path, template: Template) -> LearnedFrom:
    if path.is_dir() and has_split_tapes(path):
        return read_training_data(path, template).learned_from
    return LearnedFrom.of(read_swaps(path))


def _with_lessons(manifest: Manifest, learned: list[LearnedFrom] | None, data: TrainingData | None) -> Manifest:
    """The record with what the model must not be judged on: what it learned, and what its temperature was fitted on."""
    assert manifest.adopted is not None
    parts = [*(learned or []), *([data.chosen_by] if data is not None else [])]
    adopted = manifest.adopted.model_copy(update={"lessons_told": learned is not None})
    return manifest.model_copy(update={"adopted": adopted, "learned_from": LearnedFrom.union(parts) if parts else None})


def described(done: AdoptedModel) -> list[str]:
    """What was adopted, for a person."""
    manifest, told = done.manifest, done.manifest.adopted or Adopted(source=str(done.folder))
    kind = f"adapter of {manifest.base.reference}" if manifest.kind == "lora" else "whole model"
    lines = [f"{kind} (weights {manifest.base.sha256[:12]}), asked with {manifest.template.name}"]
    if told.revision:
        lines.append(f"commit: {told.revision}")
    if told.difference is not None:
        lines.append(f"scores: within {told.difference:.0e} of whole forward passes")
    if told.calibrated:
        before, after = (told.calibrated[f"error_{name}"] for name in ("before", "after"))
        lines.append(
            f"calibrated: temperature {manifest.temperature:.3f} on {told.calibrated['rows']:,} rows, "
            f"error {before:.1%} before, {after:.1%} after; "
            f"macro-F1 {told.calibrated['validation']['macro_f1']:.3f} against their labels"
        )
    sample = {name: value for name, value in done.sample.items() if name != "prompt"}
    lines.append("sample decision: " + ", ".join(f"{name} {_short(value)}" for name, value in sample.items()))
    return [*lines, f"record: {done.record}", f"source: {done.reference}"]


def what_is_open(manifest: Manifest) -> list[str]:
    """What was not said of a model, and what that means for its results."""
    told = manifest.adopted
    if told is None:  # trained with this tool
        return []
    lines = []
    if told.calibrated is None and manifest.template.answer.json_object is None:
        lines.append("uncalibrated: its probabilities are as the model gives them; --calibrate DATA_DIR fits them")
    if not told.lessons_told:
        lines.append("what it learned from isn't said, which a gate may ask for: --trained-on DATA|nothing")
    return lines


def _short(value: Any) -> str:
    if isinstance(value, dict):
        return " ".join(f"{name} {_short(inner)}" for name, inner in value.items())
    if isinstance(value, float):
        return f"{value:.4g}"
    text = " ".join(str(value).split())
    return text if len(text) <= 200 else f"{text[:199]}…"
