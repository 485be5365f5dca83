"""Drafts: a grammar that reads what it wrote, and scoring that is the sum over drafts."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import log_softmax, logsumexp

from rook_bench.core import ConfigError, InputError, Side
from rook_bench.language.draft import Draft
from rook_bench.language.manifest import Manifest, adapter_hash, read_manifest
from rook_bench.language.template import load_template, shipped_templates
from rook_bench.language.tokens import Encoder
from rook_bench.market.view import MarketView

CODES = load_template("codes")
DETAILS = {Side.BUY: [(0.05, 50.0, 300.0), (0.08, 30.0, 120.0)], Side.HOLD: [], Side.SELL: [(0.05, 50.0, 300.0)]}
HASHES = {  # of templates as they were before there were drafts: adapters know their prompt by them
    "codes": "ec06949a74cc84e82f4acce72bebe5241ef99365a624c53aac35d6b66fbe7233",
    "numbers": "0b2e76a30ca718a1e8eade9f5ac7ae96dcd038a74b4992759047fe86541f5c94",
}


def manifest_of(template, draft, **changes):
    answers = {side.name: DETAILS[side] for side in Side}
    weights = {"BUY": 2.0, "HOLD": 0.7, "SELL": 1.5}
    return Manifest(
        kind="lora", template=template.bare, base={"reference": "none", "sha256": ""}, answers=answers,
        class_weights=weights, temperature=1.0, files={}, draft=draft, **changes,
    )  # fmt: skip


@pytest.mark.parametrize("name", shipped_templates())
def test_a_prompt_gives_its_fields_back(name, tape):
    template = load_template(name)
    view = MarketView.whole(tape)
    columns = {field: shape.show(view, slice(None))[0] for field, shape in template.fields.items()}
    prompts = template.render(view)
    for row in np.flatnonzero(prompts.defined):
        assert template.fields_of(prompts.texts[row]) == {field: texts[row] for field, texts in columns.items()}
    assert template.fields_of("something else") == {}


@given(st.data())
def test_a_draft_is_read_as_it_was_written(data):
    draft = data.draw(st.sampled_from([CODES.draft, load_template("numbers").draft]))
    shown = [data.draw(st.from_regex(r"\A[+-]?[0-9]{1,4}\Z")) for _ in draft.steps]
    levels = [data.draw(st.integers(0, len(step.words) - 1)) for step in draft.steps]
    text = draft.write(shown, levels)
    assert draft.read(text, shown) == levels
    assert draft.read(text + " ", shown) is None
    other = [*shown[:-1], shown[-1] + "1"]
    assert draft.read(text, other) is None


@pytest.mark.parametrize("order", ["before", "after"])
def test_an_answer_counts_only_with_the_draft_of_its_own_prompt(order):
    prompt = " 99 0 12 98 1 22"
    manifest = manifest_of(CODES, CODES.draft.model_copy(update={"order": order}))
    draft = manifest.draft.write(manifest.shown(prompt), [2, 0, 0, 2, 1])
    assert draft == " 98 + 1 0 12 - 99 + 0 0"
    whole = {"before": f"{draft} buy 5 50 300", "after": f" buy 5 50 300{draft}"}[order]
    read = manifest.read(whole, prompt)
    assert (read.side, read.size, read.slippage_bps, read.deadline_s) == (Side.BUY, 0.05, 50.0, 300.0)
    for broken in (whole.replace("99", "97"), whole.replace(" + 1", " 1"), " buy 5 50 300", draft, "", whole + " +"):
        assert manifest.read(broken, prompt) is None
    assert manifest.read(whole, "no prompt") is None


@pytest.mark.parametrize("name", sorted(HASHES))
def test_a_template_is_the_same_prompt_with_a_grammar_and_without(name):
    template = load_template(name)
    assert template.draft is not None
    assert template.sha256 == template.bare.sha256 == HASHES[name]
    assert "draft" not in template.bare.model_dump()
    assert template.model_validate(template.model_dump(mode="json")) == template


def test_an_adapter_without_drafts_is_the_one_it_was(mini_adapter):
    manifest = read_manifest(mini_adapter)
    assert manifest.draft is None
    assert "draft" not in manifest.model_dump()
    assert "draft" not in manifest.model_dump()["template"]
    assert len(adapter_hash(mini_adapter)) == 64


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"words": [" 0"]}, "words"),
        ({"words": [" 0", " +"]}, "3 levels and 2 words"),
        ({"words": [" 0", " +", " +"]}, "different words"),
        ({"show": "depth"}, "not among the fields"),
        ({"questions": []}, "questions"),
    ],
)
def test_a_grammar_that_cannot_be(change, words):
    facts = CODES.model_dump()
    facts["draft"]["steps"][3] |= change
    with pytest.raises(ConfigError, match=words):
        type(CODES).parse(facts, where="test")
    facts["draft"] = {"steps": [CODES.draft.steps[0].model_dump()] * 6}
    with pytest.raises(ConfigError):
        type(CODES).parse(facts, where="test")


torch = pytest.importorskip("torch", reason="the train extra is not installed")

from rook_bench.language.draft_scoring import DraftScorer, kept_paths, scorer, verdict_tokens  # noqa: E402
from rook_bench.language.scoring import Scorer  # noqa: E402


@pytest.fixture(scope="module")
def tiny(request):
    from pathlib import Path

    from rook_bench.language.base import load_base

    return load_base(str(Path(__file__).parents[2] / "models" / "base" / "rook-tiny"))


PROMPTS = [" 99 0 12 98 1 22", " 40 41 42 43 44 0"]


def alone(model, encoder, manifest, prompt):
    """Every draft of a prompt by its levels: its log-probability over the words, and the sides' after it, in full."""
    words = verdict_tokens(encoder, manifest.draft)
    shown = manifest.shown(prompt)
    sides = [encoder.side(side)[0] for side in Side]

    def after(ids, choices):
        with torch.inference_mode():
            return log_softmax(model(input_ids=torch.tensor([ids])).logits[0, -1, choices].double().numpy())

    out = {}
    for levels in itertools.product(*(range(len(step.words)) for step in manifest.draft.steps)):
        ids, weight = list(encoder.prompts([prompt])[0]), 0.0
        for text, tokens, level in zip(shown, words, levels, strict=True):
            ids += encoder.piece(f" {text}")
            weight += after(ids, tokens)[level]
            ids.append(tokens[level])
        out[levels] = weight, after(ids, sides)
    return out


