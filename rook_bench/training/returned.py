"""An adapter that was trained elsewhere: its tensors are taken, everything else is worked out again here.

Hashes prove that what came is what was sent, not that it is what it says it is. So a run is made ready here, of the
same folder with the same settings, its weights are replaced by those that came, and record, calibration, tokenizer,
picture and card are written as if training had ended here. What came with them is compared with that, and a record
that differs is refused.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from rook_bench.core import InputError
from rook_bench.core.config import read_json_record
from rook_bench.core.files import whole_folder
from rook_bench.core.hashing import sha256_file
from rook_bench.core.untrusted import too_deep, word
from rook_bench.language.manifest import CONFIG, WEIGHTS, Manifest
from rook_bench.language.place import FILE
from rook_bench.language.runtime import load_torch, quiet
from rook_bench.training.fit import Ready, Trained, trained
from rook_bench.training.history import METRICS, read_history
from rook_bench.training.run import LIBRARIES, TrainingRun

TOLERANCE = {"nll": 0.002, "temperature": 0.01}
"""How far a figure that another machine worked out may lie from ours, of those that don't change by steps."""

STEP = 0.01
"""The same for shares and scores: of a few hundred rows one may fall to the other side of a tie."""

MOST_TEXT = 64 * 2**20
"""Bytes of a record and of a history."""


MOST_FIGURES, LARGEST = 100, 1e15
"""Figures of a line of a history, and how large one may be; what is no number is not below it either."""


def returned_files(kind: str) -> dict[str, int]:
    """Files that may come back, with the bytes that each may have at most (weights: see `most_weights`)."""
    return {FILE: MOST_TEXT, METRICS: MOST_TEXT, CONFIG[kind]: 2**20, WEIGHTS[kind]: 0}


def take_returned(ready: Ready, came: Path, output: Path, settings: dict[str, Any]) -> Trained:
    """Put an adapter that was trained elsewhere in its place, checked.

    Args:
        ready: the same run, made ready here and not begun.
        came: folder with the files of `returned_files`.
        output: where the adapter goes, whole or not at all.
        settings: of the run, as its user gave them, for the record.

    Raises:
        InputError: for weights that don't fit the run, and for a record that says what they don't.
    """
    run = ready.run
    for name in (FILE, METRICS, CONFIG[run.settings.method]):
        if too_deep((came / name).read_bytes()):
            raise InputError("it is nested deeper than any record", where=came / name, hint="fetch it again")
    told = read_json_record(Manifest, came / FILE, "the record that came back", "train again")
    weights = came / WEIGHTS[run.settings.method]
    if told.files.get(weights.name) != sha256_file(weights):
        raise InputError("not the weights that the record beside them names", where=weights, hint="fetch them again")
    _take_weights(run, weights)
    history = read_history(came / METRICS)
    if not all(len(line) <= MOST_FIGURES and all(abs(value) < LARGEST for value in line.values()) for line in history):
        raise InputError("figures that no training logs", where=came / METRICS, hint="fetch it again")
    facts = _how_it_went(told) | {"settings": settings}
    with whole_folder(output) as aside:
        manifest = run.write(aside, history, output.name, facts)
        _check_same(told, manifest, came)
    checkpoints = sum("eval_nll" in line for line in history)
    return trained(ready, output, manifest, checkpoints, resumed=False)


