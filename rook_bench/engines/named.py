"""An engine by what somebody asked for."""

from __future__ import annotations

from pathlib import Path

from rook_bench.core import ConfigError
from rook_bench.engines.engine import Engine, Threads


def engine_of(
    *,
    threads: int | None = None,
    processes: int | None = None,
    ray: str | None = None,
    shared: str | Path | None = None,
) -> Engine:
    """The engine that is asked for: threads, one for each core, where nothing is.

    Args:
        threads, processes: so many of them.
        ray: address of a Ray cluster ("auto" finds one on this machine).
        shared: with Ray, a folder that all its machines see.

    Raises:
        ConfigError: for more than one, or without Ray.
    """
    asked = {"threads": threads, "processes": processes, "ray": ray}
    given = [name for name, value in asked.items() if value is not None]
    if len(given) > 1:
        raise ConfigError(f"{' and '.join(given)} are asked for", where="engine", hint="choose one of them")
    for name, count in (("threads", threads), ("processes", processes)):
        if count is not None and count < 1:
            raise ConfigError(f"{count} {name}", where=name, hint="give at least 1")
    if shared is not None and ray is None:
        raise ConfigError("it is for the machines of a cluster", where="shared", hint="give the cluster too (--ray)")
    if ray is not None:
        from rook_bench.engines.ray_cluster import RayCluster

        return RayCluster(ray, shared)
    if processes is not None:
        from rook_bench.engines.processes import Processes

        return Processes(processes)
    return Threads(threads)
