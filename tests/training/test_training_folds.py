"""Training on every fold, and the source that asks each adapter where it learned nothing."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

from rook_bench.core import ConfigError, InputError
from rook_bench.dataset.fit_rules import rules_of
from rook_bench.dataset.folds import RECORD, FoldPlan, has_folds, read_folds
from rook_bench.dataset.prepare_folds import TAPE, prepare_folds
from rook_bench.gates.checks.training_data import training_data
from rook_bench.gates.policy import Policy
from rook_bench.language.manifest import LearnedFrom, adapter_hash, read_manifest
from rook_bench.market.row_sketch import RowSketch
from rook_bench.market.simulation.simulate import simulate
from rook_bench.market.tape_file import read_tape
from rook_bench.metrics import Analysis, analyse
from rook_bench.promotion.change import promote
from rook_bench.replay import replay
from rook_bench.sources import Source, decide
from rook_bench.sources.checked import checked
from rook_bench.training.trainer import TimedCheckpoint
from rook_bench.trials import TrialLedger
from rook_bench.workbench import fine_tune_folds as bench
from rook_bench.workbench import fold_work

torch = pytest.importorskip("torch", reason="the train extra is not installed")


class Killed(BaseException):
    """Stands in for the end of the process."""


@pytest.fixture(autouse=True)
def no_picture(monkeypatch):
    """Drawing takes a third of such a short run's time, and is looked at elsewhere."""
    monkeypatch.setattr("rook_bench.report.charts.training.draw_training", lambda *arguments: b"")


@pytest.fixture(scope="module")
def cut(tape, tmp_path_factory):
    """Two folds of a walk-forward, of 1,500 swaps."""
    folder = tmp_path_factory.mktemp("cut") / "folds"
    prepare_folds(tape[:1500], rules_of("data_driven"), folder, FoldPlan(walk_forward=2))
    return folder


@pytest.fixture
def fit(cut, mini_settings, tmp_path):
    def run(name="adapters", data=cut, **options):
        changes = options.pop("changes", {})
        run.said.clear()
        return bench.train_folds(
            data, tmp_path / name, mini_settings(**changes), trials=tmp_path / "trials", say=run.said.append, **options
        )

    run.said = []
    return run


@pytest.fixture
def stopped(fit, monkeypatch):
    """Train and be killed in the second fold: each takes four steps."""

    def run():
        begun = []

        def stop(self, args, state, control, **rest):
            begun.append(state.global_step)
            if len(begun) == 6:
                raise Killed

        with monkeypatch.context() as patch:
            patch.setattr(TimedCheckpoint, "on_step_begin", stop)
            with pytest.raises(Killed):
                fit()

    return run


@pytest.fixture(scope="module")
def adapters(cut, mini_settings, tmp_path_factory):
    """An adapter for each fold; never written to."""
    folder = tmp_path_factory.mktemp("adapters") / "out"
    bench.train_folds(cut, folder, mini_settings(), trials=folder.parent / "trials", say=lambda line: None)
    return folder


def test_an_adapter_for_each_fold_and_every_choice_on_record(fit, cut, tmp_path):
    done = fit()
    assert done.folder == tmp_path / "adapters"
    assert not list(tmp_path.glob(".adapters*"))
    record = read_folds(done.folder, "adapters")
    assert record.stretches == read_folds(cut, "data").stretches
    for name, one in zip(record.names, done.trained, strict=True):
        assert one.folder == done.folder / name
        assert read_manifest(one.folder).training["data_hash"] == one.manifest.training["data_hash"]
        assert one.manifest.learned_from.last_at < record.stretches[record.names.index(name)].first_at
    trials = TrialLedger(tmp_path / "trials").trials()
    assert [trial.source for trial in trials] == [f"lora:{tmp_path / 'adapters' / name}" for name in record.names]


def test_training_that_was_stopped_goes_on_and_ends_as_if_it_had_not_been(fit, stopped, adapters, tmp_path):
    stopped()
    assert not (tmp_path / "adapters").exists()
    waiting = tmp_path / ".adapters.folds"
    assert (waiting / "fold-1" / "rook.json").is_file()
    done = fit()
    assert "kept from before: fold-1" in fit.said
    assert not any(line.startswith("fold-1:") for line in fit.said)
    for name in done.folds.names:
        assert adapter_files(done.folder / name) == adapter_files(adapters / name)
    assert len(TrialLedger(tmp_path / "trials").trials()) == 2
    assert done.trained[0].ceiling is not None  # what an adapter does not say itself is kept too
    assert not waiting.exists()


def adapter_files(folder):
    return {name: (folder / name).read_bytes() for name in ("adapter_model.safetensors", "tokenizer.json")}


