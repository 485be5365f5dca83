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
from rook_bench.core.shipped import KINDS, shipped
from rook_bench.language.architecture import check_architecture
from rook_bench.language.base import (
    SAFE,
    Base,
    check_loaded,
    find_base,
    fuse_activations,
    has_tokenizer,
    load_base,
    tokenizer_hash,
)
from rook_bench.language.lora import merged, with_lora
from rook_bench.language.manifest import Manifest, check_files, read_manifest
from rook_bench.language.place import ADOPTED, place_of
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
    reference: str | Path,
    *,
    base: str | None = None,
    merge: bool = True,
    adapted: bool = True,
    device: str | None = None,
) -> Adapter:
    """Load an adapter with the base it was trained on, or a full model.

    Args:
        reference: what `rook-bench train` wrote, or what was adopted (see `place_of`).
        base: where the base lies now, if not where it was; its weights must be the same.
        merge: merge LoRA weights into the base (faster; same function up to rounding).
        adapted: False leaves the adapter off: the base alone, asked the same way.
        device: "cpu" or "cuda"; a GPU where there is one by default.

    Raises:
        InputError: for a missing or changed file, another base, or a base that can't be loaded.
    """
    manifest, folder = read_manifest(reference), place_of(reference).folder
    check_files(folder, manifest)
    if manifest.kind == "full" and adapted:
        return assembled(folder, manifest, load_full(folder), None, device)
    loaded = base_of(folder, manifest, base)
    if not adapted:
        return assembled(folder, manifest, loaded.model, loaded, device)
    with loading("adapter", folder):
        model = with_lora(folder, loaded)
        model = merged(model) if merge else model
    return assembled(folder, manifest, model, loaded, device)


def assembled(folder: Path, manifest: Manifest, model: Any, base: Base | None, device: str | None = None) -> Adapter:
    """A loaded model with its record and its tokenizer (of its base, where it has none of its own)."""
    model.eval()  # LoRA's dropout stays on otherwise
    set_threads(model.num_parameters())
    encoder = Encoder(tokenizer_of(folder, manifest, base), manifest.template)
    return Adapter(folder, manifest, model, encoder, device or default_device())


def load_full(folder: Path) -> Any:
    """A whole model of a folder, in float32."""
    check_architecture(folder)
    torch = load_torch()
    from transformers import AutoModelForCausalLM

    with loading("model", folder):
        model, told = AutoModelForCausalLM.from_pretrained(
            folder, dtype=torch.float32, output_loading_info=True, **SAFE
        )
        check_loaded(told, folder, surplus=True)
        return fuse_activations(model)


def tokenizer_of(folder: Path, manifest: Manifest, base: Base | None) -> Any:
    """The tokenizer of a folder, or of the base where an adapter has none of its own; it must be the recorded one."""
    load_torch()
    from transformers import AutoTokenizer

    if has_tokenizer(folder) or base is None or manifest.base.tokenizer is None:
        with loading("tokenizer", folder):
            return AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    if tokenizer_hash(base.tokenizer) != manifest.base.tokenizer:
        what = f"the tokenizer of the base {base.reference} is not the one that the adapter was adopted with"
        raise InputError(what, where=folder, hint="restore it, or adopt the adapter again")
    return base.tokenizer


@contextmanager
def loading(what: str, folder: Path) -> Iterator[None]:
    """Whatever transformers, peft and safetensors raise, as one line."""
    try:
        with quiet():
            yield
    except InputError:
        raise
    except Exception as error:  # they raise many kinds
        text = " ".join(str(error).split())[:160]
        raise InputError(f"the {what} can't be loaded ({type(error).__name__}: {text})", where=folder) from None


def base_of(folder: Path, manifest: Manifest, base: str | None = None) -> Base:
    """The base that an adapter was trained on, loaded; InputError where it is another one or not here."""
    reference = base or recorded_base(folder, manifest)
    loaded = load_base(reference)
    if loaded.sha256 == manifest.base.sha256:
        return loaded
    same = _same_weights(manifest.base.sha256) if base is None else None
    if same is not None:
        return same
    raise InputError(
        f"the adapter was trained on another base: {manifest.base.reference} ({manifest.base.sha256[:12]}), "
        f"not on {reference} ({loaded.sha256[:12]})",
        where=folder,
        hint="name the right one with lora:DIR,base=PATH",
    )


def recorded_base(folder: Path, manifest: Manifest) -> str:
    """Where the base of an adapter is: as it was named, where it lay, else whatever has its weights.

    By name first, so that a moved checkout still finds it; by content last, among the bases that are here, so that an
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
            return same.reference
        raise InputError(
            f"the adapter's base {manifest.base.reference} is not here",
            where=folder,
            hint="name it with lora:DIR,base=PATH",
        ) from None


def _same_weights(sha256: str) -> Base | None:
    """A base of the project, an adopted or a shipped one with these weights; each is loaded to see that."""
    project = project_folder() or Path.cwd()
    here = [*(project / KINDS["base"].folder).glob("*/config.json"), *(project / ADOPTED).glob("*/config.json")]
    folders = [path.parent for path in sorted(here)]
    folders += [path for name in KINDS["base"].files if (path := shipped("base", name)) is not None]
    for path in folders:
        try:
            found = load_base(str(path))
        except InputError:
            continue
        if found.sha256 == sha256:
            return found
    return None
