"""Pulling a log: every log once, whatever the node does."""

import pytest
from fake_node import GENESIS, MANAGER, POOL, POOL_ID, Refused

from rook_bench.core import InputError
from rook_bench.ingest.fetch import Job, PoolKey, Spool, pull
from rook_bench.ingest.fetch.job import last_block
from rook_bench.market.events import integers


def places(table):
    return list(zip(table["block"].to_pylist(), table["log_index"].to_pylist(), strict=True))


def test_every_event_is_there_once_in_order(fake, pull_all):
    done, _, table = pull_all(fake)
    assert places(table) == fake.places()
    assert done.logs == len(fake.logs)
    assert done.blocks == 601
    assert done.reorganised == 0
    counts = table["event"].value_counts().to_pylist()
    assert {entry["values"]: entry["counts"] for entry in counts} == fake.counts()


def test_values_are_exact(fake, pull_all):
    _, _, table = pull_all(fake)
    assert set(table["pool"].to_pylist()) == {POOL}
    swap = next(log for log in fake.logs if len(log["topics"]) == 3)
    row = places(table).index((swap["block"], int(swap["logIndex"], 16)))
    words = bytes.fromhex(swap["data"][2:])
    for place, name in enumerate(("amount0", "amount1", "sqrt_price_x96", "liquidity")):
        expected = int.from_bytes(words[32 * place : 32 * place + 32], "big", signed=True)
        assert integers(table[name])[row] == expected
    assert table["tx_hash"][row].as_py().hex() == swap["transactionHash"][2:]
    assert table["at"][row].value == (GENESIS + 12 * swap["block"]) * 10**9


def test_times_come_from_headers_where_logs_have_none(fake, pull_all):
    _, _, with_times = pull_all(fake)
    fake.timestamps_in_logs = False
    fake.batches = False
    _, spool, _ = pull_all(fake)
    spool.remove()
    _, _, without = pull_all(fake)
    assert without.equals(with_times)


def test_gas_prices_of_swaps(fake, pull_all):
    _, _, table = pull_all(fake, last=100, gas_prices=True)
    for row in table.to_pylist():
        expected = int(row["tx_hash"].hex()[:6], 16) if row["event"] == "swap" else None
        assert row["gas_price"] == expected


def test_a_range_without_logs(fake, pull_all):
    done, _, table = pull_all(fake, first=0, last=9)
    assert done.logs == 0
    assert table.num_rows == 0


@pytest.mark.parametrize("limit", [{"most_blocks": 7}, {"most_logs": 12}, {"most_blocks": 1}])
def test_ranges_shrink_under_limits(fake, pull_all, limit):
    for name, value in limit.items():
        setattr(fake, name, value)
    _, _, table = pull_all(fake, last=150)
    assert places(table) == fake.places(last=150)


def test_the_suggested_range_is_taken(fake, pull_all):
    fake.most_blocks = 37
    fake.refusal = lambda first, last: Refused(-32602, f"this block range should work: [{first:#x}, {first + 36:#x}]")
    _, _, table = pull_all(fake, last=400)
    assert places(table) == fake.places(last=400)
    ranges = [params[0] for method, params in fake.asked if method == "eth_getLogs"]
    assert sum(int(each["toBlock"], 16) - int(each["fromBlock"], 16) + 1 == 37 for each in ranges) >= 8


def test_a_stated_limit_is_run_into_once(fake, pull_all):
    fake.most_blocks = 50
    fake.refusal = lambda first, last: Refused(-32614, "eth_getLogs is limited to a 50 range")
    pull_all(fake)
    ranges = [params[0] for method, params in fake.asked if method == "eth_getLogs"]
    assert sum(int(each["toBlock"], 16) - int(each["fromBlock"], 16) + 1 > 50 for each in ranges) == 1


def test_small_answers_make_ranges_grow(fake, pull_all):
    pull_all(fake, first_step=1)
    ranges = [params[0] for method, params in fake.asked if method == "eth_getLogs"]
    assert len(ranges) <= 11


def test_a_single_block_that_fails_is_one_line(fake, pull_all):
    fake.most_logs = 2
    with pytest.raises(InputError, match=r"even the single block \d+ \(query returned more than"):
        pull_all(fake)


@pytest.mark.parametrize(
    "fault",
    [("cut",), ("half",), ("http", 429, {"Retry-After": "0"}, ""), ("http", 503, {}, ""), ("json", "<html>")],
    ids=str,
)
def test_a_flaky_node_loses_nothing(fake, pull_all, fault):
    fake.timestamps_in_logs = False
    fake.fault_every = (3, fault)
    _, _, table = pull_all(fake)
    assert places(table) == fake.places()


