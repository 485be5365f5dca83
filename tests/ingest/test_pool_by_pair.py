"""A pool of a log or tape of several, named by its pair."""

import pytest

from rook_bench.core import InputError, RookError
from rook_bench.ingest.importing import pool_choice, read_input
from rook_bench.ingest.pair import address_of

ETHER = "0x8ad599c3a0ff1de082011efddc58f1908eb6e6d8"
UNI = "0x1d42064fc4beb5f8aaf85f4617ae8b3b5b8bd801"

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def folder_of_pools(genesis_folder, tmp_path_factory):
    from rook_bench.ingest.importing import import_logs

    out = tmp_path_factory.mktemp("pools") / "tape"
    import_logs([genesis_folder], out, None, allow_rounded=False, gas_prices=None)
    return out


@pytest.mark.parametrize(
    ("pair", "address"),
    [
        ("WETH/USDC/0.3%", ETHER),
        ("USDC/WETH/0.30%", ETHER),
        ("eth/usdc/0.3%", ETHER),
        ("UNI/ETH/0.3%", UNI),
        ("USDT/USDC", "0x7858e59e0c01ea06df3af3d20ac7b0003275d4bf"),
    ],
)
def test_a_pair_names_its_pool(genesis_folder, folder_of_pools, pair, address):
    assert address_of(pair, [genesis_folder]) == address
    assert address_of(pair, [folder_of_pools]) == address
    assert read_input(folder_of_pools, pair).pool.address == address


@pytest.mark.parametrize(
    ("pair", "message"),
    [
        ("WETH/USDC", r"2 pools in it trade WETH/USDC: 0x8ad5.* \(0\.3%, 107 swaps\).*or its fee \(WETH/USDC/0\.3%\)"),
        ("WETH/USDC/5%", r"no pool in it trades WETH/USDC/5%"),
        ("WETH/USDC/0.0.5%", r"no pool in it trades"),
        ("WETH/USDX", r"did you mean 'WETH/USD[CT]'\?"),
    ],
)
def test_what_names_no_pool_or_several_is_refused(folder_of_pools, pair, message):
    with pytest.raises(InputError, match=message):
        pool_choice(pair, [folder_of_pools])


def test_a_file_is_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RookError, match=r"pools/mine\.toml: no such file"):
        pool_choice("pools/mine.toml", [tmp_path])
    (tmp_path / "pools").mkdir()
    (tmp_path / "pools" / "mine").write_text("")
    with pytest.raises(RookError, match="pools/mine"):
        pool_choice("pools/mine", [tmp_path])
