"""A run on a box, against a real sshd: whatever is cut or killed, it ends with the bytes of an undisturbed run."""

import json
import os
import signal
from contextlib import suppress
from pathlib import Path

import processes
import pytest
import warm

pytest.importorskip("torch", reason="the train extra is not installed")

WEIGHTS = "adapter_model.safetensors"
SLOWLY = """
import time
from rook_bench.training.trainer import ProgressFile
end = ProgressFile.on_step_end
def slow(self, *arguments, **more):
    end(self, *arguments, **more)
    time.sleep(0.25)
ProgressFile.on_step_end = slow
from rook_bench.cli.main import main
"""


@pytest.fixture(scope="module")
def undisturbed(prepared, mini_base, tmp_path_factory):
    """The adapter that the same call gives on this machine."""
    from rook_bench.training import TrainSettings
    from rook_bench.training.fit import train

    settings = TrainSettings(
        model=str(mini_base), max_eval_samples=64, patience=0, learning_rate=0.01, batch_size=16, max_samples=96,
        num_epochs=4,
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("here") / "adapter"
    train(prepared, folder, settings, say=lambda line: None)
    return folder


@pytest.fixture
def slow_python(tmp_path):
    """An interpreter on the box whose training takes its time, so that there is something to kill."""
    place = tmp_path / "site"
    place.mkdir()
    (place / "slow_training.py").write_text(SLOWLY)
    code = f'import sys; sys.path.insert(0, "{place}"); from slow_training import main; main()'
    return warm.interpreter(tmp_path / "python", code)


@pytest.fixture
def started(way, flags, slow_python):
    """Start the command as a process of its own; it is gone when the test ends."""
    running = []

    def start():
        words = ["remote", "train", "--host", "box", "--ssh-config", way(), "--python", slow_python, "--", *flags()]
        running.append(processes.start(*words))
        return running[-1]

    yield start
    for process in running:
        if process.poll() is None:
            process.kill()
            process.wait()


def job_on(box_folder):
    return next(iter((box_folder / "jobs").glob("*")), None)


def state_of(box_folder):
    job = job_on(box_folder)
    try:
        return json.loads((job / "state.json").read_text())
    except (TypeError, OSError, ValueError):
        return {}


def checkpoints(box_folder):
    return sorted(job_on(box_folder).glob("work/.adapter.training/checkpoint-*/trainer_state.json"))


def trainer_gone(pid):
    return not Path(f"/proc/{pid}").exists() or "Z" in Path(f"/proc/{pid}/status").read_text().split("State:")[1][:3]


def test_it_ends_as_an_undisturbed_run_whatever_is_cut_or_killed(
    started, sshd, box_folder, tmp_path, undisturbed, wait
):
    client = started()
    wait(lambda: state_of(box_folder).get("stage") == "training" and checkpoints(box_folder))

    assert sshd.cut()  # the cable: the client connects again by itself
    wait(lambda: len(checkpoints(box_folder)) >= 2 or client.poll() is not None)
    assert client.poll() is None

    state = state_of(box_folder)
    os.kill(state["runner"], signal.SIGKILL)  # the runner, with which its trainer dies
    wait(lambda: trainer_gone(state["child"]))
    wait(lambda: state_of(box_folder).get("runner") not in (None, state["runner"]))  # the client begins it again

    client.kill()  # then the client itself, and the box is switched off: nothing is left, and nobody noted it
    client.wait()
    state = state_of(box_folder)
    for process in (state["runner"], state["child"]):
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
    wait(lambda: trainer_gone(state["child"]) and trainer_gone(state["runner"]))
    said = client.stdout.read() + client.stderr.read()
    assert "connecting again" in said
    assert "beginning again where it stopped" in said

    again = started()
    out, err = again.communicate(timeout=120)
    assert again.returncode == 0, err
    assert "going on from step" in (job_on(box_folder) / "log").read_text()
    assert (tmp_path / "adapter" / WEIGHTS).read_bytes() == (undisturbed / WEIGHTS).read_bytes()
    records = [json.loads((folder / "rook.json").read_text()) for folder in (tmp_path / "adapter", undisturbed)]
    for record in records:
        del record["training"]["seconds"]
    assert records[0] == records[1]


def test_ctrl_c_leaves_a_job_on_your_own_box_running(started, box_folder, command_line, wait):
    client = started()
    wait(lambda: state_of(box_folder).get("stage") == "training" and checkpoints(box_folder))
    client.send_signal(signal.SIGINT)
    _, err = client.communicate(timeout=30)
    assert client.returncode == 130
    job = job_on(box_folder).name
    assert f"the job goes on at box; rook-bench remote attach {job}" in err
    assert not trainer_gone(state_of(box_folder)["child"])

    code, out, _ = command_line("remote", "status", job)
    assert code == 0
    assert "training, step " in out
    code, out, _ = command_line("remote", "end", job[:6])
    assert code == 0
    assert "ended, " in out
    assert trainer_gone(state_of(box_folder)["child"])
    code, _, err = command_line("remote", "fetch", job)
    assert code == 3
    assert "the job is not done: ended" in err


def test_a_second_command_does_not_look_after_the_same_job(started, box_folder, wait, remote, flags, command_line):
    first = started()
    wait(lambda: state_of(box_folder).get("stage"))
    code, _, err = command_line("remote", "attach", job_on(box_folder).name)
    assert code == 3
    assert "another rook-bench is attached to this job" in err
    assert err.count("\n") == 1
    assert first.poll() is None


def test_the_time_that_was_asked_for_is_a_hard_limit(remote, flags, command_line, box_folder, tmp_path):
    code, _, err = command_line(*remote("--max-hours", "0.0005"), "--", *flags())
    assert code == 3
    assert "out of time: the time that was asked for is over" in err
    assert "the same command with more --max-hours goes on" in err
    assert state_of(box_folder)["stage"] == "out of time"
    assert trainer_gone(state_of(box_folder)["child"])
    assert not (tmp_path / "adapter").exists()
