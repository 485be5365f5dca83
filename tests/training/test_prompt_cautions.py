"""What is said of a prompt that tells little on a pool, before a model is trained on it."""

import json
from dataclasses import replace

import numpy as np
import pytest
from pairs import WETH, Token, pool_of, rewritten

from rook_bench.dataset.fit_rules import RuleFit
from rook_bench.dataset.prepare import prepare
from rook_bench.language.template import Template, load_template, shipped_templates
from rook_bench.market.simulation.simulate import simulate
from rook_bench.training.data import read_training_data
from rook_bench.training.prompt_cautions import prompt_cautions

pytest.importorskip("sklearn", reason="the train extra is not installed")


@pytest.mark.parametrize("name", shipped_templates())
def test_shipped_prompts_tell_something_at_home(prepared, name):
    template = load_template(name)
    data = read_training_data(prepared, template)
    assert prompt_cautions(template, data, data.train) == []


@pytest.fixture(scope="module")
def cheap(tmp_path_factory):
    """A token of a hundred-millionth of an ether, prepared."""
    shib = pool_of(Token(symbol="SHIB", decimals=18), WETH, base_first=True)
    folder = tmp_path_factory.mktemp("cheap") / "p"
    tape = rewritten(simulate(1200, np.random.default_rng(7)), shib, base_per=2e8, quote_per=1 / 2700)
    prepare(tape, RuleFit(("mean-reversion", "breakout"), 0.2), folder)
    return folder


def fields(template, **changes):
    values = template.model_dump()
    for name, change in changes.items():
        values["fields"][name] = values["fields"][name] | change
    return Template.parse(values, where="test")


def test_a_field_that_rounds_to_one_number_is_said_with_its_quantiles(cheap):
    ancestor = fields(load_template("rook-v1"), price={"significant": None, "of": None})  # "Price: 0.00"
    data = read_training_data(cheap, ancestor)
    (line,) = prompt_cautions(ancestor, data, data.train)
    assert line.startswith("prompt field price is 0 on 100.0% of the training rows: price there is 4.")
    assert line.endswith("on 98%, the format is .2f")
    fine = load_template("rook-v1")
    assert prompt_cautions(fine, read_training_data(cheap, fine), data.train) == []


def test_a_code_at_the_end_of_its_scale_is_said(prepared):
    tight = load_template("codes")
    low = tight.model_dump()["fields"]["volatility"]["codes"] | {"low": 0.0, "high": 0.01, "knee": 0.01}
    tight = fields(tight, volatility={"codes": low})
    data = read_training_data(prepared, tight)
    (line,) = prompt_cautions(tight, data, data.train)
    assert line.startswith("prompt field volatility is 99 on ")
    assert line.endswith("the scale runs from 0 to 0.01")
    half = data.prompts.shown.copy()
    place = list(tight.fields).index("volatility")
    half[::3, place] = 5
    mixed = replace(data, prompts=replace(data.prompts, shown=half))
    (line,) = prompt_cautions(tight, mixed, data.train)
    assert line.startswith("prompt field volatility stands at an end of its scale on 6")


def test_train_says_it_before_it_starts(cheap, command_line, mini_base, tmp_path):
    ancestor = fields(load_template("rook-v1"), price={"significant": None, "of": None})
    (tmp_path / "ancestor.json").write_text(json.dumps(ancestor.model_dump(mode="json")))
    code, out, err = command_line(
        "train", "--data-dir", cheap, "--output-dir", tmp_path / "adapter", "--model", mini_base, "--epochs", 1,
        "--max-samples", 32, "--template", tmp_path / "ancestor.json",
    )  # fmt: skip
    assert code == 0, err
    said = out + err
    assert "warning: prompt field price is 0 on 100.0% of the training rows" in said
    assert said.index("warning: prompt field") < said.index("prompt ceiling")


@pytest.mark.parametrize(
    ("rare", "hint"), [(1, "prepare again with rules that fire on this pool"), (60, "raise max_samples: 60 of ")]
)
def test_the_advice_on_a_draw_of_one_class_is_right(prepared, rare, hint):
    from rook_bench.training.fit import _more_of_the_rarer

    data = read_training_data(prepared, load_template("codes"))
    sides = np.ones(len(data.labels), dtype=np.int8)
    sides[data.train[:rare]] = 0
    object.__setattr__(data, "__dict__", {**data.__dict__, "side": sides})
    assert hint in _more_of_the_rarer(data, 64)