def test_what_waits_of_another_call_is_not_taken(fit, stopped):
    stopped()
    fit(changes={"learning_rate": 2e-2})
    assert fit.said[0].startswith("note: an interrupted run with other settings")
    assert not any("kept from before" in line for line in fit.said)


def test_folds_that_wait_are_known_by_what_they_were_made_of(cut, mini_settings, tmp_path):
    rewards = tmp_path / "rewards"
    shutil.copytree(cut, rewards, ignore=shutil.ignore_patterns("*.parquet"))
    parent = tmp_path / "drafts.jsonl"
    parent.write_text("one", encoding="utf-8")

    def fingerprint(**changes):
        inputs = {"rewards": rewards, "drafts": parent, "from": None}
        return fold_work.FoldTraining(cut, tmp_path / "work", mini_settings(**changes), inputs, None).fingerprint

    told = [fingerprint(), fingerprint(seed=1)]
    (rewards / "fold-2" / "metadata.json").write_text("{}", encoding="utf-8")
    told.append(fingerprint())
    parent.write_text("two", encoding="utf-8")
    told.append(fingerprint())
    assert len(set(told)) == 4
    assert told[-1] == fingerprint()


def test_processes_train_the_same_adapters(fit, adapters):
    from rook_bench.engines.processes import Processes

    done = fit("elsewhere", engine=Processes(2))
    for name in done.folds.names:
        assert adapter_files(done.folder / name) == adapter_files(adapters / name)
    for name in done.folds.names:  # what a worker had to say comes with its result
        assert any(line.startswith(f"{name}: prompt ceiling") for line in fit.said)


def test_each_row_is_decided_by_the_model_of_its_stretch(cut, adapters, fresh_models):
    tape = read_tape(cut / TAPE)
    record = read_folds(adapters, "adapters")
    both = decide(Source.parse(f"folds:{adapters}"), tape, seed=0).tape
    border = int(np.searchsorted(tape.at, record.stretches[1].begins))
    for name, rows in (("fold-1", slice(0, border)), ("fold-2", slice(border, len(tape)))):
        alone = decide(Source.parse(f"lora:{adapters / name}"), tape, seed=0).tape
        assert both.rows(rows).bare.to_bytes() == alone.rows(rows).bare.to_bytes()
        assert (both.transcript.prompt[rows] == alone.transcript.prompt[rows]).all()
        other = decide(
            Source.parse(f"lora:{adapters / ('fold-2' if name == 'fold-1' else 'fold-1')}"), tape, seed=0
        ).tape
        assert (other.confidence[rows] != alone.confidence[rows]).any()


def test_its_prompts_can_be_answered_one_by_one_and_it_does_not_look_ahead(cut, adapters, fresh_models):
    tape = read_tape(cut / TAPE)
    source = Source.parse(f"folds:{adapters}")
    decided = decide(source, tape, seed=0)
    texts = source.prompts(tape, len(tape))
    rows = np.array([row for row in range(0, len(tape), 97) if texts[row]])[::-1]
    again = source.built.answers([texts[row] for row in rows])
    assert (again.side == decided.tape.side[rows]).all()
    np.testing.assert_array_equal(again.confidence, decided.tape.confidence[rows])
    assert len(source.built.answers([])) == 0
    assert checked(decided, tape, seed=0).status == "clean"


def test_rows_that_no_fold_decides_on(tape, cut, adapters):
    with pytest.raises(InputError, match=r"no fold decides before 2025.*test\.parquet"):
        decide(Source.parse(f"folds:{adapters}"), tape[:1500], seed=0)
    with pytest.raises(ConfigError, match=r"no path 2: there is one"):
        decide(Source.parse(f"folds:{adapters},path=2"), read_tape(cut / TAPE), seed=0)
    # The last model of a walk-forward goes on.
    later = tape[1400:1800]
    assert len(decide(Source.parse(f"folds:{adapters}"), later, seed=0).tape) == 400


def test_its_identity_is_of_all_its_adapters(adapters, tmp_path):
    moved = tmp_path / "moved"
    shutil.copytree(adapters, moved)
    assert Source.parse(f"folds:{moved}").content == Source.parse(f"folds:{adapters}").content
    record = json.loads((moved / "fold-2" / "rook.json").read_text(encoding="utf-8"))
    (moved / "fold-2" / "rook.json").write_text(json.dumps(record | {"temperature": 2.0}), encoding="utf-8")
    assert adapter_hash(moved / "fold-2") != adapter_hash(adapters / "fold-2")
    assert Source.parse(f"folds:{moved}").content != Source.parse(f"folds:{adapters}").content


def judged(tape, source) -> Analysis:
    return analyse(replay(tape, source))


