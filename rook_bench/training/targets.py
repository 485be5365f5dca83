"""Which layers get a LoRA adapter, found from the architecture."""

from __future__ import annotations

from typing import Any

from rook_bench.core import ConfigError, suggest

ALL_LINEAR = "all-linear"
"""Every linear layer, as PEFT calls it."""

ROOK_TARGETS = ("c_attn", "c_proj")
"""ROOK's choice for GPT-2: attention's input projection, and the output projections of attention and MLP."""


def linear_layers(model: Any) -> dict[str, Any]:
    """Full name to module of every linear layer but the output layer."""
    import torch
    from transformers.pytorch_utils import Conv1D

    head = model.get_output_embeddings()
    return {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.Linear | Conv1D) and module is not head
    }


def lora_targets(model: Any, asked: list[str] | None) -> list[str]:
    """Last names of the layers to adapt (["c_attn", "c_proj"], ["k_proj", "o_proj", "q_proj", "v_proj"]).

    Args:
        asked: the user's names, or ["all-linear"]; ConfigError with the near name where the model has none such.
    """
    layers = linear_layers(model)
    known = {name.rpartition(".")[2] for name in layers}
    if asked == [ALL_LINEAR]:
        return sorted(known)
    if asked is not None:
        for name in asked:
            if name not in known:
                raise ConfigError(f"the model has no layer '{name}'", where="lora_targets", hint=suggest(name, known))
        return sorted(set(asked))
    if set(ROOK_TARGETS) <= known:
        return list(ROOK_TARGETS)
    modules = dict(model.named_modules())
    attention = {name.rpartition(".")[2] for name in layers if _inside_attention(name, modules)}
    return sorted(attention or known)


def transposed(model: Any) -> bool:
    """Whether the layers keep their weights as (in, out), as GPT-2's Conv1D does."""
    from transformers.pytorch_utils import Conv1D

    return any(isinstance(layer, Conv1D) for layer in linear_layers(model).values())


def _inside_attention(name: str, modules: dict[str, Any]) -> bool:
    parts = name.split(".")
    return any("Attention" in type(modules[".".join(parts[:end])]).__name__ for end in range(1, len(parts)))
