"""What is learned from: examples, their loss, their order, the layers that learn, and the calibration after."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rook_bench.core import ConfigError, Side
from rook_bench.language.manifest import BaseRecord, Manifest
from rook_bench.language.scoring import Scored, probabilities
from rook_bench.language.template import load_template
from rook_bench.language.tokens import Encoder
from rook_bench.training.data import Label, read_training_data

torch = pytest.importorskip("torch", reason="the train extra is not installed")

from rook_bench.training import evaluation  # noqa: E402
from rook_bench.training.examples import END, PROMPT, Collator, class_weights, make_examples  # noqa: E402
from rook_bench.training.loss import PartLosses, completion_loss  # noqa: E402
from rook_bench.training.targets import lora_targets, transposed  # noqa: E402
from rook_bench.training.trainer import LengthBatches  # noqa: E402


@pytest.fixture(scope="module")
def bases(mini_base, mini_qwen):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(mini_base)
    models = {name: AutoModelForCausalLM.from_pretrained(path) for name, path in (("gpt2", mini_base), ("qwen2", mini_qwen))}  # fmt: skip
    generator = torch.Generator().manual_seed(3)
    for model in models.values():
        for parameter in model.parameters():
            parameter.data += 0.2 * torch.randn(parameter.shape, generator=generator)
        model.eval()
    return tokenizer, models


@pytest.fixture(scope="module", params=["codes", "rook-v1"])
def examples(request, prepared, bases):
    """Eight examples of each side, and how they were made."""
    data = read_training_data(prepared, load_template(request.param))
    encoder = Encoder(bases[0], load_template(request.param))
    rows = np.concatenate([[row for row in data.train if data.side[row] == side][:8] for side in Side])
    return data, encoder, rows, make_examples(data, rows, encoder, [[2.0, 0.5, 3.0]])


# Examples.


def test_an_example_is_the_prompt_and_its_answer(examples, bases):
    data, encoder, rows, made = examples
    tokenizer = bases[0]
    for row, example in zip(rows, made, strict=True):
        label = data.labels[row]
        start = example["parts"].count(PROMPT)
        assert example["parts"][:start] == [PROMPT] * start
        assert PROMPT not in example["parts"][start:]
        assert tokenizer.decode(example["input_ids"][:start]) == data.prompts.texts[row]
        answer = tokenizer.decode(example["input_ids"][start:-1])
        parsed = encoder.answer.read(answer)
        assert parsed.side == label.side
        if encoder.answer.hold_details or label.side != Side.HOLD:
            assert (parsed.size, parsed.slippage_bps, parsed.deadline_s) == (label.size, label.slippage_bps, label.deadline_s)  # fmt: skip
        assert example["input_ids"][-1] == tokenizer.eos_token_id
        assert example["parts"][-1] == END
        assert example["parts"][start:-1] == sorted(example["parts"][start:-1])
        assert example["weight"] == [2.0, 0.5, 3.0][label.side]


def test_training_and_scoring_cut_answers_alike(examples):
    """A side's word in an example has the ids that scoring will compare."""
    data, encoder, rows, made = examples
    for row, example in zip(rows, made, strict=True):
        ids = [token for token, part in zip(example["input_ids"], example["parts"], strict=True) if part == 0]
        assert tuple(ids) == encoder.side(data.labels[row].side)


# The loss.


def by_hand(model, example):
    """Cross-entropy of each answer token: the whole sequence alone, no padding, full softmax."""
    with torch.no_grad():
        logits = model(input_ids=torch.tensor([example["input_ids"]])).logits[0].double()
    table = torch.log_softmax(logits, dim=1)
    places = [place for place, part in enumerate(example["parts"]) if part != PROMPT]
    return [-float(table[place - 1, example["input_ids"][place]]) for place in places]