def test_the_gate_holds_each_fold_against_its_own_stretch(cut, adapters, tmp_path):
    tape, evidence = (
        read_tape(cut / TAPE),
        Policy.parse({"evidence": {"training_data": "known"}}, where="test").evidence,
    )
    found = training_data(evidence, judged(tape, f"folds:{adapters}"))
    assert (found.status, found.detail[:7], "can't be promoted" in found.detail) == ("pass", "2 folds", True)
    # A planted leak: the first stretch decided by the model that learned from it.
    leak = tmp_path / "leak"
    shutil.copytree(adapters, leak)
    shutil.rmtree(leak / "fold-1")
    shutil.copytree(leak / "fold-2", leak / "fold-1")
    found = training_data(evidence, judged(tape, f"folds:{leak}"))
    assert (found.status, "these very swaps" in found.detail) == ("invalid", True)
    # Such a model alone learned from a part of the tape.
    found = training_data(evidence, judged(tape, f"lora:{adapters / 'fold-2'}"))
    assert found.status == "invalid"


def test_stretches_can_not_be_cut_so_small_that_nothing_is_recognised(cut, adapters, tmp_path):
    """The judged rows learned by heart under other times: each stretch is compared as a part of the whole tape."""
    tape, evidence = (
        read_tape(cut / TAPE),
        Policy.parse({"evidence": {"training_data": "known"}}, where="test").evidence,
    )
    cheat = tmp_path / "cheat"
    shutil.copytree(adapters, cheat)
    earlier = replace(tape, at=tape.at - np.timedelta64(365, "D"), history=None, labels={}, recorded={})
    told = json.loads((cheat / "fold-1" / "rook.json").read_text(encoding="utf-8"))
    told["learned_from"] = LearnedFrom.of(earlier).model_dump(mode="json")
    (cheat / "fold-1" / "rook.json").write_text(json.dumps(told), encoding="utf-8")
    record = json.loads((cheat / RECORD).read_text(encoding="utf-8"))
    edges = np.searchsorted(tape.at, np.unique(tape.at)[-99:]).tolist()
    edges[0] = 0  # one long stretch, and 98 of a few swaps each
    stretches = [
        {"first": first, "last": stop - 1, "first_at": str(tape.at[first]), "last_at": str(tape.at[stop - 1])}
        for first, stop in zip(edges, [*edges[1:], len(tape)], strict=True)
    ]
    deciding = [1, *[0] * 98]
    held_out = [[place for place, fold in enumerate(deciding) if fold == number] for number in (0, 1)]
    record |= {"stretches": stretches, "paths": [deciding], "folds": held_out}
    (cheat / RECORD).write_text(json.dumps(record), encoding="utf-8")
    assert len(RowSketch.of(tape[edges[40] : edges[41]]).hashes) == 0
    found = training_data(evidence, judged(tape, f"folds:{cheat}"))
    assert found.status == "invalid", found.detail


def test_a_cross_validation_is_no_candidate(tape, mini_settings, tmp_path):
    data = tmp_path / "data"
    prepare_folds(tape[:1500], rules_of("data_driven"), data, FoldPlan(purged=(2, 1)))
    bench.train_folds(data, tmp_path / "out", mini_settings(), trials=tmp_path / "trials", say=lambda line: None)
    judged_tape = read_tape(data / TAPE)
    assert len(judged_tape) == 1500
    found = training_data(Policy().evidence, judged(judged_tape, f"folds:{tmp_path / 'out'}"))
    assert (found.status, "a cross-validation tells how to train" in found.detail) == ("invalid", True)
    with pytest.raises(InputError, match="no fold decides after"):
        decide(Source.parse(f"folds:{tmp_path / 'out'}"), tape[:1600], seed=0)


def test_no_walk_forward_is_promoted(adapters, tmp_path, monkeypatch):
    verdict = {"candidate": {"source": f"folds:{adapters}"}}
    path = tmp_path / "verdict.json"
    path.write_text(json.dumps(verdict), encoding="utf-8")
    module = "rook_bench.promotion.change."
    monkeypatch.setattr(module + "parse_verdict", lambda content, where: verdict)
    monkeypatch.setattr(module + "check_promotes", lambda *arguments, **options: None)
    monkeypatch.setattr(module + "_as_judged", lambda candidate, path: Source.parse(candidate["source"]))
    with pytest.raises(InputError, match="can't be champion.*promote the adapter of a fold"):
        promote(path, tmp_path / "models", rejudge=lambda folder: verdict)
    assert not (tmp_path / "models").exists()


