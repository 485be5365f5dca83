"""Constrained scoring against brute force: one prompt, one candidate, one whole forward pass at a time."""

import numpy as np
import pytest
from foreign_models import ARCHITECTURES, loud, model_of
from hypothesis import given
from hypothesis import strategies as st

from rook_bench.core import SIDE_NAMES, InputError, Side
from rook_bench.language.answer import DETAILS
from rook_bench.language.manifest import BaseRecord, Manifest
from rook_bench.language.scoring import Scorer, corrected, probabilities
from rook_bench.language.template import load_template
from rook_bench.language.tokens import Encoder
from rook_bench.market.view import MarketView

torch = pytest.importorskip("torch", reason="the train extra is not installed")

TRADES = [(0.05, 50.0, 300.0), (0.05, 30.0, 120.0), (0.08, 30.0, 120.0), (0.08, 30.0, 300.0), (0.01, 100.0, 600.0)]
MANY = {"BUY": TRADES, "HOLD": [(0.0, 50.0, 300.0), (0.0, 30.0, 120.0)], "SELL": TRADES[1:]}
ONE = {"BUY": TRADES[:1], "HOLD": [(0.0, 50.0, 300.0)], "SELL": TRADES[2:3]}


def manifest_of(template, answers=MANY, weights=(1.0, 1.0, 1.0), temperature=1.0):
    return Manifest(
        kind="lora",
        template=load_template(template),
        base=BaseRecord(reference="none", sha256="0"),
        answers=answers,
        class_weights=dict(zip(SIDE_NAMES, weights, strict=True)),
        temperature=temperature,
        files={},
    )


@pytest.fixture(scope="module")
def models(mini_base, mini_qwen):
    from transformers import AutoModelForCausalLM, AutoTokenizer, PhiConfig, PhiForCausalLM

    tokenizer = AutoTokenizer.from_pretrained(mini_base)
    torch.manual_seed(5)
    biased = PhiForCausalLM(
        PhiConfig(
            vocab_size=len(tokenizer), hidden_size=32, intermediate_size=64, num_hidden_layers=2,
            num_attention_heads=4, max_position_embeddings=512,
        )
    )  # fmt: skip
    assert biased.get_output_embeddings().bias is not None
    found = {
        "gpt2": AutoModelForCausalLM.from_pretrained(mini_base),
        "qwen2": AutoModelForCausalLM.from_pretrained(mini_qwen),
        "phi": biased,
    }
    return tokenizer, {name: loud(model) for name, model in found.items()}


@pytest.fixture(scope="module")
def prompts(tape):
    view = MarketView.whole(tape)
    texts = {}
    for name in ("codes", "numbers", "rook-v1"):
        rendered = [text for text in load_template(name).render(view).texts if text]
        texts[name] = rendered[3:1500:65]
    return texts


def log_probability(model, before, tokens):
    """Sum of the tokens' full-vocabulary log-probabilities after `before`, without cache or batch."""
    with torch.no_grad():
        logits = model(input_ids=torch.tensor([[*before, *tokens]])).logits[0].double()
    each = torch.log_softmax(logits, dim=1)
    return float(sum(each[len(before) + place - 1, token] for place, token in enumerate(tokens)))


def brute_force(model, encoder, manifest, prompt):
    ids = encoder.prompts([prompt])[0]
    raw = np.array([log_probability(model, ids, encoder.side(side)) for side in Side])
    scores = raw - np.log(np.exp(raw).sum())
    side = Side(int((scores - np.log(manifest.weights)).argmax()))
    left, fed = manifest.values(side), ids + list(encoder.side(side))
    margin = np.inf
    for index, part in enumerate(DETAILS):
        write = manifest.template.answer.detail(part).write
        texts = list(dict.fromkeys(write(value[index]) for value in left))
        found = [log_probability(model, fed, encoder.piece(text)) for text in texts]
        best = int(np.argmax(found))
        margin = min([margin, *(found[best] - other for place, other in enumerate(found) if place != best)])
        left = [value for value in left if write(value[index]) == texts[best]]
        fed += encoder.piece(texts[best])
    return scores, left[0], margin


