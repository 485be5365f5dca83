"""Language models as decision sources: asked once, the same every time, and never about what they can't know."""

from dataclasses import replace

import numpy as np
import pytest
from pairs import UNI, WETH, pool_of, rewritten
from parted import in_parts

from rook_bench.core import SIDE_NAMES, ConfigError, InputError, Side
from rook_bench.core.cache_folder import CACHE_VARIABLE
from rook_bench.core.decision_tape import UNPARSED
from rook_bench.core.texts import Texts
from rook_bench.language.manifest import read_manifest
from rook_bench.language.scoring import Scorer, probabilities
from rook_bench.language.store import AnswerStore
from rook_bench.market.pool import ETH
from rook_bench.market.view import MarketView
from rook_bench.sources.decide import Source, decide
from rook_bench.sources.lookahead import check_source
from rook_bench.sources.lora import _decider

pytest.importorskip("torch", reason="the train extra is not installed")


@pytest.fixture
def asked(monkeypatch):
    """Every prompt that reaches a model, in order."""
    prompts = []
    ask = Scorer.__call__

    def counting(self, texts, *rest):
        prompts.extend(texts)
        return ask(self, texts, *rest)

    monkeypatch.setattr(Scorer, "__call__", counting)
    return prompts


@pytest.mark.parametrize("kind", ["lora", "base"])
def test_does_not_look_ahead(fresh_models, tiny_adapter, tape, kind):
    source = Source.parse(f"{kind}:{tiny_adapter}")
    decisions = source.ask(tape)
    found = check_source(source, tape, decisions)
    assert decisions.action_rate > 0
    assert found.status == "clean", found.detail
    assert len(found.cuts) >= 3


def test_rows_without_history_are_held_and_say_why(fresh_models, mini_adapter, short_tape, asked):
    decisions = Source.parse(f"lora:{mini_adapter}").ask(short_tape)
    assert decisions.side[0] == Side.HOLD
    assert decisions.reason[0] == "not asked: no deviation, momentum yet"
    assert np.isnan(decisions.confidence[0])
    assert not np.isnan(decisions.confidence[1:]).any()
    assert not any(reason.startswith("not asked") for reason in decisions.reason[1:])
    assert len(asked) == len(set(asked))
    assert "" not in asked


def test_decisions_are_the_scores_made_probabilities(fresh_models, tiny_adapter, short_tape):
    from rook_bench.language.adapter import load_adapter

    decisions = Source.parse(f"base:{tiny_adapter}").ask(short_tape)
    assert len(set(decisions.side)) > 1
    adapter = load_adapter(tiny_adapter, adapted=False)
    manifest = adapter.manifest
    prompts = manifest.template.render(MarketView.whole(short_tape)).texts
    answers = Scorer(adapter.model, adapter.encoder, manifest)(prompts[1:])
    odds = probabilities(np.array([answer.scores for answer in answers]), manifest)
    np.testing.assert_allclose(decisions.confidence[1:], odds.max(axis=1), atol=1e-5)
    for row, (answer, odd) in enumerate(zip(answers, odds, strict=True), start=1):
        if np.sort(odd)[-1] - np.sort(odd)[-2] < 1e-4:
            continue
        side = Side(int(odd.argmax()))
        assert decisions.side[row] == side
        assert decisions.size[row] == (0.0 if side == Side.HOLD else answer.size)
        assert (decisions.size[row], decisions.slippage_bps[row], decisions.deadline_s[row]) in manifest.values(side)
        told = dict(part.split() for part in decisions.reason[row].split(", "))
        assert list(told) == list(SIDE_NAMES)
        assert [float(share) for share in told.values()] == pytest.approx(odd.tolist(), abs=6e-4)


def test_asked_once_and_then_remembered(fresh_models, mini_adapter, short_tape, monkeypatch):
    first = Source.parse(f"lora:{mini_adapter}").ask(short_tape)
    _decider.cache_clear()  # as in a new process
    source = Source.parse(f"lora:{mini_adapter}")

    def broken(*arguments, **named):
        raise AssertionError("the model was loaded though every answer is known")

    monkeypatch.setattr("rook_bench.language.decider.load_adapter", broken)
    assert source.ask(short_tape).to_bytes() == first.to_bytes()
    assert source.ask(short_tape[:50]).to_bytes() == first.head(50).to_bytes()


def test_two_empty_caches_give_the_same_bytes(fresh_models, mini_adapter, short_tape, asked):
    tapes = []
    for _ in range(2):
        fresh_models()
        tapes.append(decide(Source.parse(f"lora:{mini_adapter}"), short_tape, seed=4).tape)
    assert tapes[0].to_bytes() == tapes[1].to_bytes()
    assert len(asked) == 2 * len(set(asked))


