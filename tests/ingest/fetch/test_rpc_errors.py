"""What real nodes say, and what we make of it."""

import pytest

from rook_bench.core import InputError
from rook_bench.ingest.fetch.ranges import Step
from rook_bench.ingest.fetch.rpc_errors import Complaint, Kind, complaint

TOO_MUCH = [
    (-32005, "query returned more than 10000 results", None, None),
    (-32005, "query returned more than 10000 results. Try with this block range [0x64, 0x6D].", 0x6D, None),
    (-32602, "range 1000000 exceeds limit of 10000", None, 10_000),
    (-32602, "range 25887126 - 25897126 exceeds limit of 10000", None, 10_000),
    (
        -32602,
        "Log response size exceeded. You can make eth_getLogs requests with up to a 2K block range and no limit on "
        "the response size, or you can request any block range with a cap of 10K logs in the response. Based on your "
        "parameters and the response size limit, this block range should work: [0x64, 0xc7]",
        0xC7,
        2000,
    ),
    (
        -32600,
        "Under the Free tier plan, you can make eth_getLogs requests with up to a 10 block range. Based on your "
        "parameters, this block range should work: [0x64, 0x6d]. Upgrade to PAYG for expanded block range.",
        0x6D,
        10,
    ),
    (-32614, "eth_getLogs is limited to a 10,000 range", None, 10_000),
    (-32000, "eth_getLogs is limited to 0 - 5 blocks range", None, 5),
    (-32602, "query exceeds max results 20000, retry with the range 100-199", 199, None),
    (-32602, "query exceeds max block range 100000", None, 100_000),
    (-32000, "block range is larger than max block range, block range = 5120, max block range = 5000", None, 5000),
    (-32000, "exceed maximum block range: 50000", None, 50_000),
    (-32000, "block range is too wide (maximum 1024)", None, 1024),
    (-32600, "block range is too wide", None, None),
    (-32012, "requested range too large", None, None),
    (-32020, "backend response too large", None, None),
    (-32000, "requested too many blocks from 0 to 5000000, maximum is set to 1024", None, 1024),
    (35, "ranges over 10000 blocks are not supported on freetier", None, 10_000),
    (-32000, "please limit the query to at most 1000 blocks", None, 1000),
    (-32005, "logs matched by query exceeds limit of 10000", None, None),
    (-32000, "query timeout exceeded", None, None),
    (-32008, "Response is too big", None, None),
]


@pytest.mark.parametrize(("code", "message", "last_block", "most_blocks"), TOO_MUCH)
def test_too_much_at_once(code, message, last_block, most_blocks):
    said = complaint({"code": code, "message": message})
    assert said.kind is Kind.TOO_MUCH
    assert said.last_block == last_block
    assert said.most_blocks == most_blocks


@pytest.mark.parametrize(
    ("code", "message", "kind"),
    [
        (-32005, "daily request count exceeded, request rate limited", Kind.TOO_OFTEN),
        (-32005, "project ID request rate exceeded", Kind.TOO_OFTEN),
        (
            429,
            "Your app has exceeded its compute units per second capacity. If you have retries enabled",
            Kind.TOO_OFTEN,
        ),
        (-32007, "50/second request limit reached - reduce calls per second", Kind.TOO_OFTEN),
        (429, "Monthly capacity limit exceeded.", Kind.TOO_OFTEN),
        (-32029, "Too Many Requests", Kind.TOO_OFTEN),
        (-32016, "over rate limit", Kind.TOO_OFTEN),
        (429, "please slow down", Kind.TOO_OFTEN),
        (-32005, "limit exceeded", Kind.LIMIT),
        (-32000, "request timed out", Kind.SLOW),
        (-32000, "context deadline exceeded", Kind.SLOW),
        (-32000, "header not found", Kind.PASSING),
        (-32000, "block range extends beyond current head block", Kind.PASSING),
        (-32603, "Internal error", Kind.PASSING),
        (4444, "pruned history unavailable", Kind.PRUNED),
        (-32000, "missing trie node 0xabc (path )", Kind.PRUNED),
        (-32000, "Archive requests require a personal token", Kind.PRUNED),
        (-32601, "the method eth_getLogs does not exist/is not available", Kind.ABSENT),
        (-32000, "Unauthorized: you must authenticate your request with an API key", Kind.ACCESS),
        (3, "execution reverted", Kind.REVERTED),
        (-32602, "invalid argument 0: hex string without 0x prefix", Kind.OTHER),
    ],
)
def test_other_refusals(code, message, kind):
    assert complaint({"code": code, "message": message}).kind is kind


def test_the_reason_may_lie_in_the_data():
    error = {
        "code": -32602,
        "message": "invalid params",
        "data": {"payload": "range 9009594 is bigger than range limit 2000"},
    }
    assert complaint(error).kind is Kind.TOO_MUCH
    assert complaint(error).most_blocks == 2000
    error = {
        "code": -32005,
        "message": "query returned more than 10000 results",
        "data": {"from": "0x64", "to": "0x96"},
    }
    assert complaint(error).last_block == 0x96


def test_the_node_may_say_how_long_to_wait():
    error = {"code": -32005, "message": "project ID request rate exceeded", "data": {"backoff_seconds": 30.0}}
    assert complaint(error).wait_s == 30.0


@pytest.mark.parametrize("error", [None, "Too Many Requests", [], {"code": "x"}, {"message": None, "data": object()}])
def test_any_shape_of_error_is_read(error):
    assert isinstance(complaint(error), Complaint)


class TestStep:
    def test_grows_while_answers_are_small_and_quick(self):
        step = Step(100)
        step.answered(100, 10, 0.1)
        assert step.blocks == 200
        step.answered(200, 10, 60.0)
        step.answered(200, 5000, 0.1)
        assert step.blocks == 200
        step.answered(150, 10, 0.1)  # the last, shorter request of a gap says nothing
        assert step.blocks == 200

    def test_halves_without_advice(self):
        step = Step(100)
        step.refused(0, 100, Complaint(Kind.TOO_MUCH, "too many results"))
        assert step.blocks == 50

    def test_does_not_run_into_the_same_refusal_at_once(self):
        step = Step(100)
        step.refused(0, 100, Complaint(Kind.TOO_MUCH, "too many results"))
        sizes = []
        for _ in range(20):
            step.answered(step.blocks, 10, 0.1)
            sizes.append(step.blocks)
        assert sizes[0] == 50
        assert sizes[-1] > 100

    def test_never_exceeds_what_the_node_states(self):
        step = Step(2000)
        step.refused(0, 2000, Complaint(Kind.TOO_MUCH, "limited", most_blocks=500))
        assert step.blocks == 500
        for _ in range(40):
            step.answered(step.blocks, 0, 0.0)
        assert step.blocks == 500

    def test_takes_the_suggested_end(self):
        step = Step(2000)
        step.refused(1000, 2000, Complaint(Kind.TOO_MUCH, "", last_block=1299))
        assert step.last_block(1000, 10_000) == 1299

    @pytest.mark.parametrize("last_block", [0, 999, 5000])
    def test_advice_that_does_not_help_is_ignored(self, last_block):
        step = Step(2000)
        step.refused(1000, 2000, Complaint(Kind.TOO_MUCH, "", last_block=last_block, most_blocks=10_000))
        assert step.blocks == 1000

    def test_a_single_block_is_the_end(self):
        with pytest.raises(InputError, match="even the single block 77"):
            Step(1).refused(77, 1, Complaint(Kind.TOO_MUCH, "too many results"))
