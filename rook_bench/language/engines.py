"""Ways to compute the same forward pass: float32, bfloat16, int8."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rook_bench.core import InputError, UnknownName
from rook_bench.language.runtime import fast_bf16, load_torch, quiet

REFERENCE = "fp32"
"""What every other engine is held against."""

LEAST_AGREEMENT = 0.99
"""Share of prompts on which an engine must choose the reference's side, or it is refused."""


@dataclass(frozen=True)
class Engine:
    """A way to compute.

    Attributes:
        name, summary: for the command line.
        prepare: turns a merged float32 model into what is run, on the given device.
        exact: whether it is the reference itself.
    """

    name: str
    summary: str
    prepare: Callable[[Any, str], Any]
    exact: bool = False


def _float32(model: Any, device: str) -> Any:
    return model.to(device)


def _refuse_quantised(model: Any, engine: str) -> None:
    if _quantised(model):
        what = "its weights are quantised already, and it computes as they say"
        raise InputError(what, where=f"engine {engine}", hint="use --engine torch")


def _quantised(model: Any) -> bool:
    return bool(getattr(model, "is_quantized", False))


def _bfloat16(model: Any, device: str) -> Any:
    _refuse_quantised(model, "bf16")
    if not fast_bf16(device):
        raise InputError(
            "this processor has no bfloat16 arithmetic and would emulate it, a hundred times slower",
            where="engine bf16",
            hint="use --engine torch",
        )
    return model.to(device, load_torch().bfloat16)


def _int8(model: Any, device: str) -> Any:
    _refuse_quantised(model, "int8")
    if device != "cpu":
        raise InputError("int8 runs on a CPU only", where="engine int8", hint="use --engine torch")
    torch = load_torch()
    with quiet():
        return torch.ao.quantization.quantize_dynamic(_plain_linears(model), {torch.nn.Linear}, dtype=torch.qint8)


def _plain_linears(model: Any) -> Any:
    """GPT-2 keeps its weights transposed in a layer of its own, which quantisation does not know."""
    torch = load_torch()
    from transformers.pytorch_utils import Conv1D

    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, Conv1D):
                linear = torch.nn.Linear(child.nx, child.nf)
                linear.weight.data, linear.bias.data = child.weight.data.T.contiguous(), child.bias.data
                setattr(parent, name, linear)
    return model


def _best(model: Any, device: str) -> Any:
    return _float32(model, device) if device == "cpu" or _quantised(model) else _bfloat16(model, device)


ENGINES = {
    engine.name: engine
    for engine in (
        Engine("torch", "torch eager: float32 on a CPU, bfloat16 on a GPU", _best),
        Engine(REFERENCE, "torch eager in float32 everywhere, the reference", _float32, exact=True),
        Engine("bf16", "bfloat16 where the processor computes it", _bfloat16),
        Engine("int8", "weights in 8 bits on a CPU; approximate", _int8),
    )
}


def find_engine(name: str) -> Engine:
    """The engine of that name."""
    if name not in ENGINES:
        raise UnknownName("engine", name, ENGINES)
    return ENGINES[name]