@pytest.mark.parametrize("name", ["gpt2", "qwen2"])
def test_loss_is_the_mean_cross_entropy_of_the_answer(examples, bases, name):
    model, made = bases[1][name], examples[3]
    loss, each, parts = completion_loss(model, Collator(0)(made))
    losses = [by_hand(model, example) for example in made]
    flat = [value for row in losses for value in row]
    np.testing.assert_allclose(each.numpy(), flat, atol=2e-4)
    weighted = [value * example["weight"] for row, example in zip(losses, made, strict=True) for value in row]
    assert loss.item() == pytest.approx(np.mean(weighted), abs=1e-4)
    assert loss.item() != pytest.approx(np.mean(flat), abs=1e-2)
    assert parts.tolist() == [part for example in made for part in example["parts"] if part != PROMPT]


@pytest.mark.parametrize("name", ["gpt2", "qwen2"])
def test_padding_costs_nothing(examples, bases, name):
    model, made = bases[1][name], examples[3]
    longest = max(made, key=lambda example: len(example["input_ids"]))
    padded = dict(longest, input_ids=longest["input_ids"] + [5] * 30, parts=longest["parts"] + [PROMPT] * 30)
    expected = completion_loss(model, Collator(0)(made))
    for pad in (0, 7):
        _, each, _ = completion_loss(model, Collator(pad)([*made, padded]))
        count = len(expected[1])
        np.testing.assert_allclose(each[:count].numpy(), expected[1].numpy(), atol=1e-4)
        assert len(each) == count + len(by_hand(model, longest))


def test_prompt_tokens_cost_nothing(examples, bases):
    """Their own logits do not enter: the output layer sees the answer's positions alone."""
    model, made = bases[1]["gpt2"], examples[3]
    seen = []
    handle = model.lm_head.register_forward_hook(lambda module, inputs, output: seen.append(inputs[0].shape))
    try:
        loss, each, _ = completion_loss(model, Collator(0)(made))
    finally:
        handle.remove()
    answer = sum(part != PROMPT for example in made for part in example["parts"])
    assert seen == [(answer, 32)]
    assert len(each) == answer


def test_only_the_answer_is_a_label(examples, bases):
    """Calling a prompt token an answer token changes the loss; changing a padded label does not."""
    model, made = bases[1]["gpt2"], examples[3]
    before = completion_loss(model, Collator(0)(made))[0].item()
    wider = [dict(example, parts=[PROMPT, 0, *example["parts"][2:]]) for example in made]
    assert completion_loss(model, Collator(0)(wider))[0].item() != pytest.approx(before, abs=1e-3)


def test_gradients_reach_the_prompts_layers_through_the_answer_only(examples, bases):
    """The embedding of a token that stands after the answer (padding) gets no gradient."""
    from copy import deepcopy

    model = deepcopy(bases[1]["gpt2"])
    model.lm_head.weight = torch.nn.Parameter(model.lm_head.weight.detach().clone())  # untied, to see inputs alone
    pad = 2999
    batch = Collator(pad)(examples[3])
    assert (batch["input_ids"] == pad).any()
    completion_loss(model, batch)[0].backward()
    gradient = model.transformer.wte.weight.grad.abs().sum(dim=1)
    assert float(gradient[pad]) == 0.0
    assert float(gradient[batch["input_ids"][0, 0]]) > 0.0


def test_losses_by_part_are_means_over_batches():
    losses = PartLosses()
    losses.add(torch.tensor([1.0, 2.0, 3.0]), torch.tensor([0, 0, 4]))
    losses.add(torch.tensor([5.0, 7.0]), torch.tensor([0, 2]))
    assert losses.means("x_") == pytest.approx(
        {"x_loss_side": 8 / 3, "x_loss_slippage": 7.0, "x_loss_end": 3.0, "x_loss_all": 18 / 5}
    )


# Class weights.


@given(st.lists(st.sampled_from([0, 1, 2]), min_size=1, max_size=200), st.sampled_from(["none", "sqrt", "full"]))
def test_class_weights_average_one_over_the_rows(sides, balance):
    side = np.array(sides, dtype=np.int8)
    weights = np.array(class_weights(side, balance))
    assert weights[side].mean() == pytest.approx(1.0)
    assert (weights > 0).all()


