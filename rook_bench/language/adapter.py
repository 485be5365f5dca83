"""Loading an adapter: its record, its base, its weights, and nothing that does not belong together."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rook_bench.core import InputError
from rook_bench.core.project import project_folder
from rook_bench.language.base import SAFE, Base, find_base, fuse_activations, load_base
from rook_bench.language.manifest import Manifest, check_files, read_manifest
from rook_bench.language.runtime import default_device, load_torch, quiet, set_threads
from rook_bench.language.tokens import Encoder


@dataclass(frozen=True, eq=False)
class Adapter:
    """An adapter ready to be used.

    Attributes:
        folder, manifest: where it lies and what it is.
        model: the causal language model in float32, in evaluation mode; LoRA weights merged
            unless it was loaded with `merge=False`.
        encoder: its tokenizer with its answer format.
        device: where it will run.
    """

    folder: Path
    manifest: Manifest
    model: Any
    encoder: Encoder
    device: str


def load_adapter(
    folder: str | Path, *, base: str | None = None, merge: bool = True, adapted: bool = True, device: str | None = None
) -> Adapter:
    """Load an adapter with the base it was trained on.

    Args:
        folder: what `rook-bench train` wrote.
        base: where the base lies now, if not where it was; its weights must be the same.
        merge: merge LoRA weights into the base (faster; same function up to rounding).
        adapted: False leaves the adapter off: the base alone, asked the same way.
        device: "cpu" or "cuda"; a GPU where there is one by default.

    Raises:
        InputError: for a missing or changed file, another base, or a base that can't be loaded.
    """
    load_torch()
    folder = Path(folder)
    manifest = read_manifest(folder)
    check_files(folder, manifest)
    from transformers import AutoTokenizer

    if manifest.kind == "full" and adapted:
        from transformers import AutoModelForCausalLM

        with _loading("model", folder):
            model = fuse_activations(AutoModelForCausalLM.from_pretrained(folder, dtype=load_torch().float32, **SAFE))
    else:
        loaded = base_of(folder, manifest, base)
        model = _with_lora(folder, loaded, merge=merge) if adapted else loaded.model
    model.eval()  # LoRA's dropout stays on otherwise
    set_threads(model.num_parameters())
    with _loading("tokenizer", folder):
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    return Adapter(folder, manifest, model, Encoder(tokenizer, manifest.template), device or default_device())


@contextmanager
def _loading(what: str, folder: Path) -> Iterator[None]:
    try:
        with quiet():
            yield
    except Exception as error:  # transformers, peft and safetensors raise many kinds
        text = " ".join(str(error).split())[:160]
        raise InputError(f"the {what} can't be loaded ({type(error).__name__}: {text})", where=folder) from None


def _with_lora(folder: Path, base: Base, *, merge: bool) -> Any:
    from peft import PeftModel

    with _loading("adapter", folder):
        model = PeftModel.from_pretrained(base.model, str(folder))
    return model.merge_and_unload() if merge else model


def base_of(folder: Path, manifest: Manifest, base: str | None = None) -> Base:
    """The base that an adapter was trained on, loaded; InputError where it is another one or not here."""
    reference = base or recorded_base(folder, manifest)
    loaded = load_base(reference)
    if loaded.sha256 != manifest.base.sha256:
        raise InputError(
            f"the adapter was trained on another base: {manifest.base.reference} ({manifest.base.sha256[:12]}), "
            f"not on {reference} ({loaded.sha256[:12]})",
            where=folder,
            hint="name the right one with lora:DIR,base=PATH",
        )
    return loaded


def recorded_base(folder: Path, manifest: Manifest) -> str:
    """Where the base of an adapter is: as it was named, where it lay, else whatever has its weights.

    By name first, so that a moved checkout still finds it; by content last, among the project's own bases, so that an
    adapter from another machine finds its base whatever it was called there.
    """
    try:
        find_base(manifest.base.reference)
        return manifest.base.reference
    except InputError:
        shape = folder / "adapter_config.json"  # a fully fine-tuned model has none
        named = json.loads(shape.read_text(encoding="utf-8"))["base_model_name_or_path"] if shape.is_file() else None
        if named and Path(named).is_dir():
            return str(named)
        same = _same_weights(manifest.base.sha256)
        if same is not None:
            return same
        raise InputError(
            f"the adapter's base {manifest.base.reference} is not here",
            where=folder,
            hint="name it with lora:DIR,base=PATH",
        ) from None


def _same_weights(sha256: str) -> str | None:
    """A base of the project with these weights; each is loaded to see that."""
    for path in sorted(((project_folder() or Path.cwd()) / "models" / "base").glob("*/config.json")):
        try:
            if load_base(str(path.parent)).sha256 == sha256:
                return str(path.parent)
        except InputError:
            continue
    return None