def test_a_large_answer_that_is_always_cut_is_asked_for_in_parts(fake, pull_all):
    def too_long(logs):
        if len(logs) > 20:
            raise OSError("cut")  # the thread of the server dies, the connection with it
        return logs

    fake.spoil = too_long
    fake._server.handle_error = lambda *arguments: None
    _, _, table = pull_all(fake)
    assert places(table) == fake.places()


def test_repeated_and_shuffled_logs_are_put_right(fake, pull_all):
    fake.spoil = lambda logs: (logs + logs[:5])[::-1]
    _, _, table = pull_all(fake)
    assert places(table) == fake.places()


def test_logs_that_were_not_asked_for_are_refused(fake, pull_all):
    fake.spoil = lambda logs: [log | {"address": MANAGER} for log in logs]
    with pytest.raises(InputError, match="were not asked for"):
        pull_all(fake)


def test_a_cut_off_log_is_refused_with_its_place(fake, pull_all):
    fake.spoil = lambda logs: [log | {"data": log["data"][:-64]} for log in logs]
    with pytest.raises(InputError, match=r"block 10, log 0.*can't be decoded"):
        pull_all(fake)


def test_logs_without_a_place_are_refused(fake, pull_all):
    fake.spoil = lambda logs: [{name: value for name, value in log.items() if name != "logIndex"} for log in logs]
    with pytest.raises(InputError, match="lacks its block, place or transaction"):
        pull_all(fake)


def test_quantities_written_as_numbers(fake, pull_all):
    def plain(logs):
        return [
            log | {name: int(log[name], 16) for name in ("blockNumber", "logIndex", "blockTimestamp")} for log in logs
        ]

    fake.spoil = plain
    _, _, table = pull_all(fake)
    assert places(table) == fake.places()


