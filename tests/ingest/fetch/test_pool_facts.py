"""What the node tells about a pool."""

import pytest
from fake_node import MANAGER, POOL, POOL_ID, TOKEN0, TOKEN1, Refused

from rook_bench.core import InputError
from rook_bench.ingest.abi import INITIALIZE_V4
from rook_bench.ingest.fetch import PoolKey, check_contract, read_pool
from rook_bench.ingest.fetch.pool_facts import _SELECTORS, DYNAMIC_FEE
from rook_bench.ingest.pool_metadata import pool_of
from rook_bench.market.pool import base_is_token0

V4 = PoolKey(MANAGER, POOL_ID)


def test_v3(fake, ask):
    facts = read_pool(ask(fake), PoolKey(POOL), 1, 0, 600)
    pool = facts.pool
    assert (pool.chain, pool.address, pool.protocol) == ("ethereum", POOL, "v3")
    assert (pool.fee_pips, pool.tick_spacing, pool.block_time_s) == (500, 10, 12.0)
    assert (pool.base.symbol, pool.quote.symbol) == ("WETH", "USDC")
    assert (pool.token0.decimals, pool.token1.decimals) == (6, 18)
    assert not facts.dynamic_fee


def test_v4(fake_v4, ask):
    pool = read_pool(ask(fake_v4), V4, 8453, 0, 600).pool
    assert (pool.chain, pool.address, pool.protocol) == ("base", POOL_ID, "v4")
    assert (pool.fee_pips, pool.tick_spacing) == (500, 10)
    assert pool.token0.symbol == "USDC"


def test_v4_native_coin_and_dynamic_fee(fake_v4, ask):
    birth = fake_v4.logs[0]
    birth["topics"][2] = "0x" + "00" * 32
    birth["data"] = f"0x{DYNAMIC_FEE:064x}" + birth["data"][66:]
    facts = read_pool(ask(fake_v4), V4, 1, 0, 600)
    assert facts.dynamic_fee
    assert (facts.pool.token0.symbol, facts.pool.token0.decimals) == ("ETH", 18)
    assert read_pool(ask(fake_v4), V4, 137, 0, 600).pool.token0.symbol == "POL"


@pytest.mark.parametrize("first", [0, 300])
def test_v4_birth_is_searched_where_ranges_are_limited(fake_v4, ask, first):
    fake_v4.most_blocks = 50
    fake_v4.refusal = lambda first, last: Refused(-32614, "eth_getLogs is limited to a 50 range")
    assert read_pool(ask(fake_v4), V4, 1, first, 600).pool.tick_spacing == 10


def test_v4_birth_out_of_reach_asks_for_a_file(fake_v4, ask, monkeypatch):
    monkeypatch.setattr("rook_bench.ingest.fetch.pool_facts._SEARCH_REQUESTS", 3)
    fake_v4.most_blocks = 5
    with pytest.raises(InputError, match=r"not within 3 requests before block 500.*--pool-file"):
        read_pool(ask(fake_v4), V4, 1, 500, 600)


def test_v4_unknown_id(fake_v4, ask):
    with pytest.raises(InputError, match="knows no pool"):
        read_pool(ask(fake_v4), PoolKey(MANAGER, "0x" + "99" * 32), 1, 0, 600)


def test_symbols_of_old_tokens_and_of_none(fake, ask):
    fake.symbols[TOKEN0] = b"MKR"
    assert read_pool(ask(fake), PoolKey(POOL), 1, 0, 600).pool.token0.symbol == "MKR"
    for symbol in ("", b"", b"\xff\xfe", "two\nlines"):
        fake.symbols[TOKEN0] = symbol
        remarks = []
        pool = read_pool(ask(fake), PoolKey(POOL), 1, 0, 600, remarks.append).pool
        assert pool.token0.symbol == TOKEN0[:8]
        assert "has no symbol" in remarks[0]


def test_twins_are_told_apart(fake, ask):
    fake.symbols[TOKEN1], fake.decimals[TOKEN1] = "USDC", 6
    remarks = []
    pool = read_pool(ask(fake), PoolKey(POOL), 1, 0, 600, remarks.append).pool
    assert pool.pair == "USDC-0x010101/USDC-0x020202"
    assert "both tokens call themselves USDC" in remarks[0]


def test_a_token_without_decimals(fake, ask):
    del fake.decimals[TOKEN1]
    with pytest.raises(InputError, match=r"does not answer decimals\(\)"):
        read_pool(ask(fake), PoolKey(POOL), 1, 0, 600)


def test_not_a_pool(fake, ask):
    fake.code[TOKEN0] = "0x60"
    with pytest.raises(InputError, match=r"not a Uniswap v3 pool: it does not answer token0\(\)"):
        read_pool(ask(fake), PoolKey(TOKEN0), 1, 0, 600)


def test_no_contract_names_the_chain(fake, ask):
    with pytest.raises(InputError, match=r"no contract at 0x0101.* on base \(chain 8453\).*right chain"):
        check_contract(ask(fake), PoolKey(TOKEN0), 8453)


@pytest.mark.parametrize(
    ("symbol0", "symbol1", "expected"),
    [
        ("USDC", "WETH", False),
        ("WETH", "USDT", True),
        ("ETH", "USDC", True),
        ("DAI", "USDC", True),
        ("USDC", "USDT", False),
        ("WETH", "CRV", False),
        ("GHO", "WETH", False),
        ("ETH", "UNI", False),
        ("PEPE", "LINK", True),
        ("WBTC", "WETH", True),
        ("UNI", "WETH", True),
        ("DAI", "WETH", False),
        ("usdbc", "cbBTC", False),
    ],
)
def test_base(symbol0, symbol1, expected):
    assert base_is_token0(symbol0, symbol1) is expected


def test_selectors_and_topic_are_hashes_of_signatures():
    from web3 import Web3

    for name, selector in _SELECTORS.items():
        assert Web3.to_hex(Web3.keccak(text=f"{name}()"))[:10] == selector
    signature = "Initialize(bytes32,address,address,uint24,int24,address,uint160,int24)"
    assert Web3.to_hex(Web3.keccak(text=signature)) == INITIALIZE_V4


@pytest.mark.parametrize(
    "symbols", [("WETH", "CRV"), ("USDC", "USDT"), ("ETH", "UNI"), ("WETH", "WBTC"), ("GHO", "WETH")]
)
def test_a_fetched_pool_and_an_imported_one_have_the_same_base_and_quote(fake, ask, symbols):
    fake.symbols[TOKEN0], fake.symbols[TOKEN1] = symbols
    fetched = read_pool(ask(fake), PoolKey(POOL), 1, 0, 600).pool
    imported = pool_of(POOL, fetched.token0, fetched.token1, 500)
    assert (fetched.pair, fetched.base_is_token0) == (imported.pair, imported.base_is_token0)