def test_class_weights_lift_the_rare():
    side = np.repeat([0, 1, 2], [4, 100, 25]).astype(np.int8)
    assert class_weights(side, "none") == [1.0, 1.0, 1.0]
    buy, hold, sell = class_weights(side, "full")
    assert (buy * 4, sell * 25) == pytest.approx((hold * 100, hold * 100))
    buy, hold, sell = class_weights(side, "sqrt")
    assert (buy / hold, sell / hold) == pytest.approx((5.0, 2.0))


# Order.


@given(
    st.lists(st.integers(1, 80), min_size=1, max_size=120), st.integers(1, 16), st.integers(0, 50), st.integers(0, 9)
)
def test_an_epochs_order_is_a_permutation_of_seed_and_epoch_alone(lengths, batch, seed, epoch):
    orders = []
    for noise in (1, 2):
        torch.manual_seed(noise)
        np.random.seed(noise)
        batches = LengthBatches(lengths, batch, seed)
        batches.set_epoch(epoch)
        orders.append(list(batches))
        assert list(batches) == orders[-1]
    assert orders[0] == orders[1]
    assert sorted(orders[0]) == list(range(len(lengths)))
    assert len(batches) == len(lengths)


def test_seeds_and_epochs_give_other_orders():
    lengths = np.random.default_rng(0).integers(5, 40, size=200).tolist()
    orders = set()
    for seed in range(3):
        for epoch in range(3):
            batches = LengthBatches(lengths, 8, seed)
            batches.set_epoch(epoch)
            orders.add(tuple(batches))
    assert len(orders) == 9


def test_batches_are_of_like_length():
    lengths = np.random.default_rng(0).integers(5, 40, size=400).tolist()
    order = [lengths[row] for row in LengthBatches(lengths, 8, 0)]
    spread = [np.ptp(order[start : start + 8]) for start in range(0, 400, 8)]
    assert np.mean(spread) < 5


# Which layers.


def test_targets_follow_the_architecture(bases):
    from transformers import LlamaConfig, LlamaForCausalLM

    _, models = bases
    assert lora_targets(models["gpt2"], None) == ["c_attn", "c_proj"]
    assert lora_targets(models["qwen2"], None) == ["k_proj", "o_proj", "q_proj", "v_proj"]
    llama = LlamaForCausalLM(
        LlamaConfig(vocab_size=50, hidden_size=16, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2)
    )
    assert lora_targets(llama, None) == ["k_proj", "o_proj", "q_proj", "v_proj"]
    assert (transposed(models["gpt2"]), transposed(models["qwen2"])) == (True, False)


def test_targets_by_name(bases):
    _, models = bases
    assert lora_targets(models["gpt2"], ["c_fc", "c_attn", "c_fc"]) == ["c_attn", "c_fc"]
    with pytest.raises(ConfigError, match="lora_targets: the model has no layer 'c_atn'; did you mean 'c_attn'"):
        lora_targets(models["gpt2"], ["c_atn"])
    with pytest.raises(ConfigError, match="the model has no layer 'lm_head'"):
        lora_targets(models["gpt2"], ["lm_head"])


# Calibration.


def manifest_of(weights=(1.0, 1.0, 1.0)):
    return Manifest(
        kind="lora",
        template=load_template("codes"),
        base=BaseRecord(reference="none", sha256="0"),
        answers={},
        class_weights=dict(zip(("BUY", "HOLD", "SELL"), weights, strict=True)),
        temperature=1.0,
        files={},
    )


@pytest.fixture(scope="module")
def world():
    """True probabilities of 20,000 rows, and the sides drawn from them."""
    rng = np.random.default_rng(1)
    shares = rng.dirichlet([1.0, 3.0, 1.0], size=20_000)
    truth = np.array([rng.choice(3, p=row) for row in shares])
    return shares, truth


def test_overconfidence_is_cooled_to_its_measure(world):
    shares, truth = world
    manifest = manifest_of()
    found = evaluation.fit_temperature(3.0 * np.log(shares), truth, manifest)
    assert found == pytest.approx(3.0, rel=0.05)
    before, after = (probabilities(3.0 * np.log(shares), manifest, t) for t in (1.0, found))
    assert evaluation.negative_log_likelihood(after, truth) < evaluation.negative_log_likelihood(before, truth) - 0.05
    assert evaluation.calibration_error(after, truth) < 0.02 < evaluation.calibration_error(before, truth)


