"""Base models: from a folder, by name (the project's models/base, or shipped), or from the model hub."""

from __future__ import annotations

import hashlib
import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rook_bench.core import InputError
from rook_bench.core.hashing import sha256_json
from rook_bench.core.shipped import by_name, near
from rook_bench.core.untrusted import word
from rook_bench.language.architecture import check_architecture
from rook_bench.language.place import adopted_folder
from rook_bench.language.runtime import load_torch

DEFAULT_BASE = "microsoft/DialoGPT-medium"
FALLBACK = "rook-tiny"

HUB: dict[str, Any] = {"trust_remote_code": False}
"""Of a name on the hub, which somebody typed: no code of the model runs, and pickles are read as weights only."""

SAFE: dict[str, Any] = {**HUB, "use_safetensors": True}
"""Of a folder, which may be anybody's: no pickle is opened at all."""


@dataclass(frozen=True, eq=False)
class Base:
    """A loaded base model.

    Attributes:
        reference: how the user named it.
        model: a transformers causal language model, float32, in evaluation mode.
        tokenizer: its tokenizer.
        sha256: hash over the weights' names, shapes and float32 values, wherever they lie.
    """

    reference: str
    model: Any
    tokenizer: Any
    sha256: str

    @property
    def parameters(self) -> int:
        """How many parameters the model has."""
        return int(self.model.num_parameters())


def find_base(reference: str) -> str:
    """The folder that a reference means, or the reference itself where only the hub can know it."""
    if Path(reference).is_dir():
        return reference
    if adopted_folder(reference).is_dir():
        return str(adopted_folder(reference))
    found = by_name("base", reference)
    if found is not None and found.is_dir():
        return str(found)
    if reference.startswith((".", "/", "~", "models/")) or reference.count("/") > 1:
        raise InputError("no such model folder", where=reference, hint=f"check the path, or use --model {FALLBACK}")
    return reference


def check_base(reference: str) -> bool:
    """Fail early where a base can't be loaded for a plain reason; True where only cached files can be used.

    The hub's own client retries for a minute before it gives up on a machine without a network.
    """
    found = find_base(reference)
    if Path(found).is_dir():
        _check_folder(Path(found))
        return False
    load_torch()
    from huggingface_hub import constants, try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    name, revision = split_revision(reference)
    try:
        cached = isinstance(try_to_load_from_cache(name, "config.json", revision=revision), str)
    except HFValidationError:
        raise InputError("not the name of a model", where=reference, hint=f"use --model {FALLBACK}") from None
    if not constants.HF_HUB_OFFLINE and _answers(
        f"{constants.ENDPOINT}/{name}/resolve/{revision or 'main'}/config.json"
    ):
        return False
    if cached:
        return True
    raise InputError(
        "the model hub can't be reached from here",
        where=reference,
        hint=_instead(reference, f"use --model {FALLBACK}, which comes with rook-bench, or a folder that holds it"),
    )


def split_revision(reference: str) -> tuple[str, str | None]:
    """A name of the hub and the revision after its @, if there is one."""
    name, _, revision = reference.partition("@")
    return name, revision or None


def _answers(address: str) -> bool:
    request = urllib.request.Request(address, method="HEAD")
    try:
        with urllib.request.urlopen(request, timeout=10):  # honours the proxy settings of the environment
            return True
    except urllib.error.HTTPError:
        return True  # it answered; what it thinks of the name is told when the model is loaded
    except OSError:
        return False