def test_an_impossible_value_is_one_line(fake, pull_all):
    fake.spoil = lambda logs: [log | {"data": "0x" + "7f" * ((len(log["data"]) - 2) // 2)} for log in logs]
    with pytest.raises(InputError, match="impossible value"):
        pull_all(fake)


def test_a_full_disk_is_one_line(fake, pull_all, monkeypatch):
    def full(*arguments, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("rook_bench.ingest.fetch.spool.pq.write_table", full)
    with pytest.raises(InputError, match="No space left on device"):
        pull_all(fake)


class TestReorg:
    def test_chunks_of_a_dead_branch_are_fetched_again(self, fake, ask, tmp_path):
        spool = Spool(tmp_path / "tape.parquet", {})
        job = Job(PoolKey(POOL), 0, 600, first_step=64)
        pull(ask(fake), job, spool)
        fake.reorganise(580)
        done = pull(ask(fake), job, spool)
        assert done.reorganised >= 1
        assert done.blocks < 601
        assert [place for table in spool.tables() for place in places(table)] == fake.places()

    def test_a_deep_reorg_is_followed_to_its_root(self, fake, ask, tmp_path):
        spool = Spool(tmp_path / "tape.parquet", {})
        job = Job(PoolKey(POOL), 0, 600, first_step=1)
        pull(ask(fake), job, spool)
        before = {chunk[:2] for chunk in spool.chunks()}
        fake.reorganise(100)
        assert pull(ask(fake), job, spool).reorganised == sum(last >= 100 for _, last in before)
        assert [place for table in spool.tables() for place in places(table)] == fake.places()

    def test_in_the_middle_of_the_pull(self, fake, pull_all):
        seen = []

        def reorganise(method, params):
            if method == "eth_getLogs" and int(params[0]["toBlock"], 16) > 300 and not seen:
                seen.append(True)
                fake.reorganise(150)

        fake.before = reorganise
        done, _, table = pull_all(fake, first_step=16)
        assert done.reorganised
        assert places(table) == fake.places()

    def test_between_logs_and_headers(self, fake, pull_all):
        fake.timestamps_in_logs = False
        seen = []

        def reorganise(method, params):
            if method == "eth_getBlockByNumber" and int(params[0], 16) == 20 and not seen:
                seen.append(True)
                fake.reorganise(15)

        fake.before = reorganise
        _, _, table = pull_all(fake)
        assert places(table) == fake.places()

    def test_removed_logs_are_not_taken(self, fake, pull_all):
        answers = []

        def removed(logs):
            answers.append(logs)
            return [log | {"removed": True} for log in logs] if len(answers) == 1 else logs

        fake.spoil = removed
        _, _, table = pull_all(fake)
        assert places(table) == fake.places()

    def test_a_chain_that_never_settles_is_one_line(self, fake, pull_all):
        fake.timestamps_in_logs = False
        fake.before = lambda method, params: fake.reorganise(590) if method == "eth_getBlockByNumber" else None
        with pytest.raises(InputError, match="use a larger --reorg-depth"):
            pull_all(fake)

    def test_how_near_to_the_head(self, fake, ask):
        node = ask(fake)
        assert last_block(node, None, 64) == 536
        assert last_block(node, 536, 64) == 536
        assert last_block(node, 600, 0) == 600
        with pytest.raises(InputError, match="within 64 blocks of the chain's last, 600"):
            last_block(node, 537, 64)
        with pytest.raises(InputError, match="the chain's last block is 600"):
            last_block(node, 601, 0)


class TestSpool:
    def test_a_second_pull_fetches_nothing(self, fake, ask, pull_all):
        _, spool, table = pull_all(fake)
        asked = len([method for method, _ in fake.asked if method == "eth_getLogs"])
        done = pull(ask(fake), Job(PoolKey(POOL), 0, 600), spool)
        assert done.blocks == done.logs == 0
        assert len([method for method, _ in fake.asked if method == "eth_getLogs"]) == asked

    @pytest.mark.parametrize("damage", ["cut", "garbage", "missing"])
    def test_a_damaged_chunk_is_fetched_again(self, fake, ask, tmp_path, damage):
        spool = Spool(tmp_path / "tape.parquet", {})
        job = Job(PoolKey(POOL), 0, 600, first_step=16)
        pull(ask(fake), job, spool)
        victim = sorted(spool.folder.glob("*.parquet"))[2]
        if damage == "missing":
            victim.unlink()
        else:
            victim.write_bytes(victim.read_bytes()[:100] if damage == "cut" else b"garbage")
        assert 0 < pull(ask(fake), job, spool).blocks < 601
        assert [place for table in spool.tables() for place in places(table)] == fake.places()

    def test_overlapping_chunks_are_read_once(self, fake, ask, tmp_path):
        spool = Spool(tmp_path / "tape.parquet", {})
        pull(ask(fake), Job(PoolKey(POOL), 0, 300), spool)
        other = Spool(tmp_path / "other.parquet", {})
        pull(ask(fake), Job(PoolKey(POOL), 200, 400), other)
        for path in other.folder.glob("*.parquet"):
            path.rename(spool.folder / path.name)
        pull(ask(fake), Job(PoolKey(POOL), 0, 400), spool)
        assert [place for table in spool.tables() for place in places(table)] == fake.places(last=400)

    def test_other_arguments_are_refused_by_name(self, tmp_path):
        Spool(tmp_path / "tape.parquet", {"pool": POOL, "from-block": 5}).keep(last_block=9)
        again = Spool(tmp_path / "tape.parquet", {"pool": POOL, "from-block": 5})
        assert again.resumed
        assert again.fact("last_block") == 9
        with pytest.raises(InputError, match=r"from-block 5, not 6; use the same arguments, another --out, or delete"):
            Spool(tmp_path / "tape.parquet", {"pool": POOL, "from-block": 6})

    def test_a_damaged_record_is_one_line(self, tmp_path):
        spool = Spool(tmp_path / "tape.parquet", {})
        spool.keep()
        (spool.folder / "fetch.json").write_text("{")
        with pytest.raises(InputError, match="the record of the interrupted fetch can't be read"):
            Spool(tmp_path / "tape.parquet", {})

    def test_half_a_chunk_of_a_killed_call_goes(self, tmp_path):
        spool = Spool(tmp_path / "tape.parquet", {})
        spool.keep()
        (spool.folder / ".000000000000-000000000009.parquet.x7f").write_bytes(b"half")
        Spool(tmp_path / "tape.parquet", {})
        assert [path.name for path in spool.folder.iterdir()] == ["fetch.json"]


def test_v4_by_manager_and_id(fake_v4, pull_all):
    other = fake_v4.logs[-1] | {
        "topics": [fake_v4.logs[-1]["topics"][0], "0x" + "77" * 32, fake_v4.logs[-1]["topics"][2]]
    }
    fake_v4.logs.append(other)
    _, _, table = pull_all(fake_v4, key=PoolKey(MANAGER, POOL_ID))
    assert set(table["pool"].to_pylist()) == {POOL_ID}
    assert table.num_rows == len(fake_v4.logs) - 1
    assert table["event"][0].as_py() == "initialize"
    swaps = table.filter([event == "swap" for event in table["event"].to_pylist()])
    assert set(swaps["fee_pips"].to_pylist()) == {500}
    for row in swaps.slice(0, 20).to_pylist():  # the pool's signs: one token in, the other out
        assert row["amount0"] * row["amount1"] < 0
