"""A base in 4 bits, to train an adapter on where the whole one does not fit (QLoRA, Dettmers et al. 2023)."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

from rook_bench.core import InputError
from rook_bench.core.untrusted import word
from rook_bench.language.base import HUB, SAFE, find_base, split_revision
from rook_bench.language.runtime import load_torch, quiet


def require_quantize_extra() -> None:
    """InputError in one line where bitsandbytes is not installed."""
    if importlib.util.find_spec("bitsandbytes") is None:
        what = "training in 4 bits needs bitsandbytes, not installed here"
        raise InputError(what, hint="pip install 'rook-bench[quantize]'")


def load_in_4bit(reference: str, device: str, *, bf16: bool) -> Any:
    """A base in 4 bits (NF4, its constants quantised too), ready for an adapter to be trained on it.

    Args:
        reference: of a base that `load_base` loaded.
        device: that it is put on; bf16: compute in bfloat16, else in float32.

    Raises:
        InputError: where it can't be loaded so.
    """
    require_quantize_extra()
    torch = load_torch()
    from peft import prepare_model_for_kbit_training
    from transformers import AutoModelForCausalLM, BitsAndBytesConfig

    how = BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16 if bf16 else torch.float32,
    )
    found = find_base(reference)
    local = Path(found).is_dir()
    name, revision = (found, None) if local else split_revision(found)
    where: dict[str, Any] = {**(SAFE if local else HUB), **({"revision": revision} if revision else {})}
    try:
        with quiet():
            model = AutoModelForCausalLM.from_pretrained(
                name, quantization_config=how, device_map={"": device}, dtype=torch.float32, **where
            )
    except Exception as error:  # of the quantiser, the disk or the device, whatever it is
        what = f"it can't be loaded in 4 bits ({type(error).__name__}: {word(str(error), 160)})"
        raise InputError(what, where=reference, hint="train without --load-in-4bit") from None
    for layer in model.modules():
        # On some processors a layer that was asked in evaluation is packed anew for that, and can't be trained on.
        if hasattr(layer, "support_avx512bf16_for_cpu"):
            layer.support_avx512bf16_for_cpu = False
    with quiet():
        return prepare_model_for_kbit_training(model, use_gradient_checkpointing=False).eval()
