"""The box sets itself up, from the locks that it is sent: slow, and the only proof that they are whole."""

import hashlib
import json
import subprocess
import sys

import pytest

from rook_bench.remote.box import Box
from rook_bench.remote.code import lock_files
from rook_bench.remote.ssh import Ssh

LOOKS = b"""
import importlib.metadata, pathlib, sys
import accelerate, numba, peft, safetensors, sklearn, torch, transformers
print("made:", sys.executable, torch.__version__, importlib.metadata.version("uv"), flush=True)
folder = pathlib.Path("adapter"); folder.mkdir(); (folder / "rook.json").write_text("{}")
def main(): pass
"""


@pytest.fixture
def registry():
    """Skips where what the box would install can't be reached."""
    lock = lock_files()["requirements-setup.lock"]
    asked = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--dry-run",
        "--quiet",
        "--no-deps",
        "--ignore-installed",
        "-r",
        lock,
    ]
    if subprocess.run([*asked, "--retries", "0"], capture_output=True).returncode != 0:
        pytest.skip("the package registry can't be reached")


def test_an_environment_is_made_once_and_found_by_the_next_job(way, box_folder, packed_job, registry):
    box = Box(Ssh("box", way()))
    told = []
    for number in range(2):
        files = {"code/rook_bench/__init__.py": b"", "code/rook_bench/cli/__init__.py": b"", "work/n": b"%d" % number}
        files |= {f"lock/{name}": path.read_bytes() for name, path in lock_files().items()}
        name, package = packed_job(files | {"code/rook_bench/cli/main.py": LOOKS})
        box.ready()
        list(box.send(name, package, hashlib.sha256(package.read_bytes()).hexdigest()))
        box.ask("start", name, send=json.dumps({"max_seconds": 600, "cpu": True}).encode())
        lines = list(box.follow(name, 0, 600))
        log = "".join(line["log"] for line in lines if "log" in line)
        assert lines[-1]["end"]["stage"] == "done", log
        told.append(log)
    assert "setting up torch==" in told[0]
    assert "setting up" not in told[1]
    made = next(line for line in told[1].splitlines() if line.startswith("made: ")).split()
    assert made[1].startswith(str(box_folder / "env"))
    assert made[1] != sys.executable
    assert "+cu" not in made[2]
