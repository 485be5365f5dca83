"""Asking a node that limits, cuts, babbles or is not there."""

import socket
import time

import pytest
from fake_node import POOL, Refused

from rook_bench.core import InputError
from rook_bench.ingest.fetch.address import Address
from rook_bench.ingest.fetch.rpc_errors import Complaint, Kind

HTML = ("http", 200, {"Content-Type": "text/html"}, "<html>hello</html>")


def busy(headers=None, body=""):
    return ("http", 429, headers or {}, body)


@pytest.mark.parametrize(
    "fault",
    [
        busy(),
        busy({"Retry-After": "0"}),
        busy({"Retry-After": "Mon, 01 Jan 2024 00:00:00 GMT"}),
        busy({"Retry-After": "soon"}),
        busy(body='{"error": {"code": 429, "message": "compute units per second"}}'),
        ("http", 502, {}, "bad gateway"),
        ("http", 503, {}, ""),
        ("cut",),
        ("half",),
        Refused(-32005, "request rate limited"),
        Refused(-32000, "request timed out"),
        Refused(-32603, "internal error"),
    ],
    ids=str,
)
def test_passing_faults_are_waited_out(fake, ask, fault):
    node = ask(fake)
    assert node.chain_id() == 1
    fake.faults = [fault] * 3
    assert node.head() == 600
    assert fake.faults == []


def test_garbage_after_a_good_answer_is_waited_out(fake, ask):
    node = ask(fake)
    node.chain_id()
    fake.faults = [HTML, ("json", "[1, 2]"), ("json", '{"jsonrpc": "2.0", "id": 1}')]
    assert node.head() == 600


def test_patience_is_bounded(fake, ask):
    node = ask(fake)
    fake.faults = [busy()] * 99
    with pytest.raises(InputError, match=r"no answer in 4 tries \(HTTP 429\); run the same command again"):
        node.head()
    assert len(fake.faults) == 95


def test_retry_after_is_obeyed(fake, ask):
    fake.faults = [busy({"Retry-After": "1"})]
    began = time.monotonic()
    assert ask(fake).head() == 600
    assert time.monotonic() - began >= 1.0


def test_a_wait_of_an_hour_is_left_to_the_user(fake, ask):
    fake.faults = [busy({"Retry-After": "3600"})]
    with pytest.raises(InputError, match="asks to wait 3600 s"):
        ask(fake).head()


def test_waits_double_with_jitter(fake, ask, monkeypatch):
    waits = []
    monkeypatch.setattr(time, "sleep", waits.append)
    fake.faults = [busy()] * 5
    ask(fake, first_wait_s=1.0, tries=8).head()
    waits = [wait for wait in waits if wait > 0.2]  # the server's own sleeps are shorter
    assert len(waits) == 5
    for attempt, wait in enumerate(waits):
        assert 0.5 * 2**attempt <= wait < 1.5 * 2**attempt


def test_nothing_listens(ask, fake):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        fake.url = f"http://127.0.0.1:{free.getsockname()[1]}/secretkey123"
    with pytest.raises(InputError, match="no connection") as caught:
        ask(fake).chain_id()
    assert "secretkey" not in str(caught.value)


@pytest.mark.parametrize(
    "fault", [HTML, ("http", 404, {}, "not found"), ("http", 405, {}, ""), ("json", "[]"), ("json", '"x"')], ids=str
)
def test_not_an_endpoint(fake, ask, fault):
    fake.faults = [fault]
    with pytest.raises(InputError, match="not a JSON-RPC endpoint"):
        ask(fake).chain_id()


@pytest.mark.parametrize("fault", [("http", 401, {}, ""), ("http", 403, {}, '{"error": "invalid API key"}')], ids=str)
def test_no_access(fake, ask, fault):
    fake.faults = [fault]
    with pytest.raises(InputError, match="wants a key"):
        ask(fake).chain_id()


def test_the_key_is_never_shown(fake, ask):
    secret = "0123456789secretkey"
    fake.faults = [Refused(-32000, f"bad request to {fake.url} by {secret}", {"url": fake.url})]
    with pytest.raises(InputError) as caught:
        ask(fake).head()
    assert secret not in str(caught.value)
    assert "/v3" not in str(caught.value)
    assert "127.0.0.1" in str(caught.value)


def test_addresses():
    assert (
        str(Address("https://user:password1@node.example:8545/v2/abcdefgh?key=ijklmnop")) == "https://node.example:8545"
    )
    assert Address("https://node.example/v2/abcdefgh?key=ijklmnop").hidden("x abcdefgh y ijklmnop") == "x ... y ..."
    for wrong in ("localhost:8545", "ftp://node.example", "", "http://", "http://host:port"):
        with pytest.raises(InputError, match="neither an http"):
            Address(wrong)


def test_batches_shrink_to_what_the_node_takes(fake, ask):
    for batches in (True, 30, False):
        fake.batches = batches
        headers = ask(fake).headers(range(250))
        assert [int(header["number"], 16) for header in headers] == list(range(250))


def test_a_batch_answered_out_of_order(fake, ask, monkeypatch):
    import json

    import fake_node

    send = fake_node._send

    def reversed_batches(handler, status, headers, body):
        answer = json.loads(body)
        send(handler, status, headers, json.dumps(answer[::-1] if isinstance(answer, list) else answer))

    monkeypatch.setattr(fake_node, "_send", reversed_batches)
    assert [int(header["number"], 16) for header in ask(fake).headers([5, 6, 7])] == [5, 6, 7]


def test_a_batch_cut_short_is_asked_one_by_one(fake, ask):
    node = ask(fake)
    node.chain_id()
    fake.faults = [("json", '[{"jsonrpc": "2.0", "id": 1, "result": null}]')]
    assert [int(header["number"], 16) for header in node.headers([5, 6, 7])] == [5, 6, 7]


@pytest.mark.parametrize(
    ("refusal", "kind"),
    [
        (Refused(-32005, "query returned more than 10000 results"), Kind.TOO_MUCH),
        (Refused(-32005, "limit exceeded"), Kind.LIMIT),
        (Refused(-32000, "your request is not to our taste"), Kind.OTHER),
        (
            ("http", 413, {}, '{"error": {"code": -32614, "message": "eth_getLogs is limited to a 10,000 range"}}'),
            Kind.TOO_MUCH,
        ),
        (("http", 413, {}, ""), Kind.TOO_MUCH),
        (("http", 504, {}, "gateway"), Kind.SLOW),
    ],
    ids=str,
)
def test_refusals_of_logs_that_fewer_blocks_may_cure(fake, ask, refusal, kind):
    node = ask(fake)
    node.chain_id()
    fake.faults = [refusal]
    with pytest.raises(Complaint) as caught:
        node.logs({"address": POOL, "topics": [[]]}, 0, 100)
    assert caught.value.kind is kind


def test_a_slow_node(fake, ask):
    fake.delay_s = 0.5
    with pytest.raises(Complaint) as caught:
        ask(fake, timeout_s=0.1).logs({"address": POOL, "topics": [[]]}, 0, 100)
    assert caught.value.kind is Kind.SLOW


def test_pruned_history_is_one_line(fake, ask):
    fake.faults = [Refused(4444, "pruned history unavailable")]
    with pytest.raises(InputError, match=r"does not keep that history.*use an archive node"):
        ask(fake).logs({"address": POOL, "topics": [[]]}, 0, 100)
