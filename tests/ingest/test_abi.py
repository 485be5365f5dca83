"""Undecoded events: topics are the hashes of their signatures, and words mean what the contracts say."""

import pytest

from rook_bench.ingest.abi import SIGNATURES, TOPICS, WORDS, UndecodableLog, decode_log, topics_of

POOL = "0x" + "Ab" * 20
BY_NAME = {name: topic for topic, name in TOPICS.items()}


def word(value):
    return (value % 2**256).to_bytes(32, "big").hex()


def log(name, words, topics=()):
    return decode_log(
        POOL, [BY_NAME[name], *("0x" + word(topic) for topic in topics)], "0x" + "".join(map(word, words))
    )


def test_topics_are_the_hashes_of_the_signatures():
    keccak = pytest.importorskip("eth_utils", reason="the chain extra is not installed").keccak
    assert set(BY_NAME) == set(SIGNATURES) == set(WORDS)
    for name, signature in SIGNATURES.items():
        assert BY_NAME[name] == "0x" + keccak(text=signature).hex()


def test_swaps_keep_v3_signs_and_v4_is_turned_round():
    v3 = log("Swap", [-5, 7, 2**96, 10**20, -3], [1, 2])
    assert (v3["amount0"], v3["amount1"], v3["tick"], v3["pool"]) == (-5, 7, -3, POOL.lower())
    v4 = log("Swap4", [5, -7, 2**96, 10**20, -3, 450], [0xFE << 248, 2])
    assert (v4["amount0"], v4["amount1"], v4["fee_pips"]) == (-5, 7, 450)
    assert v4["pool"] == "0xfe" + "00" * 31
    longer = log("SwapP", [-5, 7, 2**96, 10**20, -3, 1, 2], [1, 2])
    assert longer == v3


def test_liquidity_goes_both_ways():
    mint = log("Mint", [9, 10**18, 4, 6], [1, -120, 60])
    assert (mint["liquidity_delta"], mint["tick_lower"], mint["tick_upper"], mint["amount1"]) == (10**18, -120, 60, 6)
    burn = log("Burn", [10**18, 4, 6], [1, -120, 60])
    assert (burn["event"], burn["liquidity_delta"], burn["amount0"]) == ("burn", -(10**18), -4)
    for delta, event in ((5, "mint"), (-5, "burn"), (0, "mint")):
        changed = log("ModifyLiquidity4", [-120, 60, delta, 0], [1, 2])
        assert (changed["event"], changed["liquidity_delta"]) == (event, delta)


def test_protocol_fees_are_packed_as_slot0_packs_them():
    assert log("SetFeeProtocol", [0, 0, 5, 7])["fee_pips"] == 5 + (7 << 4)


def test_other_events_are_passed_over():
    assert decode_log(POOL, ["0x" + "00" * 32], "0x") is None
    assert decode_log(POOL, [], "0x") is None


@pytest.mark.parametrize("name", WORDS)
def test_events_that_are_cut_off_are_told(name):
    with pytest.raises(UndecodableLog, match="words"):
        log(name, [1] * (WORDS[name] - 1), [1, 2, 3])
    with pytest.raises(UndecodableLog, match="whole words"):
        decode_log(POOL, [BY_NAME[name]], "0x" + "00" * 31)
    with pytest.raises(UndecodableLog, match="hexadecimal"):
        decode_log(POOL, [BY_NAME[name]], "0xzz")


def test_missing_topics_are_told():
    with pytest.raises(UndecodableLog, match="lacks topics"):
        log("Mint", [9, 1, 4, 6], [1])


def test_each_protocol_has_its_own_topics():
    assert not set(topics_of("v3")) & set(topics_of("v4"))
    assert set(topics_of("v3")) | set(topics_of("v4")) == set(TOPICS)
