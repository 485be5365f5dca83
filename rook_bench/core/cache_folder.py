"""Where what can be made again is kept: decisions, answers of models, compiled code."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

CACHE_VARIABLE = "ROOK_BENCH_CACHE"


def cache_folder() -> Path:
    """The folder that $ROOK_BENCH_CACHE names, or the user's cache folder."""
    return Path(os.environ.get(CACHE_VARIABLE) or platformdirs.user_cache_dir("rook-bench"))