def load_base(reference: str) -> Base:
    """Load a base model and its tokenizer; InputError in one line where that fails."""
    cached_only = check_base(reference)
    torch = load_torch()
    from transformers import AutoModelForCausalLM, AutoTokenizer

    found = find_base(reference)
    local = Path(found).is_dir()
    name, revision = (found, None) if local else split_revision(found)
    where: dict[str, Any] = {"local_files_only": cached_only, **({"revision": revision} if revision else {})}
    try:
        tokenizer = AutoTokenizer.from_pretrained(name, trust_remote_code=False, **where)
        model, told = AutoModelForCausalLM.from_pretrained(
            name, dtype=torch.float32, output_loading_info=True, **where, **(SAFE if local else HUB)
        )
    except Exception as error:  # a hub, a disk or a foreign file may fail in any way; the line says which
        raise _unloadable(reference, error, local=local) from None
    check_loaded(told, reference)
    fuse_activations(model).eval()
    return Base(reference, model, tokenizer, weights_hash(model))


def check_loaded(told: Mapping[str, Any], where: object, *, surplus: bool = False) -> None:
    """InputError where layers of a model got no weights: they would be drawn, anew at each load.

    Args:
        told: what `from_pretrained` says of loading; where: for the message.
        surplus: refuse weights that fit no layer, too.
    """
    kinds = {"missing_keys": "are missing", "mismatched_keys": "are of another shape"}
    for kind, what in (kinds | ({"unexpected_keys": "are for no layer"} if surplus else {})).items():
        names = sorted(str(one[0] if isinstance(one, tuple) else one) for one in told.get(kind) or ())
        if names:
            text = f"{len(names):,} of its weights {what}, such as {word(names[0], 80)}"
            raise InputError(text, where=where, hint="save the model again")


def fuse_activations(model: Any) -> Any:
    """Compute GPT-2's GELU in one pass over memory instead of eight; the same formula, a fifth of the time saved."""
    from torch.nn import GELU
    from transformers.activations import NewGELUActivation

    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, NewGELUActivation):
                setattr(parent, name, GELU(approximate="tanh"))
    return model


def has_tokenizer(folder: Path) -> bool:
    """Whether a folder holds a tokenizer."""
    return any((folder / name).is_file() for name in ("tokenizer.json", "vocab.json", "tokenizer.model"))


def tokenizer_hash(tokenizer: Any) -> str:
    """Identity of what a tokenizer makes of text: its own state, its special tokens, and its form of a chat."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    state = json.loads(backend.to_str()) if backend is not None else sorted(tokenizer.get_vocab().items())
    if isinstance(state, dict):
        state = {name: value for name, value in state.items() if name not in ("truncation", "padding")}
    special = {name: str(value) for name, value in tokenizer.special_tokens_map.items()}
    return sha256_json([state, special, tokenizer.chat_template])


def weights_hash(model: Any) -> str:
    """Hex SHA-256 over the names, shapes and float32 values of a model's weights; packed ones count as they are."""
    torch = load_torch()
    digest, packed = hashlib.sha256(), bool(getattr(model, "is_quantized", False))
    for name, tensor in sorted(model.state_dict().items()):
        if not tensor.is_floating_point():
            if packed:
                digest.update(f"{name}{tuple(tensor.shape)}{tensor.dtype}".encode())
                digest.update(tensor.detach().cpu().contiguous().numpy().data)
            continue  # else index buffers, which follow from the architecture
        digest.update(f"{name}{tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().to("cpu", torch.float32).contiguous().numpy().data)
    return digest.hexdigest()


def _check_folder(folder: Path) -> None:
    if not (folder / "config.json").is_file():
        raise InputError("no config.json in the model folder", where=folder, hint="give the folder of a model")
    check_architecture(folder)
    if not has_tokenizer(folder):
        raise InputError("the model's tokenizer is missing", where=folder, hint="copy its tokenizer files beside it")


def _unloadable(reference: str, error: Exception, *, local: bool) -> InputError:
    text = " ".join(str(error).split())[:160]
    if local:
        return InputError(f"the model can't be loaded ({type(error).__name__}: {text})", where=reference)
    hint = _instead(reference, f"check the name and the network, or use --model {FALLBACK}")
    return InputError(f"the hub does not give this model ({text})", where=reference, hint=hint)


def _instead(reference: str, otherwise: str) -> str:
    hint = near("base", reference)
    return hint if hint.startswith("did you mean") else otherwise
