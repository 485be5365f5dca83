"""Presets of chains: what each says, what a configuration may say over it, and what a run keeps."""

import itertools
import json

import pytest

from rook_bench.core import ConfigError
from rook_bench.execution.chain_presets import CHAINS, preset
from rook_bench.execution.frictions import Frictions, Gas, Latency

NAMES = [chain.name for chain in CHAINS]


def parse(**values):
    return Frictions.parse(values, where="bench.toml")


def test_names_are_found_and_near_ones_suggested():
    assert [preset(name).name for name in NAMES] == NAMES
    assert len(set(NAMES)) == len(NAMES)
    for near, name in (("etherum", "ethereum"), ("bse", "base"), ("arbitrun", "arbitrum"), ("optimsm", "optimism")):
        with pytest.raises(ConfigError, match=f"unknown chain '{near}'.*did you mean '{name}'"):
            preset(near)


@pytest.mark.parametrize("name", NAMES)
def test_a_preset_alone_sets_what_it_knows_and_nothing_else(name):
    chain, frictions = preset(name), parse(chain=name)
    latency = frictions.latency.model_dump(exclude_none=True)
    assert latency == chain.latency
    assert (frictions.block_time_s, frictions.ordering) == (chain.block_time_s, chain.ordering)
    assert frictions.gas == Gas(**chain.gas)
    plain = Frictions()
    assert (frictions.fee_pips, frictions.on_slippage, frictions.mev) == (
        plain.fee_pips,
        plain.on_slippage,
        plain.mev,
    )
    assert chain.mempool
    assert all(isinstance(source, str) and len(source) > 10 for source in chain.sources)


GIVEN = {
    "block_time_s": [{}, {"block_time_s": 3.0}],
    "latency": [{}, {"latency": {"blocks": 3}}, {"latency": {"seconds": 1.5}}, {"latency": {"swaps": 2}}],
    "gas": [{}, {"gas": {"gwei": 7.0}}, {"gas": {"l1_fee_quote": 0.5}}, {"gas": {"flat_quote": 0.1}}],
    "mev": [{}, {"mev": "worst"}],
}


@pytest.mark.parametrize("name", NAMES)
def test_what_is_given_wins_key_by_key_and_a_run_keeps_all_of_it(name):
    chain = preset(name)
    for parts in itertools.product(*GIVEN.values()):
        given = {key: value for part in parts for key, value in part.items()}
        frictions = parse(chain=name, **given)
        assert frictions.block_time_s == given.get("block_time_s", chain.block_time_s)
        assert frictions.latency == Latency(**given.get("latency", chain.latency))
        assert frictions.gas == Gas(**{**chain.gas, **given.get("gas", {})})
        in_blocks = frictions.latency.blocks is not None
        assert frictions.ordering == (chain.ordering if in_blocks else "arrival")
        recorded = json.loads(json.dumps(frictions.model_dump()))
        assert Frictions.parse(recorded, where="run.json") == frictions


def test_objects_win_like_tables_do():
    frictions = Frictions(chain="base", latency=Latency(seconds=0.4), gas=Gas(gwei=9.0))
    assert (frictions.latency.seconds, frictions.gas.gwei, frictions.ordering) == (0.4, 9.0, "arrival")
    assert Frictions(chain="base", latency=Latency(blocks=2)).ordering == "priority"


def test_an_ordering_that_is_given_is_never_changed():
    assert parse(chain="base", ordering="arrival").ordering == "arrival"
    assert parse(chain="ethereum", ordering="arrival", latency={"blocks": 2}).ordering == "arrival"
    with pytest.raises(ConfigError, match="ordering 'priority' needs latency in blocks"):
        parse(chain="arbitrum", ordering="priority")


def test_a_preset_does_not_change_what_it_was_given():
    given = {"chain": "base", "gas": {"l1_fee_quote": 0.01}, "latency": {"seconds": 0.4}}
    before = json.dumps(given)
    parse(**given)
    assert json.dumps(given) == before
    assert preset("base").gas == {"gwei": 0.005}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"chain": "bse"}, "did you mean 'base'"),
        ({"chain": "base", "gas": {"gwie": 1}}, "did you mean 'gwei'"),
        ({"chain": "base", "latency": {"blocks": 1, "seconds": 2.0}}, "latency is given in blocks and seconds"),
        ({"chain": "base", "block_time_s": 0}, "block_time_s"),
        ({"chain": "base", "mev": "typcal"}, "'none', 'typical' or 'worst'"),
        ({"chain": 7}, "chain"),
        ({"chain": "base", "latency": 3}, "latency"),
        ({"chain": "base", "gas": 3}, "gas"),
    ],
)
def test_mistakes_beside_a_preset_are_one_line(values, message):
    with pytest.raises(ConfigError, match=message) as problem:
        parse(**values)
    assert "\n" not in str(problem.value)