@pytest.mark.parametrize("answers", [MANY, ONE], ids=["many answers", "one answer"])
@pytest.mark.parametrize("name", ["gpt2", "qwen2", "phi"])
@pytest.mark.parametrize("template", ["codes", "numbers", "rook-v1"])
def test_scores_are_those_of_brute_force(models, prompts, name, template, answers):
    tokenizer, loaded = models
    manifest = manifest_of(template, answers, weights=(1.3, 0.6, 0.9))
    encoder = Encoder(tokenizer, manifest.template)
    found = Scorer(loaded[name], encoder, manifest)(prompts[template])
    expected = [brute_force(loaded[name], encoder, manifest, prompt) for prompt in prompts[template]]
    scores = np.array([answer.scores for answer in found])
    np.testing.assert_allclose(scores, np.array([row[0] for row in expected]), atol=1e-4)
    assert scores.std(axis=0).max() > 0.05, "the model says the same to every prompt, so nothing was tested"
    for answer, (_, values, margin) in zip(found, expected, strict=True):
        if margin > 1e-3:
            assert (answer.size, answer.slippage_bps, answer.deadline_s) == values


def test_the_cases_cover_words_of_one_and_of_several_tokens_and_shared_beginnings(models, prompts):
    tokenizer, _ = models
    lengths = {}
    for template in prompts:
        encoder = Encoder(tokenizer, load_template(template))
        lengths[template] = {len(encoder.side(side)) for side in Side}
    assert lengths["codes"] == {1}
    assert max(lengths["rook-v1"]) > 1
    assert len({text.split()[0] for text in prompts["numbers"]}) == 1
    assert len({text.split()[0] for text in prompts["codes"]}) > 1


@pytest.fixture(scope="module")
def scorer(models):
    tokenizer, loaded = models

    def make(template="numbers", name="gpt2", answers=MANY, **options):
        manifest = manifest_of(template, answers)
        return Scorer(loaded[name], Encoder(tokenizer, manifest.template), manifest, **options)

    return make


def same(first, second):
    np.testing.assert_allclose([row.scores for row in first], [row.scores for row in second], atol=2e-5)
    details = [[(row.size, row.slippage_bps, row.deadline_s) for row in rows] for rows in (first, second)]
    assert details[0] == details[1]


@pytest.mark.parametrize("answers", [MANY, ONE], ids=["many answers", "one answer"])
@pytest.mark.parametrize("template", ["codes", "numbers", "rook-v1"])
@pytest.mark.parametrize("batch_tokens", [1, 100, 100_000])
def test_batches_do_not_matter(scorer, prompts, template, batch_tokens, answers):
    expected = scorer(template, answers=answers)(prompts[template])
    same(scorer(template, answers=answers, batch_tokens=batch_tokens)(prompts[template]), expected)


@pytest.mark.parametrize("name", ["gpt2", "qwen2"])
def test_order_does_not_matter(scorer, prompts, name):
    order = np.random.default_rng(0).permutation(len(prompts["numbers"]))
    expected = scorer(name=name)(prompts["numbers"])
    shuffled = scorer(name=name)([prompts["numbers"][row] for row in order])
    same(shuffled, [expected[row] for row in order])


@pytest.mark.parametrize("answers", [MANY, ONE], ids=["many answers", "one answer"])
@pytest.mark.parametrize("name", ["gpt2", "qwen2"])
@pytest.mark.parametrize("template", ["numbers", "rook-v1"])
def test_a_shared_beginning_does_not_matter(scorer, prompts, template, name, answers):
    """Asked together, the beginning is computed once; asked alone, it is part of the prompt."""
    asked = scorer(template, name, answers)
    together = asked(prompts[template])
    alone = [asked([prompt])[0] for prompt in prompts[template]]
    same(together, alone)


def test_equal_prompts_get_equal_answers(scorer, prompts):
    text = prompts["numbers"][0]
    first, second, third = scorer()([text, prompts["numbers"][1], text])
    assert first == third
    assert first.scores != second.scores


@pytest.mark.parametrize("answers", [MANY, ONE], ids=["many answers", "one answer"])
def test_a_prompt_may_be_all_that_is_shared(scorer, prompts, answers):
    """Twice the same prompt, and one that another one begins with."""
    text = prompts["numbers"][0]
    asked = scorer(answers=answers)
    for together in ([text, text], [text, f"{text} 50 300"]):
        same(asked(together), [asked([prompt])[0] for prompt in together])


def test_nothing_asked_nothing_answered(scorer):
    assert scorer()([]) == []


def test_the_bar_hears_of_every_prompt(scorer, prompts):
    heard = []
    scorer()(prompts["numbers"], heard.append)
    assert sum(heard) == len(prompts["numbers"])


def scaled(model):
    def forward(*arguments, **named):
        out = type(model).forward(model, *arguments, **named)
        out.logits = out.logits * 0.5
        return out

    return forward


