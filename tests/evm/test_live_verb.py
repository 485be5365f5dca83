"""`rook-bench live` as a process: over a websocket that is cut, a node that goes away, kill -9, SIGTERM, and its check."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from random import Random

import artifacts
import processes
import pytest

pytest.importorskip("web3", reason='web3 is not installed: pip install "rook-bench[chain]"')
pytestmark = pytest.mark.skipif(os.name != "posix", reason="stops with signals")


@pytest.fixture(scope="module")
def chain(tmp_path_factory):
    """A node with a pool that is traded, and a wire to it: (market, wire)."""
    if reason := artifacts.why_no_node():
        pytest.skip(reason)
    from market import Market
    from node import running
    from proxy import Wire

    socket = tmp_path_factory.mktemp("socket") / "node.ipc"
    with running(artifacts.anvil(), "--ipc", str(socket)) as url:
        market = Market(url, "v3", "verb")
        market.act(120)
        wire = Wire(int(url.rpartition(":")[2]))
        market.socket = socket
        yield market, wire
        wire.close()


@pytest.fixture
def settings(tmp_path):
    path = tmp_path / "live.toml"
    path.write_text("[frictions.gas]\nflat_quote = 0.1\n")
    return path


def words(market, folder, rpc, settings, *more):
    pool = [market.key.address, "--rpc", rpc, "--source", "momentum", "--out", folder]
    return ["live", *pool, "--mode", "paper", "--config", settings, "--poll", "0.2", *more]


def entries(folder):
    path = Path(folder) / "journal.jsonl"
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_bytes().split(b"\n")[:-1]]


def until(ready, seconds=60.0, doing=lambda: None):
    ends = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < ends, "it never came"
        doing()
        time.sleep(0.05)


def read_to(folder, block):
    return any(entry.get("last", entry.get("block", 0)) >= block for entry in entries(folder)[-1:])


def get(port, path):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_kills_cuts_and_a_node_that_goes_away(chain, tmp_path, settings, command_line, thorough):
    """kill -9 at random moments while the market moves; the same command goes on, and the check finds no difference."""
    market, wire = chain
    folder, random = tmp_path / "session", Random("verb")
    rpc = f"ws://127.0.0.1:{wire.port}"
    for turn in range(20 if thorough else 4):
        process = processes.start(*words(market, folder, rpc, settings), stdout=-3, stderr=-3)
        before = len(entries(folder))
        until(lambda before=before: len(entries(folder)) > before, doing=market.act)
        snapshot = market.snapshot() if turn % 2 else None
        for _ in range(random.randrange(2, 8)):
            market.act()
            time.sleep(random.uniform(0, 0.2))
            if random.random() < 0.3:
                wire.cut()
        if turn == 2:
            wire.away()
            market.act(3)
            time.sleep(0.5)
            wire.back()
        if snapshot:
            market.revert(snapshot)
            market.act(10)
        time.sleep(random.uniform(0, 0.3))
        process.kill()
        process.wait()
    last = market.newest() + 6
    process = processes.start(*words(market, folder, rpc, settings, "--until-block", last))
    until(lambda: process.poll() is not None, doing=lambda: (market.act(), time.sleep(0.2)))
    out, err = process.communicate()
    assert process.returncode == 0, err
    assert f"ended: block {last} was read" in out
    code, out, err = command_line("live", "check", folder, "--rpc", market.socket, "--no-runs")
    assert code == 0, out + err
    assert "EQUAL: nothing differs" in out
    assert "the chain replaced blocks" in out


def test_seen_from_outside_and_ended_by_a_signal(chain, tmp_path, settings, command_line):
    market, _ = chain
    told = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self):
            told.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *arguments):
            pass

    hook = HTTPServer(("127.0.0.1", 0), Hook)
    threading.Thread(target=hook.serve_forever, daemon=True).start()
    folder = tmp_path / "session"
    alerts = f"http://127.0.0.1:{hook.server_port}/secret-of-ours"
    port = _free_port()
    arguments = words(market, folder, str(market.socket), settings, "--metrics", port, "--webhook", alerts)
    process = processes.start(*arguments)
    try:
        until(lambda: len(entries(folder)) > 1)
        for _ in range(4):  # each is decided on before the next one comes
            market.trade()
            until(lambda: read_to(folder, market.newest()))
        until(lambda: get(port, "/healthz")[0] == 200)
        status, metrics = get(port, "/metrics")
        assert status == 200
        assert 'rook_live_decisions_total{side="BUY",source="momentum"}' in metrics
        assert "rook_live_head_age_seconds" in metrics
        assert get(port, "/nothing")[0] == 404
        process.send_signal(signal.SIGUSR1)
        until(lambda: get(port, "/healthz")[0] == 503)
        assert json.loads(get(port, "/healthz")[1])["reason"] == "file"
        assert 'rook_live_killed{reason="file"} 1.0' in get(port, "/metrics")[1]
        code, out, _ = command_line("live", "resume", folder, "it was a drill")
        assert code == 0
        assert "lifted with the session's next step" in out
        until(lambda: get(port, "/healthz")[0] == 200)
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=30)
    finally:
        process.kill()
        hook.shutdown()
        hook.server_close()
    assert process.returncode == 0, err
    assert "ended: SIGTERM was sent" in out
    assert "secret-of-ours" not in out + err
    kinds = [entry["kind"] for entry in entries(folder)]
    assert kinds[0] == "begun"
    assert kinds[-1] == "ended"
    assert [one["event"] for one in told] == ["killed", "resumed"]
    assert told[0]["session"] == "session"
    code, out, err = command_line("live", "check", folder, "--offline", "--no-report", "--json")
    assert code == 0, err
    found = json.loads(out)
    assert (found["drift"], found["kills"]) == (0, ["file"])
    # The session's run is a run: it is read again, checked against its hashes and replayed.
    code, out, err = command_line("report", folder / "check", "--no-pictures")
    assert code == 0, err


def _free_port():
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("0x12",), "'0x12' is no pool"),
        (("0x" + "12" * 32,), "add --manager ADDRESS"),
        (("0x" + "12" * 20, "--mode", "real"), "there is no mode 'real'; shadow, paper or fork"),
        (("0x" + "12" * 20, "--from-block", "3", "--warm-up", "3"), "both say where the tape begins"),
        (("0x" + "12" * 20, "--webhook", "mailto:us"), "not an http(s) URL"),
        (("0x" + "12" * 20,), "no connection"),
    ],
)
def test_mistakes(tmp_path, command_line, arguments, said):
    pool, *more = arguments
    rpc = ("--rpc", "http://127.0.0.1:9")
    code, _, err = command_line("live", pool, "--source", "hold", "--out", tmp_path / "session", *rpc, *more)
    assert code == 3
    assert said in err
    assert len(err.strip().splitlines()) == 1
    assert not (tmp_path / "session").exists()


def test_no_session_there(tmp_path, command_line):
    assert command_line("live", "check", tmp_path, "--offline")[0] == 3
    code, _, err = command_line("live", "check", tmp_path)
    assert code == 3
    assert "which node?" in err
    code, _, err = command_line("live", "resume", tmp_path, "why not")
    assert "nothing was killed there" in err


def test_files(tmp_path, command_line):
    """What is shipped for a service: rules and dashboard name metrics that there are."""
    import re

    import yaml

    code, out, _ = command_line("live", "files", "--out", tmp_path / "ops")
    assert code == 0
    names = sorted(Path(line).name for line in out.splitlines())
    assert names == ["Containerfile", "alerts.yml", "grafana.json", "rook-live.service"]
    rules = yaml.safe_load((tmp_path / "ops" / "alerts.yml").read_text())["groups"][0]["rules"]
    board = json.loads((tmp_path / "ops" / "grafana.json").read_text())
    asked = [rule["expr"] for rule in rules]
    asked += [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    named = {name for one in asked for name in re.findall(r"rook_live_\w+", one)}
    from rook_bench.live import telemetry

    known = {f"rook_live_{name}" for name in telemetry._TEXTS} | {
        f"rook_live_{name}_total" for name in telemetry._TEXTS
    }
    known |= {"rook_live_head_block", "rook_live_head_age_seconds", "rook_live_killed", "rook_live_work_seconds_bucket"}
    assert named <= known
    assert len(named) > 10


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_the_unit_is_one_that_systemd_takes(tmp_path, command_line):
    command_line("live", "files", "--out", tmp_path / "ops")
    unit = (tmp_path / "ops" / "rook-live.service").read_text()
    # verify wants the program and the user to be there
    here = unit.replace("/opt/rook/bin/rook-bench", sys.executable).replace("User=rook", "User=root")
    assert here != unit
    (tmp_path / "rook-live.service").write_text(here)
    told = subprocess.run(["systemd-analyze", "verify", tmp_path / "rook-live.service"], capture_output=True, text=True)
    assert told.returncode == 0, told.stderr
    assert "rook-live" not in told.stderr, told.stderr
