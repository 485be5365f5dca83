"""What training and deciding have to agree on, whichever template and whichever engine."""

import numpy as np
import pytest

from rook_bench.core import Side
from rook_bench.dataset.split_tapes import split_tape
from rook_bench.language.answer import DETAILS
from rook_bench.language.engines import ENGINES
from rook_bench.language.manifest import read_manifest
from rook_bench.language.runtime import fast_bf16
from rook_bench.language.scoring import Scorer
from rook_bench.language.template import load_template, shipped_templates
from rook_bench.sources.decide import Source, decide, decision_facts
from rook_bench.sources.saved import write_decisions
from rook_bench.training.data import read_training_data

pytest.importorskip("torch", reason="the train extra is not installed")
pytestmark = pytest.mark.filterwarnings("ignore:torch.ao.quantization is deprecated")

OWN = """
name = "own"
version = 3
prompt = "dev {deviation} of {price}?"
[fields.deviation]
feature = "price_deviation"
scale = 1e4
format = "+.1f"
[fields.price]
feature = "price"
codes = { low = 1000, high = 5000, knee = 1000, count = 50 }
[answer.side]
BUY = " up"
HOLD = " flat"
SELL = " down"
[answer.size]
before = " by "
format = ".3f"
[answer.slippage_bps]
before = "/"
format = ".1f"
[answer.deadline_s]
before = "/"
format = ".0f"
after = "."
"""


@pytest.mark.parametrize("which", ["mini_adapter", "mini_adapter_words"])
def test_deciding_asks_the_very_prompts_that_training_saw(request, fresh_models, prepared, monkeypatch, which):
    adapter = request.getfixturevalue(which)
    asked = []
    ask = Scorer.__call__

    def watched(self, texts, *rest):
        asked.extend(texts)
        return ask(self, texts, *rest)

    monkeypatch.setattr(Scorer, "__call__", watched)
    data = read_training_data(prepared, read_manifest(adapter).template)
    for name, rows in (("train", data.train), ("validation", data.val)):
        asked.clear()
        Source.parse(f"lora:{adapter}").ask(split_tape(prepared, name).read(), fresh=True)
        assert set(asked) == {data.prompts.texts[row] for row in rows}


@pytest.mark.parametrize(
    "name", [name for name in shipped_templates() if load_template(name).answer.written == DETAILS]
)
def test_no_label_is_lost_in_writing(prepared, name):
    """Whatever the rules said can be told in the template's words and is read back as said."""
    template = load_template(name)
    data = read_training_data(prepared, template)
    for side, values in data.answers(np.concatenate([data.train, data.val])).items():
        for size, slippage, deadline in values:
            pieces = template.answer.pieces(Side[side], size, slippage, deadline)
            parsed = template.answer.read("".join(text for _, text in pieces))
            assert parsed.side == Side[side]
            assert (parsed.size, parsed.slippage_bps, parsed.deadline_s) == pytest.approx((size, slippage, deadline))


@pytest.mark.parametrize("engine", sorted(ENGINES))
def test_every_engine_gives_valid_decisions(fresh_models, tiny_adapter, tape, engine):
    if engine == "bf16" and not fast_bf16("cpu"):
        pytest.skip("no bfloat16 on this processor")
    frame = tape[500:900]
    decisions = Source.parse(f"lora:{tiny_adapter},engine={engine}").ask(frame)
    known = read_manifest(tiny_adapter)
    assert len(decisions) == len(frame)
    for row in np.flatnonzero(~np.isnan(decisions.confidence)):
        values = (decisions.size[row], decisions.slippage_bps[row], decisions.deadline_s[row])
        assert values in known.values(Side(decisions.side[row]))
        assert 1 / 3 <= decisions.confidence[row] <= 1


@pytest.mark.parametrize("options", ["", ",mode=generate"])
def test_decisions_survive_being_saved(fresh_models, mini_adapter, short_tape, tmp_path, options):
    source = Source.parse(f"lora:{mini_adapter}{options}")
    frame = short_tape[:60]
    made = decide(source, frame).tape
    kept = decide(source, frame)
    assert kept.reused
    assert kept.tape.to_bytes() == made.to_bytes()
    write_decisions(made, tmp_path / "kept.parquet", decision_facts(source, frame, 0))
    assert Source.parse(f"recorded:{tmp_path / 'kept.parquet'}").ask(frame).to_bytes() == made.to_bytes()


def test_a_template_of_ones_own(fresh_models, prepared, mini_settings, short_tape, tmp_path):
    """A TOML file is all it takes: it is trained on, recorded whole, and asked without the file."""
    from rook_bench.training.fit import train

    path = tmp_path / "own.toml"
    path.write_text(OWN)
    template = load_template(path)
    train(prepared, tmp_path / "adapter", mini_settings(template=str(path)), say=lambda line: None)
    path.unlink()
    manifest = read_manifest(tmp_path / "adapter")
    assert manifest.template == template
    assert manifest.template.sha256 == template.sha256
    prompt = manifest.training["example"]
    assert prompt.startswith("dev ")
    assert " up by 0.0" in prompt or " down by 0.0" in prompt
    decisions = Source.parse(f"lora:{tmp_path / 'adapter'}").ask(short_tape)
    assert decisions.reason[0] == "not asked: no deviation yet"
    assert not np.isnan(decisions.confidence[1:]).any()
