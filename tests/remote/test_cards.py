"""A box with graphics cards: what it says of them, how several train together, and a driver that is too old."""

import hashlib
import json
import os
import sys

import pytest

from rook_bench.core import RookError
from rook_bench.remote.box import Box
from rook_bench.remote.ssh import Ssh
from rook_bench.remote.train import describe_box

TWO = "NVIDIA A10G, 23028, 470.57.02\nNVIDIA A10G, 23028, 470.57.02"


@pytest.fixture
def carded(way, tmp_path):
    """A box whose nvidia-smi says this, and whose `python` only tells what it was asked."""

    def make(said, python=True):
        programs = tmp_path / "programs"
        programs.mkdir(exist_ok=True)
        for name, text in {"nvidia-smi": f"echo '{said}'", "telling": 'echo "asked: $*"; exit 9'}.items():
            (programs / name).write_text(f"#!/bin/sh\n{text}\n")
            (programs / name).chmod(0o755)

        class Carded(Box):
            def words(self, *arguments):
                return ["env", f"PATH={programs}:{os.environ['PATH']}", *super().words(*arguments)]

        return Carded(Ssh("box", way()), sys.executable if python else None), programs / "telling"

    return make


def run(box, packed_job, files=None, **order):
    name, package = packed_job({"lock/x": b"", "work/y": b"", "code/z": b"", **(files or {})})
    box.ready()
    list(box.send(name, package, hashlib.sha256(package.read_bytes()).hexdigest()))
    box.ask("start", name, send=json.dumps({"max_seconds": 60, **order}).encode())
    lines = list(box.follow(name, 0, 60))
    return "".join(line["log"] for line in lines if "log" in line), lines[-1]["end"]


def test_the_box_says_which_cards_it_has(carded):
    box, _ = carded(TWO)
    found = box.ready()
    assert describe_box(found).endswith("2 x NVIDIA A10G (driver 470.57.02)")
    assert describe_box(carded("")[0].ready()).endswith("no graphics card")


def test_several_cards_train_together(carded, packed_job):
    box, python = carded(TWO)
    log, _ = run(box, packed_job, python=str(python))
    assert "asked: -m accelerate.commands.launch --multi_gpu --num_processes 2 -m rook_bench train" in log


@pytest.mark.parametrize(("said", "order"), [("NVIDIA T4, 15360, 580.10", {}), (TWO, {"cpu": True}), ("", {})])
def test_one_card_or_none_trains_alone(said, order, carded, packed_job):
    box, python = carded(said)
    log, _ = run(box, packed_job, python=str(python), **order)
    assert "accelerate" not in log
    assert "asked: -c from rook_bench.cli.main import main; main() train" in log


def test_a_driver_that_is_too_old_is_told_with_what_to_do(carded, packed_job, box_folder):
    """The environment is there, and torch in it can't use the card."""
    box, python = carded(TWO, python=False)
    box.ready()
    name = hashlib.sha256(hashlib.sha256(b"").hexdigest().encode()).hexdigest()[:16]
    found = box.ask("probe")["python"]
    folder = box_folder / "env" / f"{name}-cuda-py{found[0]}.{found[1]}"
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "python").symlink_to(python)
    (folder / ".ready").touch()
    _, end = run(box, packed_job)
    assert end["stage"] == "failed"
    assert end["message"] == (
        "torch can't use the NVIDIA A10G: its driver 470.57.02 is too old for this build; update the driver, or ask for --cpu"
    )


def test_a_full_disk_and_a_python_without_venv_are_said_before_anything_is_sent(carded, monkeypatch):
    box, _ = carded("", python=False)
    told = {"system": "Linux", "venv": True, "disk_free": 10**9, "environments": []}
    monkeypatch.setattr(Box, "ask", lambda self, *rest, **more: told)
    with pytest.raises(RookError, match=r"0.9 GiB of disk are free, some 6 are needed; make room"):
        box.ready()
    told |= {"venv": False, "disk_free": 10**11}
    with pytest.raises(
        RookError, match=r"venv is missing; install it there \(Debian, Ubuntu: apt install python3-venv\)"
    ):
        box.ready()
    told["system"] = "Windows"
    with pytest.raises(RookError, match="a box with Windows, not Linux"):
        box.ready()
