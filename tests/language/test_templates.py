"""Prompt templates: what a model gets to read."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rook_bench.core import ConfigError, RookError, UnknownName
from rook_bench.language.template import Codes, Template, load_template, shipped_templates
from rook_bench.market.frame import SwapFrame
from rook_bench.market.view import MarketView
from rook_bench.sources.lookahead import scramble_future

SHIPPED = shipped_templates()

ANSWER = {
    "side": {"BUY": " buy", "HOLD": " hold", "SELL": " sell"},
    "size": {"before": " ", "format": ".2f"},
    "slippage_bps": {"before": " ", "format": ".0f"},
    "deadline_s": {"before": " ", "format": ".0f"},
}


def template(**changes):
    values = {
        "name": "test",
        "version": 1,
        "prompt": "price {price}:",
        "fields": {"price": {"feature": "price", "format": ".2f"}},
        "answer": ANSWER,
    }
    return Template.parse(values | changes, where="test.toml")


def rendered(chosen, frame):
    return chosen.render(MarketView.whole(frame))


def test_the_shipped_ones_are_those_the_documentation_names():
    assert SHIPPED == ["chat", "codes", "numbers", "reasoning", "rook-v1", "seed"]


@pytest.mark.parametrize("name", SHIPPED)
def test_every_defined_row_has_a_prompt(name, tape):
    chosen = load_template(name)
    prompts = rendered(chosen, tape)
    assert len(prompts.texts) == len(tape)
    assert prompts.defined.sum() >= len(tape) - 1
    assert [bool(text) for text in prompts.texts] == prompts.defined.tolist()
    assert [not missing for missing in prompts.undefined] == prompts.defined.tolist()
    assert len(set(prompts.texts)) > 0.5 * len(tape)
    for text in prompts.texts:
        assert not re.search(r"\{\w+\}", text), "a field was left"
        assert "nan" not in text


@pytest.mark.parametrize("name", SHIPPED)
def test_what_a_prompt_shows_is_what_its_numbers_are(name, tape):
    """The rivals in the prompt's ceiling are fitted on `shown`, so it must hold what the text says, no more."""
    chosen = load_template(name)
    prompts = rendered(chosen, tape[:200])
    for row in np.flatnonzero(prompts.defined):
        values = dict(zip(chosen.fields, prompts.shown[row], strict=True))
        pattern = re.escape(chosen.prompt.replace("{{", "{").replace("}}", "}"))
        for key in chosen.fields:
            pattern = pattern.replace(re.escape(f"{{{key}}}"), rf"\$?(?P<{key}>[+-]?[0-9.]+)(?: [A-Z]+)?")
        read = re.fullmatch(pattern, prompts.texts[row])
        assert read is not None, prompts.texts[row]
        assert {key: float(text) for key, text in read.groupdict().items()} == values


@pytest.mark.parametrize("name", SHIPPED)
def test_no_prompt_knows_the_future(name, tape):
    chosen = load_template(name)
    whole = rendered(chosen, tape)
    rng = np.random.default_rng(0)
    for cut in (1, 2, 11, 101, 777, 1999):
        for changed in (tape[:cut], scramble_future(tape, cut, rng)):
            again = rendered(chosen, changed)
            assert again.texts[:cut] == whole.texts[:cut]
            assert again.undefined[:cut] == whole.undefined[:cut]


def test_rows_without_history_name_what_they_lack(tape):
    prompts = rendered(load_template("codes"), tape[:5])
    assert prompts.texts[0] == ""
    assert prompts.undefined == ["deviation, momentum", "", "", "", ""]


def test_a_log_without_amounts_has_no_volume_to_show(tape):
    from dataclasses import replace

    bare: SwapFrame = replace(tape[:20], amount0=None, amount1=None)
    prompts = rendered(load_template("seed"), bare)
    assert prompts.texts == [""] * 20
    assert set(prompts.undefined) == {"volume"}


def test_prices_are_in_dollars(tape):
    prompts = rendered(load_template("seed"), tape)
    shown = prompts.shown[:, 0]
    assert ((shown > 500) & (shown < 20_000)).all()
    assert prompts.texts[-1].startswith(f"Based on market data: price ${shown[-1]:.0f}, volume ")


@pytest.mark.real
@pytest.mark.parametrize(("name", "decimals"), [("seed", 0), ("rook-v1", 2)])
def test_prices_of_the_published_data_are_in_dollars(name, decimals, rook_frame):
    """The published column holds 2.8e-09 (raw units), which no reader of a prompt can use."""
    prompts = rendered(load_template(name), rook_frame)
    shown = prompts.shown[prompts.defined][:, 0]
    assert 2000 < np.median(shown) < 6000
    assert f"${shown[-1]:.{decimals}f}," in prompts.texts[-1]
    assert not any("e-" in text for text in prompts.texts)