def shorter(template, steps):
    return template.draft.model_copy(update={"steps": template.draft.steps[:steps]})


@pytest.mark.parametrize("name", ["codes", "numbers"])
def test_scores_are_the_sum_over_all_drafts(name, tiny, tape, monkeypatch):
    """Against a full forward pass for each prefix of each draft; numbers of several tokens, and rows of many shapes."""
    monkeypatch.setattr("rook_bench.language.draft_scoring.KEPT", 1.1)
    template = load_template(name)
    manifest = manifest_of(template, shorter(template, 3))
    encoder = Encoder(tiny.tokenizer, template)
    prompts = [text for text in template.render(MarketView.whole(tape)).texts if text][:24:8]
    for prompt, found in zip(prompts, DraftScorer(tiny.model, encoder, manifest)(prompts), strict=True):
        every = alone(tiny.model, encoder, manifest, prompt)
        table = np.array([weight + sides for weight, sides in every.values()])
        np.testing.assert_allclose(found.scores, logsumexp(table, axis=0), atol=1e-4)
        assert found.mass == pytest.approx(1.0, abs=1e-6)
        side = int(np.argmax(np.array(found.scores) - np.log(manifest.weights)))
        best = list(every)[int(table[:, side].argmax())]
        assert found.draft == manifest.draft.write(manifest.shown(prompt), best)
        assert (found.size, found.slippage_bps, found.deadline_s) in (DETAILS[Side(side)] or [(0.0, 50.0, 300.0)])


