"""Stage 3: an adapter goes on with what each action would have earned."""

import json
import shutil

import numpy as np
import pytest
from worlds import RICH

from rook_bench.core import ConfigError, InputError, RookError, Side
from rook_bench.dataset.split_tapes import split_tape
from rook_bench.language.adapter import load_adapter
from rook_bench.language.manifest import adapter_hash, read_manifest
from rook_bench.language.scoring import Scorer
from rook_bench.market.row_sketch import RowSketch
from rook_bench.replay import replay
from rook_bench.sources import Source

torch = pytest.importorskip("torch", reason="the train extra is not installed")

from rook_bench.training.data import read_training_data  # noqa: E402
from rook_bench.training.fit import train, train_policy  # noqa: E402
from rook_bench.training.policy import Policy, Rewarded  # noqa: E402
from rook_bench.training.policy_loss import PolicyLoss  # noqa: E402


@pytest.fixture(autouse=True)
def no_picture(monkeypatch):
    """Drawing takes a third of such a short run's time, and is looked at elsewhere."""
    monkeypatch.setattr("rook_bench.report.charts.training.draw_training", lambda *arguments: b"")


@pytest.fixture(scope="module")
def folder(planted):
    return planted


@pytest.fixture(scope="module")
def rewards(rewards_of_world):
    return rewards_of_world("planted").folder


@pytest.fixture(scope="module")
def parent(folder, tmp_path_factory, mini_base, mini_settings):
    out = tmp_path_factory.mktemp("policy") / "parent"
    train(folder, out, mini_settings(max_samples=64), say=lambda line: None)
    return out


@pytest.fixture
def teach(folder, rewards, parent, mini_settings, tmp_path):
    def run(name="policy", data=folder, given=rewards, start=parent, **changes):
        run.said.clear()
        settings = mini_settings(**{"max_samples": 256, "max_eval_samples": 400} | changes)
        return train_policy(data, tmp_path / name, settings, given, start, say=run.said.append)

    run.said = []
    return run


@pytest.mark.parametrize("objective", ["critic", "utility"])
def test_it_learns_what_the_objective_asks(objective, teach, folder, rewards, parent, mini_settings):
    """Measured on the validation rows, before the first step and after the best epoch."""
    changes = {"objective": objective, "num_epochs": 3, "max_samples": 600, "learning_rate": 3e-3}
    told, adapter = read_manifest(parent), load_adapter(parent)
    data = read_training_data(folder, told.template)
    settings = mini_settings(max_eval_samples=400, **changes)
    policy = Policy(Rewarded(data, rewards, told.template), parent, told, settings, told.template)
    provisional = told.model_copy(update=policy.record | {"answers": policy.answers, "temperature": 1.0})
    before = policy.measure(Scorer(adapter.model, adapter.encoder, provisional), provisional)
    done = teach(**changes)
    assert done.validation["nll"] < before["nll"]
    facts = done.manifest.training
    assert (facts["stage"], facts["objective"]) == ("rl", objective)
    assert done.manifest.confidence == "profit"
    assert [len(values) for values in done.manifest.answers.values()] == [1, 1, 1]


def test_the_record_tells_where_it_comes_from(teach, parent, rewards, folder):
    done = teach()
    told = done.manifest.training
    assert told["parent"] == {"adapter": adapter_hash(parent), "stage": "sft"}
    record = json.loads((rewards / "rewards.json").read_text())
    assert told["rewards"]["file"] == record["file"]
    assert told["critic"]["trees"] == json.loads((rewards / "critic.json").read_text())["trees"]
    test = RowSketch.of(split_tape(folder, "test").read())
    assert test.shared(RowSketch.from_json(done.manifest.learned_from.rows))[0] == 0
    card = (done.folder / "README.md").read_text()
    assert "Stage 3, objective `critic`" in card
    assert adapter_hash(parent)[:16] in card
    assert any(line.startswith("reward ceiling") for line in teach.said)


def test_the_parent_is_not_changed_and_peft_alone_loads_the_child(teach, parent, mini_base):
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    before = adapter_hash(parent)
    done = teach()
    assert adapter_hash(parent) == before
    base = AutoModelForCausalLM.from_pretrained(mini_base)
    assert PeftModel.from_pretrained(base, done.folder).peft_config["default"].r == 16


def test_it_decides_and_states_the_chance_of_a_profit(teach, folder):
    done = teach(num_epochs=3, max_samples=600, learning_rate=2e-2)
    frame = split_tape(folder, "validation").read()[:600]
    run = replay(frame, Source.parse(f"lora:{done.folder}"), RICH, fresh=True)
    tape = run.decided.tape
    assert np.isnan(tape.confidence[tape.side == Side.HOLD]).all()
    if done.manifest.chance is not None and tape.trades.any():
        stated = tape.confidence[tape.trades]
        assert ((stated >= done.manifest.chance.share[0]) & (stated <= done.manifest.chance.share[-1])).all()
    assert run.source.profit_horizon_s == 600.0