def test_hash_is_of_the_prompt_and_not_of_the_summary():
    first = template(summary="one")
    assert first.sha256 == template(summary="two").sha256
    others = [
        template(prompt="Price {price}:"),
        template(version=2),
        template(fields={"price": {"feature": "price", "format": ".1f"}}),
        template(fields={"price": {"feature": "price", "format": ".2f", "scale": 2.0}}),
        template(fields={"price": {"feature": "volume", "format": ".2f"}}),
        template(answer=ANSWER | {"hold_details": False}),
        template(answer=ANSWER | {"size": {"before": " ", "format": ".3f"}}),
    ]
    assert len({first.sha256, *(other.sha256 for other in others)}) == 1 + len(others)


def test_hash_survives_the_record(tmp_path):
    first = load_template("codes")
    assert Template.model_validate_json(first.model_dump_json()).sha256 == first.sha256


def test_a_file_is_a_template_too(tmp_path):
    import json

    path = tmp_path / "mine.json"
    path.write_text(json.dumps(template().model_dump(mode="json")))
    assert load_template(path) == template()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"prompt": "volume {volume}:"}, "'price' is not in the prompt"),
        ({"prompt": "{price} {volume}"}, "'volume' is in the prompt but not among the fields"),
        ({"prompt": "{price"}, "expected '}'"),
        ({"prompt": "{price:.2f}"}, "field 'price' has a format in the prompt"),
        ({"prompt": "{price!r}"}, "field 'price' has a format in the prompt"),
        ({"fields": {}}, "fields"),
        ({"fields": {"price": {"feature": "price"}}}, "either a format or codes"),
        ({"fields": {"price": {"feature": "price", "format": "%d"}}}, "fields.price.format"),
        ({"fields": {"price": {"feature": "price", "format": "d"}}}, "fields.price.format"),
        ({"fields": {"price": {"feature": "price", "formt": ".2f"}}}, "did you mean 'format'"),
        ({"fields": {"price": {"feature": "price", "format": ".2f", "scal": 2}}}, "did you mean 'scale'"),
        ({"fields": {"price": {"feature": "price", "codes": {"low": 2, "high": 1, "knee": 1, "count": 9}}}}, "below"),
        ({"fields": {"price": {"feature": "price", "codes": {"low": 0, "high": 1, "knee": 0, "count": 9}}}}, "knee"),
        ({"answer": ANSWER | {"side": {"BUY": " buy", "HOLD": " buy", "SELL": " sell"}}}, "three different words"),
        ({"answer": ANSWER | {"size": {"before": " ", "format": "d"}}}, "answer.size.format"),
        ({"sumary": "x"}, "did you mean 'summary'"),
    ],
)  # fmt: skip
def test_mistakes_are_one_line(changes, words):
    with pytest.raises(ConfigError) as caught:
        template(**changes)
    assert str(caught.value).startswith("test.toml: ")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_unknown_feature_offers_the_near_one(short_tape):
    wrong = template(fields={"price": {"feature": "volatilty", "format": ".2f"}})
    with pytest.raises(RookError, match="did you mean 'volatility'"):
        rendered(wrong, short_tape)


def test_an_unknown_template_offers_the_near_one():
    with pytest.raises(UnknownName, match="unknown prompt template 'sead'; did you mean 'seed'"):
        load_template("sead")
    with pytest.raises(RookError, match="nope.toml: no such file"):
        load_template("nope.toml")


scales = st.builds(
    lambda low, width, knee, count: Codes(low=low, high=low + width, knee=knee, count=count),
    st.floats(-1e4, 1e4),
    st.floats(1e-2, 1e4),
    st.floats(1e-3, 1e3),
    st.integers(2, 1000),
)
values = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=40)


@given(scales, values)
def test_codes_keep_order_and_range(codes, numbers):
    encoded = codes.encode(np.sort(np.array(numbers)))
    assert (np.diff(encoded) >= 0).all()
    assert (encoded >= 0).all()
    assert (encoded <= codes.count - 1).all()
    assert (encoded == np.round(encoded)).all()


@given(scales)
def test_ends_of_the_scale_are_its_ends(codes):
    beyond = np.array([-np.inf, codes.low - 1e9, codes.low, codes.high, codes.high + 1e9, np.inf])
    last = codes.count - 1
    assert codes.encode(beyond).tolist() == [0, 0, 0, last, last, last]


@given(scales)
def test_gaps_stay_gaps(codes):
    encoded = codes.encode(np.array([np.nan, codes.low]))
    assert np.isnan(encoded).tolist() == [True, False]


@pytest.mark.parametrize("name", ["deviation", "momentum"])
def test_shipped_codes_tell_a_few_bps_apart(name):
    """The rules' thresholds (10 and 5 bps) must lie between codes, not inside one."""
    codes = load_template("codes").fields[name].codes
    steps = codes.encode(np.array([-11.0, -9.0, -1.0, 1.0, 9.0, 11.0]))
    assert len(set(steps.tolist())) == 6
