"""A training run that was stopped goes on, and ends as if it had not been."""

import os
import re
import signal
import time

import processes
import pytest

from rook_bench.language.manifest import read_manifest

torch = pytest.importorskip("torch", reason="the train extra is not installed")

from rook_bench.training.checkpoints import latest_checkpoint  # noqa: E402
from rook_bench.training.fit import train  # noqa: E402
from rook_bench.training.trainer import TimedCheckpoint  # noqa: E402

STEPS = 6  # per epoch: 96 examples in batches of 16


class Killed(BaseException):
    """Stands in for the end of the process."""


@pytest.fixture(autouse=True)
def no_picture(monkeypatch):
    """Drawing takes a third of such a short run's time, and is looked at elsewhere."""
    monkeypatch.setattr("rook_bench.report.charts.training.draw_training", lambda *arguments: b"")


@pytest.fixture
def small(mini_settings):
    return lambda **changes: mini_settings(**{"max_samples": 96, "num_epochs": 3, "patience": 0} | changes)


@pytest.fixture
def fit(prepared, small, tmp_path):
    def run(name, fresh=False, **changes):
        run.said.clear()
        return train(prepared, tmp_path / name, small(**changes), say=run.said.append, fresh=fresh)

    run.said = []
    return run


@pytest.fixture(scope="module")
def unbroken(prepared, mini_settings, tmp_path_factory):
    """The weights of a run that nobody stopped."""
    folder = tmp_path_factory.mktemp("unbroken") / "adapter"
    settings = mini_settings(max_samples=96, num_epochs=3, patience=0)
    train(prepared, folder, settings, say=lambda line: None)
    return folder


@pytest.fixture
def stopped(fit, tmp_path, monkeypatch):
    """Start a run and end it after so many steps; returns its working folder."""

    def run(name="adapter", at=STEPS + 2, **changes):
        def stop(self, args, state, control, **rest):
            if state.global_step == at:
                raise Killed

        with monkeypatch.context() as patch:
            patch.setattr(TimedCheckpoint, "on_step_begin", stop)
            with pytest.raises(Killed):
                fit(name, **changes)
        assert not (tmp_path / name).exists()
        return tmp_path / f".{name}.training"

    return run


def checkpoints(work):
    return sorted(int(path.name.rpartition("-")[2]) for path in work.glob("checkpoint-*"))


def same_adapter(first, second, name="adapter_model.safetensors"):
    from safetensors.torch import load_file

    tensors = [load_file(folder / name) for folder in (first, second)]
    assert tensors[0].keys() == tensors[1].keys()
    for name in tensors[0]:
        assert torch.equal(tensors[0][name], tensors[1][name]), name
    records = [read_manifest(folder).model_dump() for folder in (first, second)]
    for record in records:
        record["training"].pop("seconds")
    assert records[0] == records[1]


def went_on_from(said):
    return [line for line in said if line.startswith("going on from step ")]


def test_it_goes_on_after_the_last_whole_epoch(fit, stopped, unbroken, tmp_path):
    work = stopped(at=2 * STEPS + 3)
    assert checkpoints(work) == [STEPS, 2 * STEPS]
    done = fit("adapter")
    assert done.resumed
    assert went_on_from(fit.said) == [f"going on from step {2 * STEPS} of {3 * STEPS}"]
    assert not work.exists()
    same_adapter(done.folder, unbroken)


def test_it_goes_on_in_the_middle_of_an_epoch(fit, stopped, unbroken, monkeypatch):
    """Order of the rows, dropout and schedule are those of the unbroken run, from any step on."""
    initial = TimedCheckpoint.__init__
    monkeypatch.setattr(TimedCheckpoint, "__init__", lambda self: initial(self, every_s=0.0))
    work = stopped(at=STEPS + 3)
    assert max(checkpoints(work)) == STEPS + 3
    done = fit("adapter")
    assert went_on_from(fit.said) == [f"going on from step {STEPS + 3} of {3 * STEPS}"]
    same_adapter(done.folder, unbroken)


def test_stopped_before_the_first_checkpoint_it_starts_again(fit, stopped, unbroken):
    work = stopped(at=2)
    assert checkpoints(work) == []
    done = fit("adapter")
    assert not done.resumed
    assert went_on_from(fit.said) == []
    assert "note: an interrupted run lay here, stopped before it kept anything; starting at step 0" in fit.said
    same_adapter(done.folder, unbroken)


@pytest.mark.parametrize(
    ("at", "place"),
    [(2, "from the start: nothing was kept yet"), (STEPS + 2, f"from step {STEPS} of {3 * STEPS}")],
)
def test_who_interrupts_it_hears_how_to_go_on(fit, monkeypatch, at, place):
    def interrupt(self, args, state, control, **rest):
        if state.global_step == at:
            raise KeyboardInterrupt

    monkeypatch.setattr(TimedCheckpoint, "on_step_begin", interrupt)
    with pytest.raises(KeyboardInterrupt):
        fit("adapter")
    assert fit.said[-1] == f"run the same command to go on {place}"


