"""Faster arithmetic is held against float32 on the adapter at hand, and refused where it differs."""

import numpy as np
import pytest

from rook_bench.core import InputError, UnknownName
from rook_bench.language import engines
from rook_bench.language.decider import Agreement, Decider, compare
from rook_bench.language.engines import ENGINES, Engine, find_engine
from rook_bench.language.manifest import read_manifest
from rook_bench.language.runtime import fast_bf16
from rook_bench.language.scoring import Scored
from rook_bench.market.view import MarketView
from rook_bench.sources.decide import Source

torch = pytest.importorskip("torch", reason="the train extra is not installed")
pytestmark = pytest.mark.filterwarnings("ignore:torch.ao.quantization is deprecated")


@pytest.fixture
def view(tape):
    return MarketView.whole(tape[600:1000])


def contrary(model, device):
    """An engine that prefers what the model likes least."""
    model.lm_head.weight = torch.nn.Parameter(-model.lm_head.weight.data)
    return model.to(device)


def test_bf16_is_refused_where_it_would_be_emulated(fresh_models, tiny_adapter, short_tape, monkeypatch):
    monkeypatch.setattr(engines, "fast_bf16", lambda device: False)
    with pytest.raises(InputError) as caught:
        Source.parse(f"lora:{tiny_adapter},engine=bf16").ask(short_tape)
    assert "engine bf16: this processor has no bfloat16 arithmetic" in str(caught.value)
    assert "--engine torch" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_bf16_knows_what_computes_it(monkeypatch):
    for name, expected in (("avx512_bf16", True), ("amx_tile", True), ("avx512_f", False)):
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda name=name: {name: True})
        assert fast_bf16("cpu") is expected


@pytest.mark.parametrize("engine", ["int8", "bf16"])
def test_agreement_with_the_reference_is_measured(fresh_models, tiny_adapter, view, engine):
    if engine == "bf16" and not fast_bf16("cpu"):
        pytest.skip("no bfloat16 on this processor")
    decider = Decider(tiny_adapter, engine=engine)
    found = decider.decide(view, len(view))
    exact = Decider(tiny_adapter, engine="fp32").decide(view, len(view))
    agreement = decider.agreement
    assert agreement.rows == 256
    assert agreement.same_side >= 0.99
    assert 0 < agreement.largest_difference < 0.1
    difference = np.nanmax(np.abs(found.confidence - exact.confidence))
    assert difference <= agreement.largest_difference * 1.5
    assert str(agreement).startswith("same side as fp32 on 100.0% of 256 prompts")


def test_the_default_on_a_cpu_is_the_reference(fresh_models, tiny_adapter, view, monkeypatch):
    monkeypatch.setattr("rook_bench.language.adapter.default_device", lambda: "cpu")
    plain, exact = (Decider(tiny_adapter, engine=engine) for engine in ("torch", "fp32"))
    assert plain.decide(view, 100).to_bytes() == exact.decide(view, 100).to_bytes()
    assert plain.agreement is None


def test_an_engine_that_disagrees_is_refused_every_time(fresh_models, tiny_adapter, view, monkeypatch):
    monkeypatch.setitem(ENGINES, "contrary", Engine("contrary", "turns every answer round", contrary))
    decider = Decider(tiny_adapter, engine="contrary")
    for _ in range(2):
        with pytest.raises(InputError, match="engine contrary: too far from the reference on this adapter") as caught:
            decider.decide(view, len(view))
        assert "\n" not in str(caught.value)
    assert decider.store.missing(["any"]) == ["any"]
    texts = [text for text in read_manifest(tiny_adapter).template.render(view).texts if text]
    assert len(decider.store.missing(texts)) == len(set(texts))


def test_an_engine_is_not_compared_with_itself_again_once_it_agreed(fresh_models, tiny_adapter, view, monkeypatch):
    # Processors compute int8 in more ways than one: how close it comes here is not the question.
    monkeypatch.setattr("rook_bench.language.decider.LEAST_AGREEMENT", 0.9)
    decider = Decider(tiny_adapter, engine="int8")
    decider.decide(view, 100)

    def never(*arguments, **named):
        raise AssertionError("the reference was loaded again")

    monkeypatch.setattr("rook_bench.language.decider.load_adapter", never)
    decider.decide(view, len(view))


def test_unknown_engines_offer_the_near_one(fresh_models, tiny_adapter, short_tape):
    with pytest.raises(UnknownName, match="unknown engine 'int88'; did you mean 'int8'"):
        find_engine("int88")
    with pytest.raises(UnknownName, match="did you mean 'torch'"):
        Source.parse(f"lora:{tiny_adapter},engine=tourch").ask(short_tape)


def test_int8_is_for_scoring_on_a_cpu(tiny_adapter):
    with pytest.raises(InputError, match="engine int8: free generation runs on torch"):
        Decider(tiny_adapter, "generate", "int8")
    with pytest.raises(InputError, match="engine int8: int8 runs on a CPU only"):
        ENGINES["int8"].prepare(None, "cuda")


def test_int8_covers_every_linear_layer_of_gpt2(mini_base):
    """GPT-2's own layer type is unknown to quantisation; left alone, nothing would be gained."""
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(mini_base)
    tokens = torch.arange(1, 9)[None, :]
    with torch.inference_mode():
        before = model(input_ids=tokens).logits
        small = ENGINES["int8"].prepare(model, "cpu")
        after = small(input_ids=tokens).logits
    kinds = [type(module).__module__ for module in small.modules() if "Linear" in type(module).__name__]
    assert sum(kind == "torch.ao.nn.quantized.dynamic.modules.linear" for kind in kinds) == 2 * 4 + 1
    assert not any(isinstance(module, torch.nn.Linear) for module in small.modules())
    assert 0 < float((before - after).abs().max()) < 0.1 * float(before.abs().max())


def test_agreement_counts_sides_and_measures_probabilities(tiny_adapter):
    manifest = read_manifest(tiny_adapter).model_copy(
        update={"class_weights": {"BUY": 1.0, "HOLD": 1.0, "SELL": 1.0}, "temperature": 1.0}
    )

    def scored(*shares):
        return Scored(tuple(float(np.log(share)) for share in shares), 0.05, 50.0, 300.0)

    before = [scored(0.7, 0.2, 0.1), scored(0.1, 0.6, 0.3), scored(0.2, 0.3, 0.5), scored(0.4, 0.3, 0.3)]
    after = [scored(0.7, 0.2, 0.1), scored(0.1, 0.5, 0.4), scored(0.2, 0.3, 0.5), scored(0.3, 0.4, 0.3)]
    found = compare(before, after, manifest)
    assert (found.rows, found.same_side) == (4, 0.75)
    assert found.largest_difference == pytest.approx(0.1)
    assert str(Agreement(4, 0.75, 0.1)) == (
        "same side as fp32 on 75.0% of 4 prompts, largest probability difference 1.0e-01"
    )
