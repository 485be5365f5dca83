"""ROOK's scripts by their names and flags: each is the verb behind it, and a shell finds nothing to say."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
SHELL = ("fluence_quickstart.sh", "setup_linux_training.sh", "transfer_to_linux.sh")


@pytest.fixture
def run(tmp_path):
    """Run a script where `rook-bench` only says what it was asked; (exit code, what was said)."""
    stub = tmp_path / "bin" / "rook-bench"
    stub.parent.mkdir()
    stub.write_text('#!/bin/sh\necho "$@"\n')
    stub.chmod(0o755)

    def call(name, *arguments):
        program = ["sh"] if name.endswith(".sh") else [sys.executable]
        path = f"{stub.parent}:{os.environ['PATH']}"
        words = [*program, str(SCRIPTS / name), *map(str, arguments)]
        done = subprocess.run(words, capture_output=True, text=True, env=dict(os.environ, PATH=path), cwd=tmp_path)
        return done.returncode, done.stdout + done.stderr

    return call


def test_the_shell_has_nothing_to_say():
    checker = shutil.which("shellcheck")
    if checker is None:
        pytest.skip("shellcheck is not installed (apt install shellcheck)")
    done = subprocess.run([checker, *SCRIPTS.glob("*.sh")], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", SHELL)
def test_shell_scripts_can_be_run(name):
    assert os.access(SCRIPTS / name, os.X_OK)
    assert subprocess.run(["sh", "-n", SCRIPTS / name]).returncode == 0


def test_quickstart_rents_within_a_price(run):
    code, said = run("fluence_quickstart.sh", "5", "--seed", "1")
    assert code == 0
    assert said.split() == [
        *(
            [
                "remote",
                "train",
                "--provider",
                "fluence",
                "--max-usd",
                "5",
                "--max-hours",
                "4",
                "--",
                "--data-dir",
                "data/processed",
            ]
        ),
        *(
            [
                "--output-dir",
                "fluence_results",
                "--epochs",
                "3",
                "--max-samples",
                "1000",
                "--model",
                "microsoft/DialoGPT-medium",
            ]
        ),
        *(["--seed", "1"]),
    ]
    assert run("fluence_quickstart.sh")[0] == 3


def test_transfer_trains_on_a_box(run):
    assert run("transfer_to_linux.sh", "me@box", "--data-dir", "d") == (
        0,
        "remote train --host me@box -- --data-dir d\n",
    )
    assert run("transfer_to_linux.sh", "me@box")[0] == 3


def test_the_training_script_is_train(run):
    flags = ["--data-dir", "nowhere", "--output-dir", "x", "--epochs", 3, "--max-samples", 1000, "--model", "./absent"]
    assert run("finr1_lora_train.py", *flags) == (
        3, "rook-bench: ./absent: no such model folder; check the path, or use --model rook-tiny\n"
    )  # fmt: skip


def test_deploy_takes_the_seeds_flags(run, tmp_path):
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "key"], check=True)
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "other"], check=True)
    flags = [
        "--ssh-private-key",
        tmp_path / "key",
        "--data-package",
        "nowhere.tar.gz",
        "--output-dir",
        tmp_path / "out",
    ]
    code, said = run("fluence_deploy.py", "--ssh-key", tmp_path / "key.pub", *flags)
    assert code == 3
    assert "nowhere.tar.gz: no such package" in said
    code, said = run("fluence_deploy.py", "--ssh-key", tmp_path / "other.pub", *flags)
    assert code == 1
    assert f"{tmp_path}/other.pub: not the public key of {tmp_path}/key" in said
    assert "Traceback" not in said