def test_fresh_asks_again(fresh_models, mini_adapter, short_tape, asked):
    source = Source.parse(f"lora:{mini_adapter}")
    first = decide(source, short_tape)
    once = len(asked)
    assert decide(source, short_tape).reused
    assert len(asked) == once
    again = decide(source, short_tape, fresh=True)
    assert not again.reused
    assert len(asked) == 2 * once
    assert again.tape.to_bytes() == first.tape.to_bytes()


def test_an_interrupted_run_asks_for_the_rest_only(fresh_models, mini_adapter, short_tape, monkeypatch, asked):
    monkeypatch.setattr("rook_bench.language.decider.CHUNK", 50)
    counting = Scorer.__call__

    def interrupted(self, texts, *rest):
        if len(asked) >= 100:
            raise KeyboardInterrupt
        return counting(self, texts, *rest)

    source = Source.parse(f"lora:{mini_adapter}")
    with monkeypatch.context() as patch:
        patch.setattr(Scorer, "__call__", interrupted)
        with pytest.raises(KeyboardInterrupt):
            source.ask(short_tape)
    assert len(asked) == 100
    _decider.cache_clear()
    Source.parse(f"lora:{mini_adapter}").ask(short_tape)
    assert len(asked) == len(set(asked))


def test_fine_tuning_changed_something(fresh_models, tiny_adapter, tape):
    """The base alone, asked the same way, trades where the rules don't; what the adapter learned is when not to."""
    tuned, base = (Source.parse(f"{kind}:{tiny_adapter}").ask(tape) for kind in ("lora", "base"))
    labels = Source.parse("rules:strategies/data_driven.json").ask(tape)
    right = [((found.side == labels.side) & found.trades).sum() / found.trades.sum() for found in (tuned, base)]
    assert right[0] > right[1] + 0.1
    assert right[0] > 0.8
    assert tuned.action_rate > 0.005


def test_words_of_several_tokens(fresh_models, mini_adapter_words, short_tape):
    decisions = Source.parse(f"lora:{mini_adapter_words}").ask(short_tape)
    manifest = read_manifest(mini_adapter_words)
    assert manifest.template.answer.side[Side.BUY] == " BUY"
    assert not np.isnan(decisions.confidence).any()
    assert decisions.confidence.min() > 1 / 3


def test_generated_junk_is_unparsed_and_not_a_hold(fresh_models, mini_adapter, short_tape):
    from rook_bench.metrics import analyse
    from rook_bench.replay import replay

    run = replay(short_tape[:40], f"base:{mini_adapter},mode=generate")
    decisions = run.decided.tape
    assert (decisions.side[1:] == UNPARSED).all()
    assert decisions.side[0] == Side.HOLD
    assert decisions.raw_text[0] == ""
    assert all(decisions.raw_text[1:])
    assert set(decisions.reason[1:]) == {"not an answer"}
    assert np.isnan(decisions.confidence).all()
    assert (decisions.size == 0).all()
    assert run.lookahead.status == "clean"
    assert analyse(run).estimates["parse_failure_rate"].value == pytest.approx(39 / 40)
    assert not run.orders.filled.any()


def test_generated_answers_are_read(fresh_models, mini_adapter, short_tape, monkeypatch):
    from rook_bench.language.generation import Generator, Written

    texts = [" buy 5 50 300", " sell 5 50 300", " hold", " buy 5 50 300 ", " Hold"]
    monkeypatch.setattr(Generator, "__call__", lambda self, prompts, tick=None: [Written(texts[i % 5], 6, 5) for i in range(len(prompts))])  # fmt: skip
    decisions = Source.parse(f"lora:{mini_adapter},mode=generate").ask(short_tape[:6])
    assert decisions.side.tolist() == [Side.HOLD, Side.BUY, Side.SELL, Side.HOLD, UNPARSED, UNPARSED]
    assert decisions.size.tolist() == [0, 0.05, 0.05, 0, 0, 0]
    assert decisions.raw_text.tolist() == ["", *texts]


def test_generation_stops_at_the_end_token(fresh_models, mini_adapter, short_tape):
    """What training taught comes back as text: no end token, nothing of the prompt."""
    decisions = Source.parse(f"lora:{mini_adapter},mode=generate").ask(short_tape[:20])
    assert not any("<|" in text for text in decisions.raw_text)


def test_another_template_is_refused(fresh_models, mini_adapter, short_tape):
    with pytest.raises(ConfigError) as caught:
        Source.parse(f"lora:adapter={mini_adapter},template=seed").ask(short_tape)
    line = str(caught.value)
    assert line.startswith(str(mini_adapter))
    assert "codes v2" in line
    assert "seed v2" in line
    assert "\n" not in line
    Source.parse(f"lora:adapter={mini_adapter},template=codes").choice.build()


def test_identity_is_the_files_and_not_their_place(fresh_models, mini_adapter, tmp_path):
    import shutil

    moved = tmp_path / "moved"
    shutil.copytree(mini_adapter, moved)
    here = Source.parse(f"lora:{mini_adapter}").content
    assert Source.parse(f"lora:{moved}").content == here
    weights = moved / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\1")
    assert Source.parse(f"lora:{moved}").content != here


