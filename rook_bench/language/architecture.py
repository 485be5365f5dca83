"""What a model's configuration says it is, and why it can't be asked, before any weight is read."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

from rook_bench.core import ConfigError, InputError
from rook_bench.core.config import read_mapping
from rook_bench.core.untrusted import shown, word
from rook_bench.language.runtime import load_torch


def read_settings(path: Path) -> dict[str, Any]:
    """A model's or an adapter's configuration, which may be anybody's."""
    try:
        return read_mapping(path)
    except ConfigError as error:
        raise InputError(shown(error.what), where=path, hint=error.hint) from None


def check_architecture(folder: Path) -> str:
    """The architecture of a model folder.

    Raises:
        InputError: for one that transformers doesn't know (its own code is not run), that is no causal language model,
            or whose weights are quantised where there is no GPU to compute with them.
    """
    path = folder / "config.json"
    told = read_settings(path)
    torch = load_torch()
    from transformers import CONFIG_MAPPING
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

    kind, named = told.get("model_type"), told.get("architectures") or ["the model"]
    name = word(str(named[0]) if isinstance(named, list) and named else str(kind), 60)
    if not isinstance(kind, str) or kind not in CONFIG_MAPPING:
        own = "; the code that its folder brings is not run" if told.get("auto_map") else ""
        what = f"{name}: transformers knows no architecture '{word(str(kind), 40)}'{own}"
        raise InputError(what, where=path, hint="upgrade transformers, or serve the model and ask it as endpoint:URL")
    if kind not in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES or told.get("is_encoder_decoder"):
        raise InputError(f"{name} ({kind}) is no causal language model: it can't say what comes next", where=path)
    quantised = told.get("quantization_config")
    how = word(str(quantised.get("quant_method", "?")), 20) if isinstance(quantised, dict) else "?"
    anywhere = how == "bitsandbytes" and importlib.util.find_spec("bitsandbytes") is not None
    if quantised and not (torch.cuda.is_available() or anywhere):
        what = f"{name}: its weights are quantised ({how}), which is computed on a GPU, and there is none here"
        raise InputError(what, where=path, hint="take the unquantised base: --base ORG/NAME")
    return name