def test_stopped_while_writing_it_writes_again(fit, unbroken, monkeypatch, tmp_path):
    """Every step is done and the adapter's folder is not: no step is repeated."""

    def fail(*arguments, **named):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr("rook_bench.training.run.model_card", fail)
        with pytest.raises(Killed):
            fit("adapter")
    assert {path.name for path in tmp_path.iterdir()} == {".adapter.training"}
    done = fit("adapter")
    assert went_on_from(fit.said) == [f"going on from step {3 * STEPS} of {3 * STEPS}"]
    same_adapter(done.folder, unbroken)


@pytest.mark.parametrize(
    "harm",
    [
        lambda checkpoint: (checkpoint / "trainer_state.json").unlink(),
        lambda checkpoint: os.truncate(checkpoint / "optimizer.pt", 0),
        lambda checkpoint: (checkpoint / "rng_state.pth").unlink(),
        lambda checkpoint: (checkpoint / "scheduler.pt").unlink(),
        lambda checkpoint: [path.unlink() for path in checkpoint.iterdir() if path.is_file()],
        lambda checkpoint: (checkpoint / "adapter_model.safetensors").unlink(),
        lambda checkpoint: os.truncate(checkpoint / "trainer_state.json", 200),
    ],
    ids=["no state", "empty optimiser", "no random state", "no schedule", "empty folder", "no weights", "half a state"],
)
def test_a_checkpoint_that_was_not_written_whole_is_passed_over(fit, stopped, unbroken, harm):
    work = stopped(at=2 * STEPS + 1)
    harm(work / f"checkpoint-{2 * STEPS}")
    done = fit("adapter")
    assert went_on_from(fit.said) == [f"going on from step {STEPS} of {3 * STEPS}"]
    same_adapter(done.folder, unbroken)


def test_full_fine_tuning_goes_on_too(fit, stopped):
    stopped(at=STEPS + 2, method="full", num_epochs=2)
    done = fit("adapter", method="full", num_epochs=2)
    assert done.resumed
    same_adapter(done.folder, fit("unbroken", method="full", num_epochs=2).folder, "model.safetensors")


def test_other_settings_start_over_and_say_so(fit, stopped):
    stopped()
    done = fit("adapter", seed=1)
    assert not done.resumed
    assert any(
        "an interrupted run with other settings, data or code lay here; starting over" in line for line in fit.said
    )


def test_fresh_starts_over_without_a_word(fit, stopped, unbroken):
    stopped()
    done = fit("adapter", fresh=True)
    assert not done.resumed
    assert not any("interrupted run" in line for line in fit.said)
    same_adapter(done.folder, unbroken)


def test_the_history_is_whole_after_a_resume(fit, stopped, unbroken):
    import json

    stopped(at=2 * STEPS + 3)
    done = fit("adapter")

    def epochs(folder):
        entries = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
        return [(entry["epoch"], entry["eval_nll"]) for entry in entries if "eval_nll" in entry]

    assert epochs(done.folder) == epochs(unbroken)
    assert len(epochs(done.folder)) == 3


# For real: processes of their own.


@pytest.fixture
def arguments(prepared, mini_base, tmp_path):
    """What `rook-bench` is told in order to train for so many epochs into `adapter`."""
    config = tmp_path / "config.json"
    config.write_text(
        '{"batch_size": 16, "learning_rate": 0.01, "max_samples": 96, "patience": 0, "max_eval_samples": 64}'
    )
    fixed = ("--data-dir", prepared, "--output-dir", tmp_path / "adapter", "--model", mini_base, "--config", config)
    return lambda epochs: ("train", *fixed, "--epochs", epochs)


def wait_for_checkpoint(process, work):
    deadline = time.monotonic() + 120
    while latest_checkpoint(work) is None:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_killed_and_started_again(arguments, command_line, fit, tmp_path):
    """kill -9 once the first epoch's checkpoint is there; the same command ends as an unbroken one."""
    process = processes.start(*arguments(6), libraries_loaded=True)
    wait_for_checkpoint(process, tmp_path / ".adapter.training")
    process.kill()
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    assert not (tmp_path / "adapter").exists()
    code, out, err = command_line(*arguments(6))
    assert code == 0, err
    assert "going on from step " in out
    expected = fit("unbroken", num_epochs=6).folder
    same_adapter(tmp_path / "adapter", expected)


def test_ctrl_c_is_one_line_and_leaves_no_adapter(arguments, tmp_path):
    process = processes.start(*arguments(1000))  # all its own: what libraries say when they are loaded would be seen
    wait_for_checkpoint(process, tmp_path / ".adapter.training")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 130
    step = re.fullmatch(r"run the same command to go on from step (\d+) of 6000", out.splitlines()[-1])
    assert step is not None
    assert int(step[1]) % STEPS == 0 < int(step[1])
    assert err.strip().splitlines() == ["rook-bench: interrupted; nothing half-written is left behind"]
    assert not (tmp_path / "adapter").exists()
