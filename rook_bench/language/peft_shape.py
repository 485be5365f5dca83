"""What an adapter's configuration says of it, and what of that can't be taken."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rook_bench.core import InputError
from rook_bench.core.untrusted import shown, word
from rook_bench.language.architecture import read_settings
from rook_bench.language.runtime import load_torch

CONFIG_FILE, WEIGHTS_FILE = "adapter_config.json", "adapter_model.safetensors"

LARGEST_RANK = 4096

MOST_STRETCHES = 100
"""Stretches of layers that an adapter may repeat."""

TASK = "CAUSAL_LM"


def read_adapter_config(folder: Path) -> dict[str, Any]:
    """The configuration of a PEFT adapter.

    Raises:
        InputError: where it can't be read, names code, is of another task or of a kind that has no merged weights, or
            says what this version of PEFT would pass over.
    """
    path = folder / CONFIG_FILE
    told = read_settings(path)
    _check(told, path)
    return told


def _check(told: dict[str, Any], path: Path) -> None:
    load_torch()
    from peft import PEFT_TYPE_TO_CONFIG_MAPPING

    kind = told.get("peft_type")
    config = PEFT_TYPE_TO_CONFIG_MAPPING.get(kind) if isinstance(kind, str) else None
    if config is None:
        raise InputError(f"PEFT knows no adapter of the type {word(str(kind), 40)!r}", where=path)
    task = told.get("task_type")
    if task not in (TASK, None):
        raise InputError(f"it was trained for {word(str(task), 40)}, not to write text ({TASK})", where=path)
    if told.get("megatron_config"):
        what = "megatron_config names a module to import: nothing that a model's folder names is run"
        raise InputError(what, where=path, hint="save the adapter without it")
    pattern = told.get("rank_pattern")
    for rank in (told.get("r"), *(pattern.values() if isinstance(pattern, dict) else ())):
        if rank is not None and not (isinstance(rank, int) and 1 <= rank <= LARGEST_RANK):
            raise InputError(f"a rank of {word(str(rank), 40)} is none", where=path)
    copies = told.get("layer_replication")
    if copies and not (isinstance(copies, list) and len(copies) <= MOST_STRETCHES):
        raise InputError("layer_replication makes no model of that", where=path)
    unknown = [name for name, value in told.items() if name not in config.__dataclass_fields__ and value]
    unknown = [name for name in unknown if name != "runtime_config"]
    if unknown:
        names = ", ".join(word(name, 40) for name in sorted(unknown)[:5])
        made = told.get("peft_version")
        by = f" (made by PEFT {shown(str(made))[:20]})" if made else ""
        what = f"it sets {names}, which the PEFT installed here does not know and would pass over{by}"
        raise InputError(what, where=path, hint="upgrade peft, and try again")


def tensor_shapes(path: Path) -> dict[str, list[int]]:
    """The shape of each tensor of a safetensors file, by its name; no tensor is read."""
    load_torch()
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            return {name: list(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise InputError(f"the weights can't be read ({word(str(error), 120)})", where=path) from None