def test_timidity_is_heated(world):
    shares, truth = world
    assert evaluation.fit_temperature(0.5 * np.log(shares), truth, manifest_of()) == pytest.approx(0.5, rel=0.05)


def test_what_is_calibrated_is_left_alone(world):
    shares, truth = world
    assert evaluation.fit_temperature(np.log(shares), truth, manifest_of()) == 1.0


def test_temperature_is_fitted_after_the_class_weights_are_taken_out(world):
    shares, truth = world
    weights = (3.0, 0.7, 5.0)
    taught = np.log(shares * np.array(weights))
    assert evaluation.fit_temperature(taught, truth, manifest_of(weights)) == 1.0
    assert evaluation.fit_temperature(taught, truth, manifest_of()) != 1.0


def test_calibration_error_by_hand():
    """Two bins of fifteen: 0.9 (three rows, two right) and 0.5 (one row, wrong)."""
    odds = np.array([[0.9, 0.05, 0.05], [0.05, 0.9, 0.05], [0.05, 0.05, 0.9], [0.5, 0.3, 0.2]])
    truth = np.array([0, 1, 0, 1])
    expected = 3 / 4 * abs(2 / 3 - 0.9) + 1 / 4 * abs(0 - 0.5)
    assert evaluation.calibration_error(odds, truth) == pytest.approx(expected)
    sure = np.array([[1.0, 0.0, 0.0]])
    assert evaluation.calibration_error(sure, np.array([0])) == 0.0
    assert evaluation.calibration_error(sure, np.array([2])) == 1.0


def test_negative_log_likelihood_by_hand():
    odds = np.array([[0.5, 0.25, 0.25], [0.1, 0.8, 0.1]])
    assert evaluation.negative_log_likelihood(odds, np.array([0, 1])) == pytest.approx(-np.log([0.5, 0.8]).mean())
    assert np.isfinite(evaluation.negative_log_likelihood(np.array([[1.0, 0.0, 0.0]]), np.array([1])))


def test_answers_are_judged_by_hand():
    def answer(shares, size, slippage, deadline):
        return Scored(tuple(np.log(shares).tolist()), size, slippage, deadline)

    answers = [
        answer([0.7, 0.2, 0.1], 0.05, 50.0, 300.0),
        answer([0.2, 0.7, 0.1], 0.0, 50.0, 300.0),
        answer([0.1, 0.2, 0.7], 0.08, 30.0, 120.0),
        answer([0.6, 0.2, 0.2], 0.05, 50.0, 300.0),
    ]
    labels = [
        Label(Side.BUY, 0.05, 50.0, 300.0),
        Label(Side.HOLD, 0.0, 50.0, 300.0),
        Label(Side.HOLD, 0.0, 50.0, 300.0),
        Label(Side.HOLD, 0.0, 50.0, 300.0),
    ]
    found = evaluation.judge_answers(answers, labels, manifest_of())
    assert found["accuracy"] == 0.5
    assert (found["recall_buy"], found["recall_hold"]) == (1.0, pytest.approx(1 / 3))
    assert "recall_sell" not in found
    assert found["balanced_accuracy"] == pytest.approx(2 / 3)
    # F1: BUY 2*1/(2+1+0), HOLD 2*1/(2+0+2), SELL 0
    assert found["macro_f1"] == pytest.approx((2 / 3 + 1 / 2 + 0) / 3)
    assert found["nll"] == pytest.approx(-np.log([0.7, 0.7, 0.2, 0.2]).mean())
    assert found["mse_size"] == pytest.approx((0.08**2 + 0.05**2) / 4)
    assert found["mse_slippage_bps"] == pytest.approx(20.0**2 / 4)
    assert found["mse_deadline_s"] == pytest.approx(180.0**2 / 4)
    assert json.dumps(found, allow_nan=False)
