"""Builds the package with what it ships: files of the repository's top folders go under rook_bench/shipped/ in a wheel.

Into the wheel goes the drawing library of the report's live chart too, which npm fetches by its hash. Where there is no
npm, reports have pictures only; a release sets ROOK_BENCH_REQUIRE_CHART=1, and the build fails.

In the repository they stay where people look for them, once; an editable install reads them there
(rook_bench/core/shipped.py).
"""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

SHIPPED = (
    *(
        f"strategies/{name}"
        for name in ("data_driven.json", "rook_tiny.json", "gate.toml", "first_champion.toml", "production.toml")
    ),
    *(f"strategies/{name}" for name in ("bench.toml", "rook_eth_usdc.yaml", "in_dollars.toml", "fade_large_swaps.py")),
    "data/sample.parquet",
    *(f"models/base/rook-tiny/{name}" for name in ("README.md", "config.json", "generation_config.json")),
    *(f"models/base/rook-tiny/{name}" for name in ("model.safetensors", "tokenizer.json", "tokenizer_config.json")),
    "models/base/rook-tiny/training.json",
    *(f"requirements{name}" for name in (".lock", "-train.lock", "-setup.lock", "-torch.txt")),
)

WEB = "rook_bench/report/web"
CHART = ("dist/uPlot.iife.min.js", "dist/uPlot.min.css", "LICENSE")


class BuildWithShipped(build_py):
    """Puts the shipped files beside the modules."""

    def run(self):
        """Copy modules and package data, then the shipped files."""
        super().run()
        for source, target in self.shipped().items():
            self.mkpath(str(Path(target).parent))
            self.copy_file(source, target, preserve_mode=False)
        if not self.editable_mode:
            self.put_chart(Path(self.build_lib) / WEB)

    def put_chart(self, target):
        """Fetch the drawing library as the lock file says, and put it beside the report's own scripts."""
        with tempfile.TemporaryDirectory() as folder:
            for name in ("package.json", "package-lock.json"):
                shutil.copy(Path(WEB) / name, folder)
            install = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
            try:
                subprocess.run(install, cwd=folder, check=True)
            except (OSError, subprocess.CalledProcessError) as error:
                if os.environ.get("ROOK_BENCH_REQUIRE_CHART") == "1":
                    raise
                self.warn(f"reports will have no live chart: {error}")
                return
            for name in CHART:
                self.copy_file(str(Path(folder) / "node_modules" / "uplot" / name), str(target / Path(name).name))

    def get_outputs(self, include_bytecode=True):
        """All that a wheel is to hold."""
        return [*super().get_outputs(include_bytecode), *self.shipped().values()]

    def get_source_files(self):
        """All that an sdist is to hold for it."""
        return [*super().get_source_files(), *SHIPPED]

    def shipped(self):
        """Where each shipped file goes; nowhere in an editable install."""
        if self.editable_mode:
            return {}
        folder = Path(self.build_lib) / "rook_bench" / "shipped"
        return {name: str(folder / name) for name in SHIPPED}


setup(cmdclass={"build_py": BuildWithShipped})
