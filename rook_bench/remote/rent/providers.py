"""The providers that are known, by name."""

from __future__ import annotations

from collections.abc import Callable

from rook_bench.core import UnknownName
from rook_bench.remote.rent.fluence import Fluence
from rook_bench.remote.rent.hf_jobs import HfJobs
from rook_bench.remote.rent.provider import Provider

PROVIDERS: dict[str, Callable[[], Provider]] = {"fluence": Fluence, "hf-jobs": HfJobs}


def provider_of(name: str) -> Provider:
    """The provider of a name.

    Raises:
        UnknownName: for one that isn't known.
        InputError: where its key is not in the environment.
    """
    if name not in PROVIDERS:
        raise UnknownName("provider", name, PROVIDERS, where="--provider")
    return PROVIDERS[name]()
