"""The box sets itself up from the locks that it is sent.

With all that they name where everything is tried (a minute or two); else with three packages of theirs, and an
installer that finds all the others under their hashes and fetches none.
"""

import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from rook_bench.remote.box import Box
from rook_bench.remote.code import lock_files
from rook_bench.remote.ssh import Ssh

SHORT = {"requirements.lock": "packaging", "requirements-train.lock": "filelock", "requirements-torch.txt": "idna"}
"""Of each lock one small package that needs no other; what takes the place of torch comes first, as torch does."""

LOOKS = """
import importlib.metadata, pathlib, sys
import {modules}
print("made:", sys.executable, importlib.metadata.version("{first}"), importlib.metadata.version("uv"), flush=True)
folder = pathlib.Path("adapter"); folder.mkdir(); (folder / "rook.json").write_text("{{}}")
def main(): pass
"""
TRAINS = "accelerate, numba, peft, safetensors, sklearn, torch, transformers"


def entry(lock, name):
    """What a lock says of one package: its version and its hashes."""
    return re.search(rf"^{name}==(\S+).*?(?=^\S|\Z)", lock.read_text(), flags=re.MULTILINE | re.DOTALL)


def short_locks():
    """The locks that are sent, with one package in each."""
    locks = lock_files()
    sent = {name: entry(locks[name], package)[0] for name, package in SHORT.items() if name.endswith(".lock")}
    sent["requirements-torch.txt"] = f"idna=={entry(locks['requirements.lock'], 'idna')[1]}\n"
    sent["requirements-setup.lock"] = locks["requirements-setup.lock"].read_text()
    assert set(sent) == set(locks)
    return {name: text.encode() for name, text in sent.items()}


def hashes_of(text):
    """Of every package that a lock names with its version, the hashes of its files."""
    found = {}
    for line in text.splitlines():
        if line[:1].isalnum():
            found[line.split()[0]] = hashes = set()
        elif "--hash" in line:
            hashes.update(re.findall(r"--hash=sha256:(\w+)", line))
    return found


def assert_whole(locks, environment):
    """Everything that the locks name is there to be fetched, under a hash that they know; nothing is fetched."""
    for name in ("requirements.lock", "requirements-train.lock"):
        text = locks[name].read_text()
        pinned = [line.removesuffix("\\") for line in text.splitlines() if line[:1].isalnum()]
        asked = [environment / "bin" / "uv", "pip", "compile", "-", "--python", environment / "bin" / "python"]
        asked += ["--no-deps", "--generate-hashes", "--no-header", "--no-annotate", "--quiet"]
        done = subprocess.run(asked, input="\n".join(pinned), capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        known, there = hashes_of(text), hashes_of(done.stdout)
        assert len(there) > 30
        assert [package for package, hashes in there.items() if not hashes & known[package]] == []


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


def test_an_environment_is_made_once_and_found_by_the_next_job(way, box_folder, packed_job, registry, thorough):
    box = Box(Ssh("box", way()))
    locks = {name: path.read_bytes() for name, path in lock_files().items()} if thorough else short_locks()
    modules, first = (TRAINS, "torch") if thorough else (", ".join(SHORT.values()), "idna")
    looks = LOOKS.format(modules=modules, first=first).encode()
    told = []
    for number in range(2):
        files = {"code/rook_bench/__init__.py": b"", "code/rook_bench/cli/__init__.py": b"", "work/n": b"%d" % number}
        files |= {f"lock/{name}": text for name, text in locks.items()}
        name, package = packed_job(files | {"code/rook_bench/cli/main.py": looks})
        box.ready()
        list(box.send(name, package, hashlib.sha256(package.read_bytes()).hexdigest()))
        box.ask("start", name, send=json.dumps({"max_seconds": 600, "cpu": True}).encode())
        lines = list(box.follow(name, 0, 600))
        log = "".join(line["log"] for line in lines if "log" in line)
        assert lines[-1]["end"]["stage"] == "done", log
        told.append(log)
    assert f"setting up {first}==" in told[0]
    assert "setting up requirements-train.lock" in told[0]
    assert "trying the same with pip" not in told[0]
    assert "setting up" not in told[1]
    made = next(line for line in told[1].splitlines() if line.startswith("made: ")).split()
    assert made[1].startswith(str(box_folder / "env"))
    assert made[1] != sys.executable
    assert "+cu" not in made[2]
    if not thorough:
        assert_whole(lock_files(), Path(made[1]).parents[1])
