"""A verdict that rests on a live session: read, asked again, and held against the chain; and what can't be forged of it."""

import json

import artifacts
import pytest

pytest.importorskip("web3", reason='web3 is not installed: pip install "rook-bench[chain]"')

from rook_bench.core.hashing import sealed


@pytest.fixture(scope="module")
def followed(tmp_path_factory):
    """A session of two sources on a node, checked: (its folder, the node's URL)."""
    if reason := artifacts.why_no_node():
        pytest.skip(reason)
    from market import Market
    from node import running

    from rook_bench.core.config import read_mapping
    from rook_bench.live.follow import Stop, follow
    from rook_bench.live.wake import Wake
    from rook_bench.workbench.config import BenchConfig
    from rook_bench.workbench.live import check_live, start_live

    folder = tmp_path_factory.mktemp("live")
    settings = folder / "live.toml"
    settings.write_text("[frictions.gas]\nflat_quote = 0.1\n")
    with running(artifacts.anvil()) as url:
        market = Market(url, "v3", "gate")
        market.act(60)
        config = BenchConfig.parse(read_mapping(settings), where=settings)
        session = start_live(url, market.key, ["momentum", "hold"], folder / "session", mode="paper", config=config)
        for _ in range(25):
            market.act()
            while session.step():
                pass
        stop = Stop()
        stop("the test is over")
        follow(session, Wake(session.follower.node.address, 0.05), stop)
        check_live(folder / "session", url, report=False)
        yield folder / "session", url


@pytest.fixture
def gate(followed, tmp_path, command_line):
    """Judge momentum's run of the session: (exit code, verdict)."""
    session, url = followed
    policy = tmp_path / "policy.toml"
    policy.write_text('name = "live only"\n[evidence]\nmin_days = 0\nmin_fills = 1\n[live]\nmin_days = 0.001\n')

    def judge(*more, candidate="momentum"):
        run = session / "check" / "runs" / candidate
        arguments = ("--candidate", run, "--out", tmp_path / "verdict", "--trials", tmp_path / "trials", "--json")
        code, out, err = command_line("gate", "--policy", policy, *arguments, *more)
        assert out, err
        return code, json.loads(out)

    return judge


def check_of(verdict):
    return next(check for check in verdict["checks"] if check["name"] == "live")


def test_the_session_is_part_of_the_verdict(gate, followed):
    session, url = followed
    code, verdict = gate("--live", session, "--rpc", url)
    assert check_of(verdict)["status"] == "pass", check_of(verdict)
    assert verdict["live"]["drift"] == 0
    assert verdict["live"]["against"] == "chain"
    assert verdict["live"]["source"] == "momentum"
    assert (code, verdict["verdict"]) in ((0, "PROMOTE"), (1, "BLOCK"), (2, "INCONCLUSIVE"))
    assert check_of(gate("--live", session)[1])["status"] == "inconclusive"
    assert check_of(gate()[1])["status"] == "inconclusive"


def test_of_another_source_it_says_nothing(gate, followed, tmp_path, command_line):
    session, url = followed
    found = check_of(gate("--live", session, "--rpc", url, candidate="hold")[1])
    assert found["status"] == "pass", found
    other = tmp_path / "other"
    tape = session / "check" / "tape.parquet"
    settings = tmp_path / "same.toml"
    settings.write_text("[frictions.latency]\nblocks = 1\n[frictions.gas]\nflat_quote = 0.1\n")
    code, _, err = command_line("replay", tape, "--source", "momentum:5", "--config", settings, "--out", other)
    assert code == 0, err
    policy = tmp_path / "policy.toml"
    code, out, _ = command_line(
        *("gate", "--policy", policy, "--candidate", other, "--out", tmp_path / "v", "--live", session, "--json")
    )
    assert "another source" in check_of(json.loads(out))["detail"]


def test_judged_again_from_the_journal(gate, followed, tmp_path):
    """promote judges again: the session is read up to the same entry; a verdict that says otherwise is not believed."""
    from rook_bench.core import InputError
    from rook_bench.workbench.rejudge import rejudge

    session, url = followed
    gate("--live", session, "--rpc", url)
    path = tmp_path / "verdict" / "verdict.json"
    record = json.loads(path.read_text())
    assert rejudge(path.parent, tmp_path / "trials", rpc=url)["hash"] == record["hash"]
    with pytest.raises(InputError, match="name a node with --rpc"):
        rejudge(path.parent, tmp_path / "trials")
    forged = record["live"] | {"days": 400.0, "decided": 10**6}
    path.write_text(json.dumps(sealed({**record, "live": forged})))
    assert rejudge(path.parent, tmp_path / "trials", rpc=url)["live"] == record["live"]
    path.write_text(json.dumps(sealed({**record, "live": forged | {"journal": "00" * 32}})))
    with pytest.raises(InputError, match="no entry has the hash"):
        rejudge(path.parent, tmp_path / "trials", rpc=url)
    path.write_text(json.dumps(sealed({**record, "live": {"folder": 5}})))
    with pytest.raises(InputError, match="garbles 'live'"):
        rejudge(path.parent, tmp_path / "trials", rpc=url)