def test_no_edge_teaches_to_hold(teach, rewards, tmp_path):
    """Planted: a critic whose forecasts proved worthless."""
    copy = tmp_path / "worthless"
    shutil.copytree(rewards, copy)
    record = json.loads((copy / "critic.json").read_text())
    (copy / "critic.json").write_text(json.dumps(record | {"slope": 0.1, "shrunk": 0.0}))
    done = teach(given=copy, num_epochs=4, max_samples=600)
    assert "no edge found, or too short to tell: the model learns to hold" in teach.said
    assert done.validation["trade_share"] == 0.0


def test_every_row_is_taught_beside_its_mirror_image(folder, rewards, parent, mini_settings):
    told = read_manifest(parent)
    data = read_training_data(folder, told.template)
    policy = Policy(Rewarded(data, rewards, told.template), parent, told, mini_settings(max_samples=64), told.template)
    examples, validation = policy.examples(load_adapter(parent).encoder, lambda texts: [])
    half = len(examples) // 2
    for one, other in zip(examples[:half], examples[half:], strict=True):
        assert one["target"] == pytest.approx(other["target"][::-1])
        assert one["reward"] == pytest.approx(other["reward"][::-1])
        assert one["target"][1] == pytest.approx(other["target"][1])
    assert len(validation) == len(policy.val)
    assert not set(policy.chosen) & set(policy.val)


def test_objectives_by_hand():
    log = torch.log(torch.tensor([[0.2, 0.5, 0.3]]))
    batch = {"target": torch.tensor([[0.0, 1.0, 0.0]])}
    assert float(PolicyLoss("critic", (1, 2, 3)).of(log, batch)) == pytest.approx(-np.log(0.5))
    batch = {"reward": torch.tensor([[2.0, 0.0, -1.0]]), "before": torch.log(torch.tensor([[0.1, 0.8, 0.1]]))}
    divergence = 0.2 * np.log(2) + 0.5 * np.log(0.625) + 0.3 * np.log(3)
    found = float(PolicyLoss("utility", (1, 2, 3), beta=0.5).of(log, batch))
    assert found == pytest.approx(0.5 * divergence - (0.4 - 0.3))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"method": "full"}, "goes on with the parent's LoRA"),
        ({"objective": "luck"}, "objective"),
    ],
)
def test_settings_that_do_not_fit_are_refused(changes, words, teach, tmp_path):
    with pytest.raises((ConfigError, ValueError), match=words):
        teach(**changes)
    assert not (tmp_path / "policy").exists()


def test_rewards_of_other_rows_or_another_prompt_are_refused(teach, folder, rewards, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(rewards, copy)
    record = json.loads((copy / "rewards.json").read_text())
    for change, words in (
        ({"template": "0" * 64}, "made with another prompt"),
        ({"splits": record["splits"] | {"train": record["splits"]["train"] | {"data_hash": "0"}}}, "other train rows"),
    ):
        (copy / "rewards.json").write_text(json.dumps(record | change))
        with pytest.raises(RookError, match=words):
            teach(given=copy)
    with pytest.raises(InputError, match="no rewards folder"):
        teach(given=folder)
    assert not (tmp_path / "policy").exists()


def test_the_command_says_what_is_missing(command_line, folder, tmp_path):
    for flags, words in (
        (("--stage", "rl"), "stage rl needs --rewards; give --rewards DIR and --from ADAPTER"),
        (("--stage", "rl", "--rewards", tmp_path), "stage rl needs --from"),
        (("--rewards", tmp_path), "stage sft takes no --rewards; add --stage rl"),
        (("--stage", "ppo"), "unknown stage 'ppo'"),
        (("--stage", "rl", "--rewards", tmp_path, "--from", tmp_path, "--template", "seed"), "keeps the parent's"),
    ):
        code, out, err = command_line("train", "--data-dir", folder, "--output-dir", tmp_path / "out", *flags)
        assert (code, out) == (3, "")
        assert words in err
        assert err.count("\n") == 1


class Killed(BaseException):
    """Stands in for the end of the process."""


def test_killed_and_started_again_it_ends_the_same(teach, monkeypatch):
    """Under the objective that asks the parent before it starts."""
    from safetensors.torch import load_file

    from rook_bench.training.trainer import TimedCheckpoint

    changes = {"objective": "utility", "num_epochs": 2, "max_samples": 64, "patience": 0}
    unbroken = teach("unbroken", **changes)

    def stop(self, args, state, control, **rest):
        if state.global_step == 11:  # in the second epoch of 8 steps
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(TimedCheckpoint, "on_step_begin", stop)
        with pytest.raises(Killed):
            teach("again", **changes)
    done = teach("again", **changes)
    assert done.resumed
    assert not done.folder.with_name(".again.training").exists()
    first, second = (load_file(one.folder / "adapter_model.safetensors") for one in (unbroken, done))
    assert all(torch.equal(first[name], second[name]) for name in first)
    records = [one.manifest.model_dump() for one in (unbroken, done)]
    for record in records:
        record["training"].pop("seconds")
    assert records[0] == records[1]
    other = teach("again", **changes | {"seed": 1})  # another run: what lay there is not gone on with
    assert not other.resumed
