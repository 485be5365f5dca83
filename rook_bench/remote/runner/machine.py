"""What the box is: Python, disk, memory, cores, graphics cards."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from importlib.util import find_spec
from typing import Any

from .job import ROOT


def probe() -> dict[str, Any]:
    """Facts that decide whether a job can run here."""
    ROOT.mkdir(parents=True, exist_ok=True, mode=0o700)
    return {
        "python": list(sys.version_info[:3]),
        # Debian keeps what makes environments in a package of its own.
        "venv": find_spec("venv") is not None and find_spec("ensurepip") is not None,
        "disk_free": shutil.disk_usage(str(ROOT)).free,
        "memory": os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "cards": cards(),
        "system": platform.system(),
        "machine": platform.machine(),
        "environments": sorted(path.parent.name for path in (ROOT / "env").glob("*/.ready")),
    }


def cards() -> list[dict[str, str]]:
    """Graphics cards that the driver knows: name, memory in MiB, version of the driver."""
    asked = ["nvidia-smi", "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader,nounits"]
    try:
        told = subprocess.run(asked, capture_output=True, text=True, timeout=30, check=True)
    except (OSError, subprocess.SubprocessError):
        return []
    rows = [[cell.strip() for cell in line.split(",")] for line in told.stdout.splitlines() if line.strip()]
    return [{"name": row[0], "memory_mib": row[1], "driver": row[2]} for row in rows if len(row) == 3]
