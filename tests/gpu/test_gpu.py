"""Language models on a GPU: the same decisions as in float32, training, and how fast it is. Skipped without one."""

import time

import numpy as np
import pytest

from rook_bench.language.manifest import read_manifest
from rook_bench.market.view import MarketView
from rook_bench.sources.decide import Source

torch = pytest.importorskip("torch", reason="the train extra is not installed")
pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")


@pytest.fixture
def prompts(tape, tiny_adapter):
    texts = read_manifest(tiny_adapter).template.render(MarketView.whole(tape)).texts
    return list(dict.fromkeys(text for text in texts if text))


@pytest.fixture
def scorer(tiny_adapter):
    """A scorer with an engine, on a device."""
    from rook_bench.language.adapter import load_adapter
    from rook_bench.language.engines import find_engine
    from rook_bench.language.scoring import Scorer

    def make(engine, device="cuda"):
        adapter = load_adapter(tiny_adapter, device=device)
        return Scorer(find_engine(engine).prepare(adapter.model, device), adapter.encoder, adapter.manifest)

    return make


def test_float32_on_the_card_is_float32_on_the_processor(scorer, prompts, tiny_adapter):
    from rook_bench.language.decider import compare

    found = compare(scorer("fp32", "cpu")(prompts), scorer("fp32")(prompts), read_manifest(tiny_adapter))
    assert found.same_side >= 0.995
    assert found.largest_difference < 0.01


def test_bf16_agrees_with_float32(scorer, prompts, tiny_adapter):
    from rook_bench.language.decider import compare

    model = scorer("bf16")
    assert model.model.dtype == torch.bfloat16
    found = compare(scorer("fp32")(prompts), model(prompts), read_manifest(tiny_adapter))
    print(f"\nbf16 on the card: {found}")
    assert found.same_side >= 0.98


def test_decisions_per_second(scorer, prompts):
    model = scorer("bf16")
    model(prompts[:200])  # the first call sets the card up
    torch.cuda.synchronize()
    started = time.perf_counter()
    answers = model(prompts)
    torch.cuda.synchronize()
    speed = len(answers) / (time.perf_counter() - started)
    print(f"\n{torch.cuda.get_device_name()}: {speed:,.0f} decisions/s (rook-tiny, bf16)")
    assert speed > 100


def test_a_source_runs_on_the_card(fresh_models, tiny_adapter, tape):
    decisions = Source.parse(f"lora:{tiny_adapter}").ask(tape)
    exact = Source.parse(f"lora:{tiny_adapter},engine=fp32").ask(tape)
    assert (decisions.side == exact.side).mean() >= 0.98
    assert np.nanmin(decisions.confidence) >= 1 / 3


def test_training_runs_on_the_card(fresh_models, prepared, mini_settings, root, tape, tmp_path):
    from rook_bench.training.fit import train

    settings = mini_settings(model=str(root / "models" / "base" / "rook-tiny"), max_samples=256, learning_rate=2e-3)
    done = train(prepared, tmp_path / "adapter", settings, say=lambda line: None)
    assert done.manifest.training["device"] == "cuda"
    assert done.manifest.training["epochs"] == 1.0
    assert np.isfinite(done.validation["nll"])
    assert len(Source.parse(f"lora:{done.folder}").ask(tape[:100])) == 100


def test_an_adapter_taught_on_a_base_in_4_bits_decides_on_the_base_as_it_is(
    fresh_models, prepared, mini_settings, root, tape, tmp_path
):
    pytest.importorskip("bitsandbytes", reason="bitsandbytes is not installed (make setup-dev-train)")
    from rook_bench.training.fit import train

    base, said = str(root / "models" / "base" / "rook-tiny"), []
    settings = mini_settings(model=base, max_samples=256, learning_rate=2e-3, load_in_4bit=True)
    done = train(prepared, tmp_path / "adapter", settings, say=said.append)
    print("\n", *said, sep="\n")
    assert np.isfinite(done.validation["nll"])
    decisions = Source.parse(f"lora:{tmp_path / 'adapter'}").ask(tape[:500])
    assert (decisions.side >= 0).any()


def test_a_base_in_4_bits_is_adopted_on_the_card(fresh_models, root, tape, tmp_path):
    pytest.importorskip("bitsandbytes", reason="bitsandbytes is not installed (make setup-dev-train)")
    from transformers import AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig

    import rook_bench as rook

    tiny = root / "models" / "base" / "rook-tiny"
    how = BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=torch.bfloat16)
    AutoModelForCausalLM.from_pretrained(tiny, quantization_config=how).save_pretrained(tmp_path / "base")
    AutoTokenizer.from_pretrained(tiny).save_pretrained(tmp_path / "base")
    done = rook.adopt(tmp_path / "base", "codes")
    print("\ndifference to whole forward passes:", done.manifest.adopted.difference)
    assert (rook.Source.parse(done.reference).ask(tape[:500]).side >= 0).any()
