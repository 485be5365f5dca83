"""A package as a SkyPilot task: for fleets, spot machines and many clouds, which that does and this does not."""

from __future__ import annotations

from pathlib import Path

import yaml

from rook_bench.core.files import whole_file, write_text
from rook_bench.remote.box import runner_file
from rook_bench.remote.package import JobManifest

RUNNER = "runner.pyz"


def write_task(manifest: JobManifest, package: Path, out: Path, *, max_hours: float, accelerators: str | None) -> Path:
    """Write the task and, beside it, the runner; the task names the package by its place.

    Returns:
        Where the runner lies.
    """
    runner = out.with_name(RUNNER)
    with whole_file(runner) as aside:
        aside.write_bytes(runner_file()[1])
    there = "~/rook-bench"
    task = {
        "name": f"rook-bench-{manifest.job}",
        "resources": {"accelerators": accelerators} if accelerators else {"cpus": "8+"},
        "file_mounts": {
            f"{there}/{package.name}": str(package.resolve()),
            f"{there}/{RUNNER}": str(runner.resolve()),
        },
        "run": f"python3 {there}/{RUNNER} run {there}/{package.name} {there}/adapter --max-hours {max_hours:g}\n",
    }
    write_text(out, yaml.safe_dump(task, sort_keys=False))
    return runner
