"""Several processes that train one model, a device each, as `accelerate launch` starts them."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from rook_bench.language.runtime import load_torch


def world() -> int:
    """How many processes train together."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def is_first() -> bool:
    """Whether this process is the one that writes and speaks."""
    return int(os.environ.get("RANK", "0")) == 0


def use_own_device() -> None:
    """Let "cuda" mean this process's own card."""
    torch = load_torch()
    if world() > 1 and torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))


def wait_for_all() -> None:
    """Go on when every process is here."""
    torch = load_torch()
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.barrier()


def average_gradients(parameters: Iterable[Any]) -> None:
    """Give every process the mean gradient.

    The loss asks the model inside torch's own wrapper, which would do this, so that it is done here.
    """
    distributed = load_torch().distributed
    for parameter in parameters:
        if parameter.grad is not None:
            distributed.all_reduce(parameter.grad)
            parameter.grad /= world()


def devices() -> list[str]:
    """What trains, one for each process."""
    torch = load_torch()
    if torch.cuda.is_available():
        return [torch.cuda.get_device_name(number) for number in range(min(world(), torch.cuda.device_count()))]
    return ["cpu"] * world()
