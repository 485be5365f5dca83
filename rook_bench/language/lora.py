"""A base with an adapter on it, whole: with tokens that were added, new layers, and embeddings that are tied."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rook_bench.core import InputError
from rook_bench.core.untrusted import word
from rook_bench.language.base import Base
from rook_bench.language.peft_shape import WEIGHTS_FILE, read_adapter_config, tensor_shapes
from rook_bench.language.runtime import load_torch, quiet


def with_lora(folder: Path, base: Base) -> Any:
    """The base's model with an adapter on it, as PEFT puts it there; the base's own model is changed.

    Args:
        folder: of the adapter; base: as `load_base` loaded it.

    Raises:
        InputError: where the adapter's weights are of another model, or are not all there.
    """
    load_torch()
    from peft import PeftModel

    read_adapter_config(folder)
    shapes = tensor_shapes(folder / WEIGHTS_FILE)
    _add_rows(base.model, shapes, folder)
    with quiet():
        adapted = PeftModel.from_pretrained(base.model, str(folder))
    _check_whole(adapted, folder)
    return adapted


def merged(adapted: Any) -> Any:
    """One model of a base and its adapter, of the same function up to rounding; a whole model is one already.

    Onto a quantised base nothing is merged, which would round what was learned to its few bits: the adapter's layers
    stay in their place.
    """
    from peft import PeftModel

    if not isinstance(adapted, PeftModel):
        return adapted
    inner = adapted.get_base_model()
    if getattr(inner, "is_quantized", False):
        return inner
    if _tied(inner) and any(_is_wrapped(inner, layer) for layer in _ends(inner)):
        # Merged into weights that are shared, what was trained of the one layer would change the other too.
        inner.config.tie_word_embeddings = False
        head = _plain(inner.get_output_embeddings())
        head.weight = load_torch().nn.Parameter(head.weight.detach().clone(), requires_grad=False)
    return adapted.merge_and_unload()


def _ends(model: Any) -> list[Any]:
    """The layers that tokens come in and go out by."""
    return [model.get_input_embeddings(), model.get_output_embeddings()]


def _names(model: Any) -> dict[str, str]:
    """The names of both, "" of one that there is not."""
    names = {id(module): name for name, module in model.named_modules()}
    return {key: names.get(id(layer), "") for key, layer in zip(("first", "last"), _ends(model), strict=True)}


def _tied(model: Any) -> bool:
    first, last = _ends(model)
    return last is not None and _plain(first).weight is _plain(last).weight


def _is_wrapped(model: Any, layer: Any) -> bool:
    return layer is not None and (_plain(layer) is not layer or hasattr(layer, "modules_to_save"))


def _plain(layer: Any) -> Any:
    """The layer inside what PEFT put around it."""
    for name in ("base_layer", "original_module"):
        while name in getattr(layer, "_modules", {}):
            layer = getattr(layer, name)
    return layer


def _add_rows(model: Any, shapes: dict[str, list[int]], folder: Path) -> None:
    """Make room for tokens that were added in training, or take away rows that were cut off in it."""
    first, last = _names(model).values()
    asked: dict[str, int] = {}
    for name, shape in shapes.items():
        for end in {first, last} - {""}:
            if f".{end}." not in f".{name}":
                continue
            if name.endswith((f"{end}.weight", "lora_embedding_A")) and shape:
                asked[f"{end} rows"] = shape[1] if name.endswith("lora_embedding_A") else shape[0]
            if name.endswith(f"{end}.weight"):
                asked[end] = shape[0]
    rows = int(model.get_input_embeddings().weight.shape[0])
    wanted = max((value for key, value in asked.items() if key.endswith(" rows")), default=rows)
    if wanted == rows:
        return
    brought = {first, last} <= set(asked) or (first in asked and _tied(model))
    if wanted > rows and not brought:  # rows that are taken away need nothing: the others stay as they were
        what = f"it was trained with {wanted:,} tokens and its base has {rows:,}, and it does not bring their rows"
        hint = "save it with save_embedding_layers=True, or name the base that it was trained on"
        raise InputError(what, where=folder, hint=hint)
    with quiet():
        model.resize_token_embeddings(wanted, mean_resizing=False)


def _check_whole(adapted: Any, folder: Path) -> None:
    """Peft passes over weights that fit nothing, and starts those that are missing at nothing: both are refused."""
    from peft import get_peft_model_state_dict, set_peft_model_state_dict
    from safetensors.torch import load_file

    with quiet():
        brought = load_file(folder / WEIGHTS_FILE)
        told = set_peft_model_state_dict(adapted, brought)
        wanted = get_peft_model_state_dict(adapted, save_embedding_layers=False)
    prefix = getattr(adapted.base_model, "prefix", "lora_")
    missing = [name for name in told.missing_keys if prefix in name or "modules_to_save" in name]
    missing += [name for name in wanted if name not in brought and "lora_" not in name]  # biases, whole layers
    unused = list(told.unexpected_keys)
    if getattr(adapted.peft_config["default"], "ensure_weight_tying", False):
        # What is trained of tied embeddings is one, and saved once for each of both layers.
        ends = _names(adapted.get_base_model()).values()
        unused = [name for name in unused if not any(f".{end}." in name for end in ends if end)]
    for what, names in (("are for no layer of the base", unused), ("are missing", missing)):
        if names:
            text = f"{len(names):,} of its weights {what}, such as {word(str(names[0]), 100)}"
            raise InputError(text, where=folder / WEIGHTS_FILE, hint="name the base that it was trained on")
