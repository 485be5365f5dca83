"""Several processes train one model: on this machine two on the processor, as accelerate starts one for each card."""

import json
import os
import subprocess
import sys

import pytest
import warm

from rook_bench.trials import TrialLedger

torch = pytest.importorskip("torch", reason="the train extra is not installed")

FLAGS = ("--max-samples", "128", "--epochs", "2", "--batch-size", "16")


def launch(*words):
    """Two processes, as torch's own launcher starts them; each finds the libraries loaded."""
    launcher = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--no-python"]
    done = subprocess.run(
        [*launcher, *warm.command(*words)], capture_output=True, text=True, env=dict(os.environ, OMP_NUM_THREADS="1")
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def train(prepared, mini_base, folder):
    """The verb."""
    words = ("-u", "-m", "rook_bench", "train", "--data-dir", prepared, "--output-dir", folder, "--model", mini_base)
    done = launch(*words, "--trials", folder.with_name("trials"), *FLAGS)
    return done.stdout, json.loads((folder / "rook.json").read_text())


def alone(prepared, mini_base, folder):
    """The same in this process."""
    from rook_bench.workbench.fine_tune import train

    settings = {"model": str(mini_base), "max_samples": 128, "num_epochs": 2.0, "batch_size": 16}
    done = train(prepared, folder, trials=folder.with_name("trials"), say=lambda line: None, **settings)
    return done.manifest.model_dump(mode="json")


def test_two_processes_train_one_adapter_and_one_speaks(prepared, mini_base, tmp_path):
    out, record = train(prepared, mini_base, tmp_path / "two")
    assert out.count("validation: macro-F1") == 1
    assert out.count("class weights in the loss") == 1
    assert record["training"]["devices"] == ["cpu", "cpu"]
    one = alone(prepared, mini_base, tmp_path / "one")
    assert "devices" not in one["training"]
    # A step sees as many examples as alone: the same steps, and nearly the same model.
    steps = [
        json.loads((tmp_path / name / "metrics.jsonl").read_text().splitlines()[-1])["step"] for name in ("one", "two")
    ]
    assert steps[0] == steps[1] == 16
    nll = [told["training"]["validation"]["nll"] for told in (one, record)]
    assert nll[0] == pytest.approx(nll[1], abs=0.05)
    assert len(TrialLedger(tmp_path / "trials").trials()) == 2  # a choice of each run, not of each process


def test_gradients_are_the_mean_of_all(tmp_path):
    """Each process gets the mean, whatever its own was."""
    code = """
import os, torch
from rook_bench.training.ranks import average_gradients, devices, is_first, world
torch.distributed.init_process_group("gloo")
rank = torch.distributed.get_rank()
weight = torch.nn.Parameter(torch.zeros(3))
frozen = torch.nn.Parameter(torch.zeros(3))
weight.grad = torch.full((3,), float(rank + 1))
average_gradients([weight, frozen])
assert weight.grad.tolist() == [1.5, 1.5, 1.5], weight.grad
assert frozen.grad is None
assert world() == 2 and is_first() == (rank == 0)
torch.distributed.destroy_process_group()
"""
    script = tmp_path / "ranks.py"
    script.write_text(code)
    launch("-u", script)