def _take_weights(run: TrainingRun, path: Path) -> None:
    from safetensors.torch import load_file

    torch = load_torch()
    try:
        tensors = load_file(path)
    except Exception as error:  # of a reader of foreign bytes, whatever it is
        raise InputError(f"weights that can't be read ({word(str(error), 100)})", where=path) from None
    if run.settings.method == "full":
        expected = {name: value for name, value in run.model.state_dict().items() if name in tensors}
        missing = [name for name, _ in run.model.named_parameters() if name not in tensors]
        missing = [] if run.model.config.tie_word_embeddings and len(missing) == 1 else missing
    else:
        from peft import get_peft_model_state_dict

        expected = dict(get_peft_model_state_dict(run.model))
        missing = sorted(expected.keys() - tensors.keys())
    for what, names in (("without", missing), ("with", sorted(tensors.keys() - expected.keys()))):
        if names:
            raise InputError(f"weights {what} {word(names[0], 80)}, which is not what was asked for", where=path)
    for name, value in tensors.items():
        wanted = expected[name]
        if value.shape != wanted.shape or value.dtype != wanted.dtype or not bool(torch.isfinite(value).all()):
            what = f"{word(name, 80)} is not {tuple(wanted.shape)} finite numbers of {wanted.dtype}"
            raise InputError(what, where=path)
    if run.settings.method == "full":
        run.model.load_state_dict(tensors, strict=False)
        return
    from peft import set_peft_model_state_dict

    with quiet():
        set_peft_model_state_dict(run.model, tensors)


def _how_it_went(told: Manifest) -> dict[str, Any]:
    """What only the other machine can know, as plain values."""
    facts = told.training
    try:
        versions = facts["versions"]
        went: dict[str, Any] = {
            "epochs": float(facts["epochs"]),
            "best_epoch": float(facts["best_epoch"]),
            "seconds": float(facts["seconds"]),
            "device": word(str(facts["device"]), 40),
            "versions": {name: word(str(versions[name]), 40) for name in LIBRARIES},
        }
        if "devices" in facts:
            went["devices"] = [word(str(device), 80) for device in facts["devices"]][:64]
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        raise InputError("the record that came back does not say how training went", where=FILE) from None
    if not all(math.isfinite(went[name]) for name in ("epochs", "best_epoch", "seconds")):
        raise InputError("the record that came back does not say how training went", where=FILE)
    return went


FITTED = ("temperature", "chance", "files", "training")
"""Fields of a record that depend on how training went; the others follow from what was sent."""

SENT = (
    "stage",
    "rows",
    "labels",
    "data_hash",
    "code",
    "parameters",
    "trainable_parameters",
    "lora_targets",
    "tokenizer",
)
"""Facts of a record that follow from what was sent."""


def _check_same(told: Manifest, here: Manifest, came: Path) -> None:
    """InputError where a record says what its weights, or what was sent, don't."""
    theirs, ours = (record.model_dump(mode="json", exclude=set(FITTED)) for record in (told, here))
    for record in (theirs, ours):  # the same base lies elsewhere here
        del record["base"]["reference"]
    for name, value in ours.items():
        if theirs.get(name) != value:
            raise _differs(came, f"{name} is not what was sent")
    for name in SENT:
        if told.training.get(name) != here.training.get(name):
            raise _differs(came, f"{name} is not what was sent")
    figures = [("temperature", told.temperature, here.temperature)]
    stated = told.training.get("validation")
    if not isinstance(stated, dict) or stated.keys() != here.training["validation"].keys():
        raise _differs(came, "the figures of the validation rows are others")
    figures += [(name, stated[name], value) for name, value in here.training["validation"].items()]
    for name, theirs_is, ours_is in figures:
        if not _close(name, theirs_is, ours_is):
            number = isinstance(theirs_is, (int, float)) and abs(theirs_is) < LARGEST
            said = f"{theirs_is:.4g}" if number else "no number"
            raise _differs(came, f"it says {name} {said}, its weights give {ours_is:.4g} here")


def _close(name: str, theirs: object, ours: float) -> bool:
    if not isinstance(theirs, (int, float)) or isinstance(theirs, bool) or abs(theirs) >= LARGEST:
        return False
    room = TOLERANCE.get(name, STEP) * max(1.0, abs(ours))
    return math.isnan(ours) if math.isnan(theirs) else abs(theirs - ours) <= room


def _differs(came: Path, what: str) -> InputError:
    return InputError(f"the record that came back is not believed: {what}", where=came / FILE)