def test_what_is_improbable_is_dropped_and_counted(tiny):
    manifest = manifest_of(CODES, shorter(CODES, 3))
    encoder = Encoder(tiny.tokenizer, CODES)
    for prompt, found in zip(PROMPTS, DraftScorer(tiny.model, encoder, manifest)(PROMPTS), strict=True):
        every = alone(tiny.model, encoder, manifest, prompt)
        assert 0.99 <= found.mass <= 1.0 + 1e-9
        table = np.array([weight + sides for weight, sides in every.values()])
        whole = np.exp(logsumexp(table, axis=0))
        np.testing.assert_allclose(np.exp(found.scores), whole, atol=1 - found.mass + 1e-4)


def test_sides_after_a_given_draft(tiny):
    manifest = manifest_of(CODES, shorter(CODES, 3))
    encoder = Encoder(tiny.tokenizer, CODES)
    levels = np.array([[0, 1, 2], [3, 0, 1]])
    found = DraftScorer(tiny.model, encoder, manifest).given(PROMPTS, levels)
    for prompt, own, row in zip(PROMPTS, levels, found, strict=True):
        np.testing.assert_allclose(row, alone(tiny.model, encoder, manifest, prompt)[tuple(own)][1], atol=1e-4)


def test_who_scores_what(tiny):
    encoder = Encoder(tiny.tokenizer, CODES)
    after = CODES.draft.model_copy(update={"order": "after"})
    kinds = [type(scorer(tiny.model, encoder, manifest_of(CODES, draft))) for draft in (None, after, CODES.draft)]
    assert kinds == [Scorer, Scorer, DraftScorer]
    rough, exact = (scorer(tiny.model, encoder, manifest_of(CODES, CODES.draft), rough=one) for one in (True, False))
    assert rough(PROMPTS)[0].mass < exact(PROMPTS)[0].mass
    assert exact(PROMPTS)[0].mass >= 0.99
    with pytest.raises(InputError, match="not a prompt of template codes"):
        DraftScorer(tiny.model, encoder, manifest_of(CODES, CODES.draft))(["hello"])


def test_verdicts_must_be_single_tokens(tiny):
    encoder = Encoder(tiny.tokenizer, CODES)
    steps = [step.model_copy() for step in CODES.draft.steps]
    steps[3] = steps[3].model_copy(update={"words": [" low", " 0", " high"]})
    with pytest.raises(InputError, match=r"' low', ' high': verdicts of step 'deviation'"):
        verdict_tokens(encoder, Draft(steps=steps))
    for name in ("codes", "numbers"):
        assert all(len(set(tokens)) == len(tokens) for tokens in verdict_tokens(encoder, load_template(name).draft))


@given(st.data())
def test_kept_paths_are_the_likeliest_of_each_row(data):
    rows, words = data.draw(st.integers(1, 5)), data.draw(st.integers(2, 4))
    counts = data.draw(st.lists(st.integers(1, 4), min_size=rows, max_size=rows))
    owner = np.repeat(np.arange(rows), counts)
    rng = np.random.default_rng(data.draw(st.integers(0, 1000)))
    weight = (
        np.log(rng.dirichlet(np.full(words, 0.3), size=len(owner)) + 1e-12) + np.log(rng.random(len(owner)))[:, None]
    )
    path, word = kept_paths(owner, weight, 5)
    assert (np.diff(path * words + word) > 0).all()
    for row in range(rows):
        mine = np.exp(weight[owner == row])
        kept = np.exp(weight[path, word][owner[path] == row])
        assert kept.sum() >= 0.998 * mine.sum() or len(kept) == 5
        dropped = np.sort(mine.ravel())[: mine.size - len(kept)]
        assert not len(dropped) or dropped.max() <= kept.min() + 1e-12
        assert kept.sum() - kept.min() < 0.998 * mine.sum()  # none too many
