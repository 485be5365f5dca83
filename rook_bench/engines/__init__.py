"""Where pieces of work are computed: in threads, in processes, or on a Ray cluster; the same bytes everywhere."""

from rook_bench.engines.engine import Engine, Job, Threads
from rook_bench.engines.named import engine_of

__all__ = ["Engine", "Job", "Threads", "engine_of"]