def check_by_brute_force(scorer, model, manifest, texts):
    for prompt, answer in zip(texts, scorer(texts), strict=True):
        scores, values, margin = brute_force(model, scorer.encoder, manifest, prompt)
        np.testing.assert_allclose(answer.scores, scores, atol=1e-5)
        if margin > 1e-3:
            assert (answer.size, answer.slippage_bps, answer.deadline_s) == values


def test_logits_changed_after_the_output_layer_are_taken_from_the_model(mini_base, models, prompts, monkeypatch):
    from transformers import AutoModelForCausalLM

    tokenizer, _ = models
    model = loud(AutoModelForCausalLM.from_pretrained(mini_base))
    monkeypatch.setattr(model, "forward", scaled(model))
    manifest = manifest_of("codes")
    scorer = Scorer(model, Encoder(tokenizer, manifest.template), manifest)
    assert not scorer.reader.by_rows
    check_by_brute_force(scorer, model, manifest, prompts["codes"][:4])


@pytest.mark.parametrize("model_type", ARCHITECTURES)
def test_each_architecture_is_scored_as_by_whole_forward_passes(model_type, models, prompts):
    tokenizer, _ = models
    model, manifest = model_of(model_type, len(tokenizer)), manifest_of("codes")
    scorer = Scorer(model, Encoder(tokenizer, manifest.template), manifest)
    assert (scorer.reader.by_rows, scorer.reader.keeps) == ARCHITECTURES[model_type][1:]
    check_by_brute_force(scorer, model, manifest, prompts["codes"][:6])


def test_a_model_that_looks_at_what_follows_is_refused(models):
    tokenizer, _ = models
    model, manifest = model_of("bert", len(tokenizer)), manifest_of("codes")
    with pytest.raises(InputError, match="BertLMHeadModel looks at the tokens that follow") as caught:
        Scorer(model, Encoder(tokenizer, manifest.template), manifest)
    assert "\n" not in str(caught.value)


def test_a_prompt_without_room_for_its_answer_is_refused(models):
    from transformers import GPT2Config, GPT2LMHeadModel

    tokenizer, _ = models
    short = GPT2LMHeadModel(GPT2Config(vocab_size=len(tokenizer), n_positions=60, n_embd=32, n_layer=1, n_head=4))
    manifest = manifest_of("rook-v1")
    asked = Scorer(short.eval(), Encoder(tokenizer, manifest.template), manifest)
    with pytest.raises(InputError, match="leaves no room in a model of 60 positions"):
        asked(["Market Analysis: Price: " + "1234.5, " * 20])


def test_a_tokenizer_without_an_end_is_refused(models):
    from copy import deepcopy

    tokenizer = deepcopy(models[0])
    tokenizer.eos_token = None
    with pytest.raises(InputError, match="no end-of-text token"):
        Encoder(tokenizer, load_template("codes"))


shares = st.lists(st.floats(0.01, 1.0), min_size=3, max_size=3).map(lambda row: np.array(row) / sum(row))
weights = st.tuples(*[st.floats(0.05, 20.0)] * 3)


@given(shares, weights)
def test_class_weights_are_taken_out_again(natural, weight):
    """A loss that weighs class c by w_c teaches log(w_c p_c); the correction must give p back."""
    taught = np.log(natural * np.array(weight))
    found = probabilities(taught[None, :] - 7.0, manifest_of("codes", weights=weight))
    np.testing.assert_allclose(found[0], natural, rtol=1e-9)


@given(shares, weights)
def test_temperature_one_changes_nothing_and_none_changes_the_order(natural, weight):
    scores = np.log(natural)[None, :]
    plain = manifest_of("codes", weights=weight)
    odds = np.exp(corrected(scores, plain))
    np.testing.assert_allclose(probabilities(scores, plain), odds / odds.sum(), rtol=1e-9)
    for temperature in (0.3, 4.0):
        warm = probabilities(scores, manifest_of("codes", weights=weight, temperature=temperature))
        assert warm.sum() == pytest.approx(1.0)
        place = probabilities(scores, plain).argmax()
        assert warm[0, place] == pytest.approx(warm.max())


def test_higher_temperature_is_flatter():
    scores = np.log([[0.7, 0.2, 0.1]])
    tops = [probabilities(scores, manifest_of("codes", temperature=t)).max() for t in (0.5, 1.0, 2.0, 8.0)]
    assert tops == sorted(tops, reverse=True)
    assert tops[1] == pytest.approx(0.7)
    assert tops[2] == pytest.approx(np.sqrt(0.7) / np.sqrt([0.7, 0.2, 0.1]).sum())
