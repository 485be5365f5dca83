"""What a model is, in facts: the answer to "what did I just load?"."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from rook_bench.core import SIDE_NAMES, InputError
from rook_bench.language.adapter import Adapter, load_adapter
from rook_bench.language.adopt import kind_of, sample_prompts
from rook_bench.language.architecture import check_architecture
from rook_bench.language.base import has_tokenizer
from rook_bench.language.draft_scoring import scorer
from rook_bench.language.engines import ENGINES, find_engine
from rook_bench.language.generation import Generator
from rook_bench.language.manifest import CONFIG, Manifest, read_manifest
from rook_bench.language.peft_shape import read_adapter_config
from rook_bench.language.place import place_of
from rook_bench.language.runtime import NEEDED, default_device, fast_bf16, load_torch
from rook_bench.language.scoring import probabilities

PACKAGES = ("rook-bench", "numpy", "pandas", "numba", "vectorbt", "torch", "transformers", "peft", "scikit-learn")


def machine_facts() -> dict[str, Any]:
    """Versions, cores, device and engines."""
    facts: dict[str, Any] = {
        "python": platform.python_version(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "packages": {name: _version(name) for name in PACKAGES},
    }
    try:
        load_torch()
    except InputError as error:
        return facts | {"language models": str(error)}
    device = default_device()
    runs = dict.fromkeys(ENGINES, True) | {"bf16": fast_bf16(device), "int8": device == "cpu"}
    return facts | {
        "device": device,
        "engines": {name: ENGINES[name].summary + ("" if runs[name] else " (not on this machine)") for name in runs},
    }


def model_facts(reference: str | Path, base: str | None = None) -> dict[str, Any]:
    """Everything that identifies a model, and one decision of it; of one without a record, what its files say.

    Raises:
        InputError: for whatever keeps an adapter from being used, in one line.
    """
    place = place_of(reference)
    if not place.record.is_file():
        return _facts_of_files(place.folder)
    manifest, folder = read_manifest(reference), place.folder
    adapter = load_adapter(reference, base=base)
    training = manifest.training
    example = training.get("example", "")
    facts: dict[str, Any] = {
        "adapter": str(folder),
        "kind": manifest.kind,
        "base": {"reference": manifest.base.reference, "sha256": manifest.base.sha256},
        "architecture": type(adapter.model).__name__,
        "parameters": int(adapter.model.num_parameters()),
        "trained parameters": training.get("trainable_parameters", "not recorded"),
        "template": {
            "name": f"{manifest.template.name} v{manifest.template.version}",
            "sha256": manifest.template.sha256,
            "prompt": manifest.template.prompt.strip(),
            "fields": [f"{name} ({field.feature})" for name, field in manifest.template.fields.items()],
        },
        "classes": {
            name: f"weight {manifest.class_weights[name]:.3f}, {len(manifest.answers.get(name, []))} answers seen"
            for name in SIDE_NAMES
        },
        "temperature": manifest.temperature,
        "device": adapter.device,
        "files": manifest.files,
    }
    if manifest.kind == "lora":
        facts["lora"] = _lora_facts(read_adapter_config(folder))
    if manifest.adopted is not None:
        told = manifest.adopted.model_dump(mode="json", exclude={"calibrated"})
        facts["adopted"] = {name: value for name, value in told.items() if value not in (None, [], {})}
        facts["calibrated"] = manifest.adopted.calibrated or "no"
        facts["learned from"] = _lessons(manifest)
    if training:
        facts["trained on"] = f"{training['rows']['train']} rows, data {training['data_hash'][:16]}"
        facts["validation"] = training["validation"]
    prompt = next((example[:end] for end in _answer_starts(example, manifest)), None)
    return facts | {
        "sample decision": sample_decision(adapter, manifest, prompt or sample_prompts(manifest.template)[0])
    }


def _lora_facts(shape: dict[str, Any]) -> dict[str, Any]:
    targets = shape.get("target_modules")
    facts = {
        "r": shape.get("r"),
        "alpha": shape.get("lora_alpha"),
        "dropout": shape.get("lora_dropout"),
        "targets": sorted(targets) if isinstance(targets, list) else targets,
        "new layers": shape.get("modules_to_save"),
        "DoRA": shape.get("use_dora") or None,
        "rank-stabilised": shape.get("use_rslora") or None,
    }
    return {name: value for name, value in facts.items() if value is not None}


def _lessons(manifest: Manifest) -> str:
    assert manifest.adopted is not None
    told = manifest.learned_from
    known = f"swaps until {told.last_at[:19]}" if told else "nothing"
    return known if manifest.adopted.lessons_told else "not said" + (f"; its calibration: {known}" if told else "")


def _facts_of_files(folder: Path) -> dict[str, Any]:
    """What a folder is that nobody put on record: by its files alone, no weight is read."""
    kind = next((kind for kind, name in CONFIG.items() if (folder / name).is_file()), None)
    facts: dict[str, Any] = {"folder": str(folder), "kind": kind}
    try:
        kind_of(folder)
        if kind == "lora":
            shape = read_adapter_config(folder)
            facts |= {"base": shape.get("base_model_name_or_path"), "lora": _lora_facts(shape)}
        else:
            facts["architecture"] = check_architecture(folder)
    except InputError as error:
        if kind is None:
            raise
        return facts | {"can't be asked": str(error)}
    return facts | {
        "tokenizer": "its own" if has_tokenizer(folder) else "its base's",
        "to ask it": f"rook-bench adopt {folder} --template NAME_OR_FILE",
    }


def sample_decision(adapter: Adapter, manifest: Manifest, prompt: str) -> dict[str, Any]:
    """What the model says to one prompt, in facts."""
    model = find_engine("fp32").prepare(adapter.model, adapter.device)
    if manifest.template.answer.json_object is not None:
        text = Generator(model, adapter.encoder, manifest)([prompt])[0].text
        read = manifest.read(text, prompt)
        decision = "not an answer" if read is None else read.side.name
        return {
            "prompt": prompt.strip(),
            "text": text.strip(),
            "side": decision,
            **({"size": read.size} if read else {}),
        }
    answer = scorer(model, adapter.encoder, manifest)([prompt])[0]
    odds = probabilities(np.array([answer.scores]), manifest)[0]
    return {
        "prompt": prompt.strip(),
        "side": SIDE_NAMES[int(odds.argmax())],
        **({"not an answer": answer.unread} if answer.unread else {}),
        "size": answer.size,
        "slippage_bps": answer.slippage_bps,
        "deadline_s": answer.deadline_s,
        **({"draft": answer.draft} if answer.draft else {}),
        "probabilities": {name: round(float(value), 4) for name, value in zip(SIDE_NAMES, odds, strict=True)},
    }


def _answer_starts(example: str, manifest: Manifest) -> list[int]:
    """Where the recorded example's answer starts: the one place from which the rest reads as an answer."""
    return [end for end in range(len(example)) if manifest.read(example[end:], example[:end]) is not None]


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed" + (" (train extra)" if name in (*NEEDED, "scikit-learn") else "")