def test_what_goes_with_folds_and_what_does_not(command_line, cut, prepared, adapters, tmp_path):
    out = tmp_path / "x"
    for arguments, message in (
        (("--data-dir", cut, "--report-to", "tensorboard"), "--report-to: it hears of one training run"),
        (("--data-dir", prepared, "--processes", "2"), "--processes: it is for folds"),
        (("--data-dir", adapters), "its folds hold adapters"),
        (("--data-dir", cut, "--model", "rook-tinny"), "rook-tiny"),
    ):
        code, _, err = command_line("train", "--output-dir", out, *arguments)
        assert (code, message in err) == (3, True), err
        assert len(err.strip().splitlines()) == 1, err
    assert list(tmp_path.iterdir()) == []
    assert has_folds(cut)


def test_rewards_and_policies_fold_by_fold(command_line, mini_base, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tape = simulate(3500, np.random.default_rng(3))
    prepare_folds(tape, rules_of("data_driven"), tmp_path / "data", FoldPlan(walk_forward=1))
    code, out, err = command_line("reward", "data", "--out", "rewards", "--horizon", "60")
    assert code == 0, err
    assert "fold-1:" in out
    assert read_folds("rewards", "rewards").made == "rewards"
    small = ("--max-samples", 64, "--epochs", 1, "--batch-size", 16)
    assert command_line("train", "--data-dir", "data", "--output-dir", "first", "--model", mini_base, *small)[0] == 0
    code, out, err = command_line(
        *("train", "--data-dir", "data", "--output-dir", "second", "--stage", "rl", "--rewards", "rewards"),
        *("--from", "first", *small, "--trials", "ledger"),
    )
    assert code == 0, err
    assert "bps each" in out or "trades" in out
    assert "source: folds:second" in out
    told = read_manifest("second/fold-1")
    assert told.training["parent"]["adapter"] == adapter_hash("first/fold-1")


def test_what_another_call_holds_or_owns_is_left_alone(fit, adapters, cut, tmp_path):
    waiting = tmp_path / ".adapters.folds"
    waiting.mkdir()
    (waiting / "thesis.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(InputError, match="something else has the name"):
        fit()
    assert (waiting / "thesis.txt").is_file()
    shutil.rmtree(waiting)
    with fold_work.only_one(waiting), pytest.raises(InputError, match="another call trains these folds now"):
        fit()
    with pytest.raises(InputError, match="would be replaced"):
        bench.train_folds(cut, cut)
    assert (cut / RECORD).is_file()


def test_inputs_that_are_of_other_folds_are_refused_before_anything_is_trained(fit, tape, adapters, cut, tmp_path):
    other = tmp_path / "other"
    prepare_folds(tape, rules_of("data_driven"), other, FoldPlan(walk_forward=2))
    with pytest.raises(InputError, match="its folds hold data"):
        fit(data=other, stage="rl", rewards=other, parent=adapters)
    rewards = tmp_path / "rewards"
    rewards.mkdir()
    read_folds(other, "data").model_copy(update={"made": "rewards"}).save(rewards)
    with pytest.raises(InputError, match="its folds are not those of"):
        fit(data=other, stage="rl", rewards=rewards, parent=adapters)
    with pytest.raises(InputError, match=r"it learned until .* folds are judged from"):
        bench._check_parent(cut, read_folds(cut, "data"), adapters / "fold-2")
    with pytest.raises(ConfigError, match="drafts are of one folder"):
        fit(stage="draft", drafts=tmp_path / "drafts.jsonl")
    (other / "fold-2" / "val.parquet").unlink()
    with pytest.raises(InputError, match=r"val\.parquet: there is no such tape"):
        fit(data=other)
    assert fit.said == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other", "rewards"]


def test_a_choice_is_on_record_once(fit, tmp_path, monkeypatch):
    """Stopped once a fold was noted, before the ledger was told: the next call tells it, and each choice once."""

    def stop(trained, trials, called):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(bench, "_record", stop)
        with pytest.raises(Killed):
            fit()
    assert not (tmp_path / "trials").exists()
    for _ in range(2):  # the second finds nothing waiting, and trains the same adapters again
        fit()
    assert len(TrialLedger(tmp_path / "trials").trials()) == 2


def test_a_damaged_fold_that_waits_is_trained_again(fit, tmp_path, monkeypatch):
    def stop(path):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(bench, "whole_folder", stop)
        with pytest.raises(Killed):
            fit()
    waiting = tmp_path / ".adapters.folds"
    (waiting / "fold-1.json").write_text("{", encoding="utf-8")
    shutil.rmtree(waiting / "fold-2")
    fit()
    assert not any("kept from before" in line for line in fit.said)


def test_the_record_travels_with_the_adapters(adapters):
    told = json.loads((adapters / RECORD).read_text(encoding="utf-8"))
    assert told["made"] == "adapters"
