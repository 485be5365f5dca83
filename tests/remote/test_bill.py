"""What is rented ends: a stand-in of the provider on loopback keeps the bill, which is zero in the end every time."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import processes
import pytest

pytest.importorskip("torch", reason="the train extra is not installed")

from rook_bench.remote.rent.lease import PREFIX, leases
from rook_bench.training import TrainSettings

_spec = spec_from_file_location("fluence_stand_in", Path(__file__).with_name("fluence_stand_in.py"))
stand_in = module_from_spec(_spec)
_spec.loader.exec_module(stand_in)


@pytest.fixture
def service(sshd, tmp_path, monkeypatch):
    """The stand-in, whose address and key are in the environment; everything goes quickly."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (tmp_path / "ssh").write_text(
        f"Host 127.0.0.1\n  Port {port}\n  SetEnv ROOK_BENCH_BOX={tmp_path / 'box'} OMP_NUM_THREADS=1\n"
    )
    service = stand_in.StandIn(sshd.program, port, tmp_path / "machines")
    for name, value in {
        "FLUENCE_API_URL": service.url, "FLUENCE_API_KEY": stand_in.KEY, "ROOK_BENCH_RENT_WAITS": "2 0.2 3 3",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    yield service
    service.close()


@pytest.fixture
def package(packed_job):
    """A package whose "training" sleeps: what ends here is the machine."""
    content = {
        "code/rook_bench/__init__.py": b"",
        "code/rook_bench/cli/__init__.py": b"",
        "code/rook_bench/cli/main.py": b"import time\nprint('asleep', flush=True)\ntime.sleep(600)\ndef main(): pass\n",
        "lock/x": b"",
        "work/rook-bench.toml": b"",
    }
    settings = TrainSettings(model="rook-tiny").model_dump(mode="json")
    return packed_job(content, version=1, stage="sft", settings=settings, base=None)[1]


@pytest.fixture
def words(package, tmp_path):
    """The words of the command that rents a machine and trains on it."""

    def make(*more, output="adapter"):
        return [
            *("remote", "train", "--provider", "fluence", "--ssh-config", tmp_path / "ssh", "--python", sys.executable),
            *("--package", package, "--output-dir", tmp_path / output, "--max-hours", "1", "--max-usd", "5", *more),
        ]

    return make


@pytest.fixture
def started(words):
    """Start the command as a process of its own; it is gone when the test ends."""
    running = []

    def start(*more):
        running.append(processes.start(*words(*more)))
        return running[-1]

    yield start
    for process in running:
        if process.poll() is None:
            process.kill()
        process.communicate()


def asleep(tmp_path):
    return any("asleep" in path.read_text() for path in (tmp_path / "box").glob("jobs/*/log"))


def watchdog_of(client):
    """The process that looks after the machine when the client is gone."""
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            parent = (entry / "stat").read_text().rsplit(")", 1)[1].split()[1]
            if parent == str(client.pid) and b"watchdog" in (entry / "cmdline").read_bytes():
                return int(entry.name)
        except OSError:
            continue
    return None


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_whatever_interrupts_it_the_machine_ends_at_once(number, service, started, tmp_path, wait):
    client = started()
    wait(lambda: asleep(tmp_path))
    assert len(service.billed) == 3  # machine, disk, address
    machine = next(iter(service.items["/v2/vms"].values()))
    assert int(machine["shutdown"]) == 90  # turns itself off: an hour, and half of one for who ends it properly
    lines = subprocess.run(["ps", "axww", "-o", "command"], capture_output=True, text=True).stdout
    files = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert not [text for text in [lines.encode(), *files] if stand_in.KEY.encode() in text]  # the key is nowhere
    client.send_signal(number)
    _, err = client.communicate(timeout=120)
    assert client.returncode == 130, err
    assert service.billed == []
    assert "ended: nothing of it is billed any more" in err
    assert leases() == []


def test_a_client_that_is_killed_leaves_a_watchdog(service, started, tmp_path, wait):
    client = started()
    wait(lambda: asleep(tmp_path))
    client.kill()
    client.wait()
    wait(lambda: service.billed == [], seconds=20)
    wait(lambda: leases() == [])


def test_killed_between_the_request_and_its_answer(service, started, wait):
    service.answer_after = 2.0
    client = started()
    wait(lambda: service.billed)
    client.kill()  # it does not know the machine's id, and never will
    client.wait()
    wait(lambda: service.billed == [], seconds=20)
    wait(lambda: leases() == [], seconds=20)


def test_client_and_watchdog_killed_then_reaped(service, started, tmp_path, wait, command_line):
    client = started()
    wait(lambda: asleep(tmp_path))
    code, out, _ = command_line("remote", "reap")  # somebody looks after it
    assert code == 0
    assert f"fluence: left running: {PREFIX}" in out
    assert len(service.billed) == 3
    os.kill(watchdog_of(client), signal.SIGKILL)
    client.kill()
    client.wait()
    time.sleep(1)
    assert len(service.billed) == 3  # nobody is left
    code, out, err = command_line("remote", "reap")
    assert code == 0, err
    assert f"fluence: ended: {PREFIX}" in out
    assert service.billed == []
    assert leases() == []
    code, out, _ = command_line("remote", "reap", "--provider", "fluence")
    assert (code, out) == (0, "fluence: nothing is running\n")


def test_what_costs_too_much_is_never_rented(service, words, command_line, tmp_path):
    service.hourly = "7.50"
    code, _, err = command_line(*words())
    assert code == 3
    assert err.strip().endswith(
        "fluence: 1 hours of 7.50 USD may cost 7.50 USD, more than 5; give fewer --max-hours, or more --max-usd"
    )
    assert ("POST", "/v2/vms") not in service.requests
    assert leases() == []


def test_nothing_is_rented_without_a_price_that_was_agreed_to(service, words, command_line):
    given = [word for word in words() if word not in ("--max-usd", "5")]
    code, _, err = command_line(*given)
    assert code == 3
    assert "1 hours of 0.50 USD may cost 0.50 USD; agree with --max-usd" in err
    assert ("POST", "/v2/vms") not in service.requests


@pytest.mark.parametrize(
    ("refuses", "said"),
    [
        ({("GET", "/v1/clusters"): (401, "unauthorized", "Auth token invalid")}, "unauthorized: Auth token invalid"),
        ({("POST", "/v2/vms"): (402, "insufficient_balance", "Top up first")}, "insufficient_balance: Top up first"),
        ({("POST", "/v2/vms"): (422, "unprocessable_entity", "quota of 0 VMs")}, "quota of 0 VMs (HTTP 422)"),
        ({("POST", "/v2/vms"): (500, "internal_server_error", "oops")}, "internal_server_error: oops (HTTP 500)"),
        ({("POST", "/v1/prices/cost"): (503, "service_unavailable", "later")}, "service_unavailable: later"),
    ],
)
def test_a_provider_that_says_no_is_heard_in_its_own_words(refuses, said, service, words, command_line):
    service.refuses = refuses
    code, _, err = command_line(*words())
    assert code == 3
    assert said in err.strip().splitlines()[-1]
    assert "Traceback" not in err
    assert service.requests.count(("POST", "/v2/vms")) <= 1  # a request that rents is never sent twice
    assert service.billed == []
    assert leases() == []


def test_no_answer_to_the_request_and_a_machine_nevertheless(service, words, command_line):
    service.answer_after = 3.0  # longer than anybody waits for it
    code, _, err = command_line(*words())
    assert code == 3
    assert "no answer" in err
    assert service.requests.count(("POST", "/v2/vms")) == 1
    assert service.billed == []


def test_a_machine_that_does_not_start_ends(service, words, command_line):
    service.boot_fails = True
    code, _, err = command_line(*words())
    assert code == 3
    assert "the machine is failed" in err
    assert service.billed == []


def test_a_machine_that_takes_its_time_is_waited_for(service, started, tmp_path, wait):
    service.boot_after = 2.0
    client = started()
    wait(lambda: asleep(tmp_path))
    client.send_signal(signal.SIGINT)
    _, err = client.communicate(timeout=120)
    assert "the machine is launching" in err
    assert "the machine is launched" in err
    assert service.billed == []


def test_what_cannot_be_ended_is_shouted_with_its_id_and_where_to_end_it(
    service, started, tmp_path, wait, command_line
):
    client = started()
    wait(lambda: asleep(tmp_path))
    service.refuses = {("DELETE", "/v1/storages/.*"): (500, "internal_server_error", "stuck")}
    client.send_signal(signal.SIGINT)
    _, err = client.communicate(timeout=60)
    assert client.returncode == 3
    disk = next(item for item in service.items["/v1/storages"].values())
    assert f"STILL BILLED: disk {disk['id']}" in err
    assert "stuck" in err
    assert "end it now by hand at https://console.fluence.network" in err
    assert [path for path, _ in service.billed] == ["/v1/storages"]
    code, _, err = command_line("remote", "reap")
    assert code == 3
    assert "STILL BILLED" in err
    service.refuses = {}
    assert command_line("remote", "reap")[0] == 0
    assert service.billed == []


def test_names_are_compared_exactly_and_nothing_of_others_is_touched(service, started, tmp_path, wait, command_line):
    others = [service.strange(name) for name in ("web-server", "rook", f"{PREFIX}mine", f"{PREFIX[:-1]}%")]
    client = started()
    wait(lambda: asleep(tmp_path))
    mine = leases()[0].name
    alike = [service.strange(name) for name in (mine + "0", mine[:-1], mine.upper(), mine.replace("-", "_"))]
    client.send_signal(signal.SIGINT)
    client.communicate(timeout=120)
    assert {item["status"] for item in others + alike} == {"launched"}
    assert all(name != mine for _, name in service.billed)


def test_what_was_rented_elsewhere_ends_when_its_time_is_over(service, command_line):
    over, later = (f"{PREFIX}0123abcd-abcdefghij-{int(time.time()) + after}" for after in (-60, 3600))
    for name in (over, later):
        service.strange(name)
    code, out, _ = command_line("remote", "reap", "--provider", "fluence")
    assert code == 0
    assert f"ended: {over}" in out
    assert f"left running: {later}" in out
    assert [name for _, name in service.billed] == [later]
    assert command_line("remote", "reap", "--provider", "fluence", "--all")[0] == 0
    assert service.billed == []


def test_a_machine_that_was_asked_to_stay_is_gone_on_with(service, started, tmp_path, wait, command_line):
    client = started("--keep-hours", "0.5")
    wait(lambda: asleep(tmp_path))
    client.send_signal(signal.SIGINT)
    _, err = client.communicate(timeout=120)
    assert client.returncode == 130
    assert "is left running until" in err
    assert len(service.billed) == 3
    assert f"left running: {leases()[0].name}" in command_line("remote", "reap")[1]
    assert f"rented: {leases()[0].name} from fluence, 0.50 USD an hour, until " in command_line("remote", "list")[1]
    again = processes.start("remote", "attach")
    time.sleep(4)
    assert again.poll() is None
    again.send_signal(signal.SIGINT)
    _, err = again.communicate(timeout=120)
    assert "is left running until" in err
    assert service.requests.count(("POST", "/v2/vms")) == 1
    code, out, err = command_line("remote", "end", "--remove")
    assert code == 0, err
    assert "ended, ended on request" in out
    assert "nothing of it is kept there any more" in out
    assert f"ended: {PREFIX}" in out
    assert service.billed == []
    code, _, err = command_line("remote", "attach")
    assert code == 3
    assert "the machine that was rented for it is gone" in err


def test_a_machine_that_knows_our_key_some_seconds_later_is_waited_for(service, started, tmp_path, wait, monkeypatch):
    boot = service._boot

    def slowly(machine, user_data):
        boot(machine, user_data)
        keys = service.folder / machine["id"] / "keys"
        text = keys.read_text()
        keys.write_text("")
        threading.Timer(3, lambda: keys.write_text(text)).start()

    monkeypatch.setattr(service, "_boot", slowly)
    client = started()
    wait(lambda: asleep(tmp_path))
    client.send_signal(signal.SIGINT)
    client.communicate(timeout=120)
    assert service.billed == []
    kept = {path.name for path in (tmp_path / "remote" / "leases").glob("*/*")}
    assert not kept & {"host", "login"}  # private keys of a machine that is no more


@pytest.mark.parametrize(
    ("usd", "hourly"), [("nan", "0.50"), ("inf", "0.50"), ("-1", "0.50"), ("5", "NaN"), ("5", "-1")]
)
def test_a_price_that_is_none_rents_nothing(usd, hourly, service, words, command_line):
    service.hourly = hourly
    code, _, err = command_line(*[usd if word == "5" else word for word in words()])
    assert code == 3
    assert err.strip().count("\n") == 0, err
    assert "USD" in err or "a price of" in err
    assert ("POST", "/v2/vms") not in service.requests


def test_without_ssh_keygen_nothing_is_asked_for_and_nothing_waited_for(
    service, words, command_line, monkeypatch, tmp_path
):
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    code, _, err = command_line(*words())
    assert code == 3
    assert "ssh-keygen is not installed here" in err
    assert ("POST", "/v2/vms") not in service.requests
    assert leases() == []


def test_what_was_priced_is_what_is_rented(service, words, command_line, monkeypatch):
    """The place that was asked about sells out meanwhile; no other is taken in its stead, whose price nobody agreed to."""
    answer, asked = service.answer, []

    def sells_out(method, path, query, body, headers):
        if (method, path) == ("POST", "/v1/prices/cost"):
            asked.append(body["resources"][0]["vm"]["resource_id"]["clusterId"])
        if path == "/v1/clusters/k-1/resources":
            return 200, {"availableConfigurations": [] if asked else [stand_in.CONFIGURATION]}
        return answer(method, path, query, body, headers)

    monkeypatch.setattr(service, "answer", sells_out)
    code, _, err = command_line(*words())
    assert code == 3
    assert asked == ["k-1"]
    assert "no machine 'c-1' is to be had" in err
    assert service.billed == []


def test_a_machine_that_appears_when_nobody_looks_any_more_is_reaped(service, started, wait, command_line, monkeypatch):
    """Killed before the answer, and the provider lists the machine only after everybody has stopped looking."""
    page, hidden = service._page, [True]
    monkeypatch.setattr(service, "_page", lambda items, query: page([] if hidden[0] else items, query))
    service.answer_after = 2.0
    client = started()
    wait(lambda: service.billed)
    client.kill()
    client.wait()
    wait(lambda: leases() == [], seconds=30)
    assert len(service.billed) == 3
    hidden[0] = False
    code, out, _ = command_line("remote", "reap")
    assert code == 0
    assert f"fluence: ended: {PREFIX}" in out
    assert service.billed == []


def test_the_watchdog_finds_its_lease_from_wherever_the_command_was_started(
    service, started, tmp_path, wait, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ROOK_BENCH_REMOTE", "relative")
    client = started()
    wait(lambda: asleep(tmp_path))
    client.kill()
    client.wait()
    wait(lambda: service.billed == [], seconds=20)
    wait(lambda: leases() == [])


def test_a_lease_that_cannot_be_read_keeps_nobody_from_ending_the_others(
    service, started, tmp_path, wait, command_line
):
    client = started()
    wait(lambda: asleep(tmp_path))
    os.kill(watchdog_of(client), signal.SIGKILL)
    client.kill()
    client.wait()
    broken = tmp_path / "remote" / "leases" / "broken"
    broken.mkdir()
    (broken / "lease.json").write_text('{"version": 2}')
    code, out, err = command_line("remote", "reap")
    assert code == 0
    assert "the lease can't be read" in err
    assert f"fluence: ended: {PREFIX}" in out
    assert service.billed == []


def test_what_was_asked_for_before_without_an_answer_ends_before_another_is_rented(service, started, tmp_path, wait):
    service.answer_after = 2.0
    client = started()
    wait(lambda: service.billed)
    os.kill(watchdog_of(client), signal.SIGKILL)
    client.kill()
    client.wait()
    service.answer_after = 0.0
    again = started()
    wait(lambda: asleep(tmp_path))
    assert len(service.billed) == 3  # one machine, not two
    again.send_signal(signal.SIGINT)
    again.communicate(timeout=120)
    assert service.billed == []


def test_a_key_goes_nowhere_else(service, words, command_line, monkeypatch):
    monkeypatch.setenv("FLUENCE_API_URL", "http://example.org")
    code, _, err = command_line(*words())
    assert code == 3
    assert "FLUENCE_API_URL: not an address that a key may go to" in err
    monkeypatch.setenv("FLUENCE_API_URL", service.url)
    monkeypatch.setenv("FLUENCE_API_KEY", "new\nline")
    assert "a key of characters that no key has" in command_line(*words())[2]
    assert service.requests == []


def test_without_a_key_nothing_is_asked(service, words, command_line, monkeypatch):
    monkeypatch.delenv("FLUENCE_API_KEY")
    code, _, err = command_line(*words())
    assert code == 3
    assert "FLUENCE_API_KEY: no key to rent with; make one with an expiry date" in err
    assert service.requests == []


def test_an_unknown_provider_is_told_the_near_name(words, command_line):
    given = ["fluense" if word == "fluence" else word for word in words()]
    code, _, err = command_line(*given)
    assert code == 3
    assert "unknown provider 'fluense'; did you mean 'fluence'?" in err