def test_kept_decisions_are_named_after_the_adapter(fresh_models, mini_adapter, mini_adapter_words, short_tape):
    from rook_bench.sources.decide import decision_key

    references = [
        f"lora:{mini_adapter}",
        f"base:{mini_adapter}",
        f"lora:{mini_adapter_words}",
        f"lora:{mini_adapter},mode=generate",
        f"lora:{mini_adapter},engine=int8",
    ]
    keys = {decision_key(Source.parse(reference), short_tape, 0) for reference in references}
    assert len(keys) == len(references)


@pytest.mark.parametrize("mode", ["score", "generate"])
def test_a_long_tape_is_asked_a_part_at_a_time(fresh_models, mini_adapter, short_tape, asked, mode):
    reference = f"lora:{mini_adapter},mode={mode}"
    whole = Source.parse(reference).ask(short_tape[:60], fresh=True)
    _decider.cache_clear()
    before = len(asked)
    with in_parts(7, files=True):
        source = Source.parse(reference)
        parts = source.ask(short_tape[:60], fresh=True)
        assert isinstance(parts.transcript.prompt, Texts)
        assert parts.side.tolist() == whole.side.tolist()
        assert parts.reason.tolist() == whole.reason.tolist()
        assert (parts.raw_text is None) == (whole.raw_text is None)
        np.testing.assert_allclose(parts.confidence, whole.confidence, atol=1e-6)
        told = parts.transcript.columns()
        for name, column in whole.transcript.columns().items():
            if name in ("prompt", "said"):
                assert told[name].tolist() == column.tolist()
            elif name != "seconds":
                np.testing.assert_allclose(told[name], column, atol=1e-6)
        assert check_source(source, short_tape[:60], parts).status == "clean"
    if mode == "score":  # each prompt once, though it comes up in several parts
        assert len(asked) - before == len(set(asked[before:])) == len(set(asked[:before]))


# The store of answers.


def test_store_keeps_what_it_was_given(tmp_path):
    first = AnswerStore(tmp_path / "a" / "answers.sqlite")
    first.add({"one": [[-0.1, -2.5, -3.25], 0.05, 50.0, 300.0], "two": "text"})
    second = AnswerStore(tmp_path / "a" / "answers.sqlite")
    assert second["one"] == [[-0.1, -2.5, -3.25], 0.05, 50.0, 300.0]
    assert second["two"] == "text"
    assert second.missing(["three", "one", "three", "four"]) == ["three", "four"]
    second.forget(["one", "never asked"])
    assert second.missing(["one", "two"]) == ["one"]


def test_two_writers_share_a_store(tmp_path):
    stores = [AnswerStore(tmp_path / "answers.sqlite") for _ in range(2)]
    stores[0].add({"one": 1})
    stores[1].add({"two": 2, "one": 1})
    assert AnswerStore(tmp_path / "answers.sqlite").missing(["one", "two"]) == []


@pytest.mark.parametrize("harm", ["garbage", "other table", "folder"])
def test_a_damaged_store_costs_time_only(tmp_path, harm):
    path = tmp_path / "answers.sqlite"
    if harm == "garbage":
        path.write_bytes(b"not a database" * 100)
    elif harm == "folder":
        path.mkdir()
    else:
        import sqlite3

        with sqlite3.connect(path) as file:
            file.execute("CREATE TABLE answers (x INT)")
    store = AnswerStore(path)
    store.add({"one": 1})
    assert store["one"] == 1
    assert store.missing(["one", "two"]) == ["two"]


def test_a_cache_that_can_not_be_written_costs_time_only(fresh_models, mini_adapter, short_tape, monkeypatch, tmp_path):
    expected = Source.parse(f"lora:{mini_adapter}").ask(short_tape[:30])
    _decider.cache_clear()
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "file" / "cache"))
    found = Source.parse(f"lora:{mini_adapter}").ask(short_tape[:30])
    assert found.side.tolist() == expected.side.tolist()


def test_an_adapter_of_another_pair_is_told_of(fresh_models, mini_adapter, short_tape):
    source = Source.parse(f"lora:{mini_adapter}")
    assert not any("trained on" in note for note in decide(source, short_tape).notes)
    uni = rewritten(short_tape, pool_of(UNI, WETH, base_first=True), base_per=300.0, quote_per=1 / 2700)
    with pytest.raises(
        InputError, match="trained on WETH/USDC, asked on UNI/WETH, which is another pool; give --transfer"
    ):
        decide(source, uni)
    moved = Source.parse(f"lora:{mini_adapter},transfer=true")
    assert "trained on WETH/USDC, asked on UNI/WETH" in decide(moved, uni).notes
    ether = replace(short_tape, pool=short_tape.pool.model_copy(update={"token1": ETH}))
    assert not any("trained on" in note for note in decide(source, ether).notes)
