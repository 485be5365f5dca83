"""Importing torch late and with settings that fit a shared machine."""

from __future__ import annotations

import importlib.util
import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rook_bench.core import InputError
from rook_bench.core.garbage import uncollected

SMALL_MODEL = 20_000_000
"""Parameters below which one thread is faster than two: the work per layer is less than the handover."""

_ENVIRONMENT = {
    # Waiting threads give the core away instead of spinning: with a second busy process a forward
    # pass was measured at 13.6 s spinning and at 0.4 s waiting.
    "OMP_WAIT_POLICY": "PASSIVE",
    "TOKENIZERS_PARALLELISM": "false",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "TRANSFORMERS_VERBOSITY": "error",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
}

NEEDED = ("torch", "transformers", "peft", "accelerate", "safetensors", "sklearn")


def require_train_extra() -> None:
    """InputError in one line where the packages of the `train` extra are not installed."""
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise InputError(
            f"language models need {', '.join(missing)}, not installed here",
            hint="run make setup-train, or pip install 'rook-bench[train]'",
        )


def load_torch() -> Any:
    """The torch module, imported with settings that must be there before it is."""
    require_train_extra()
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    # Where it is installed, PEFT imports it, and it warns of kernels that nobody asked for.
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
    with uncollected():
        import torch

    return torch


def default_device() -> str:
    """ "cuda" where a GPU can be used, else "cpu"."""
    return "cuda" if load_torch().cuda.is_available() else "cpu"


def set_threads(parameters: int) -> None:
    """One thread for small models on a CPU, else the cores that this process may use (or OMP_NUM_THREADS)."""
    if "OMP_NUM_THREADS" in os.environ:
        return
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    load_torch().set_num_threads(1 if parameters < SMALL_MODEL else cores)


def fast_bf16(device: str) -> bool:
    """Whether bfloat16 is computed by hardware; a CPU that emulates it is over a hundred times slower."""
    torch = load_torch()
    if device != "cpu":
        return bool(torch.cuda.is_bf16_supported())
    capabilities = torch.cpu.get_capabilities()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16") or capabilities.get("amx_tile"))


@contextmanager
def quiet() -> Iterator[None]:
    """Keep the libraries' deprecation notices, which are theirs to act on, off the user's terminal."""
    with warnings.catch_warnings():
        for category in (FutureWarning, DeprecationWarning, UserWarning):
            warnings.filterwarnings("ignore", category=category, module=r"(transformers|peft|torch|accelerate)\b.*")
        yield
