"""The way to a box: who is not who it says it is, or is not there, is told in one line, and nothing is sent."""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the train extra is not installed")

from rook_bench.core import RookError
from rook_bench.remote.box import Box, runner_file
from rook_bench.remote.ssh import Ssh


@pytest.mark.parametrize(
    ("known", "said"),
    [
        (None, "box: its host key is not known here; connect once by hand (ssh box)"),
        ("other", "box: its host key is not the one that is known; if you know why"),
    ],
)
def test_a_box_with_another_key_than_is_known_gets_nothing(way, known, said, command_line, flags, box_folder):
    words = ["remote", "train", "--host", "box", "--ssh-config", way(known), "--python", sys.executable]
    code, out, err = command_line(*words, "--", *flags())
    assert code == 3
    assert err.strip().splitlines()[-1].startswith(f"rook-bench: {said}")
    assert not box_folder.exists()


@pytest.mark.parametrize("line", ["StrictHostKeyChecking no", "NoHostAuthenticationForLocalhost yes"])
def test_the_users_own_leniency_is_overruled(line, way, box_folder):
    """A configuration that turns the check off does not turn ours off."""
    path = way(None)
    path.write_text(path.read_text() + f"  {line}\n")
    with pytest.raises(RookError, match="host key is not known"):
        Box(Ssh("box", path), sys.executable).ready()


@pytest.mark.parametrize("host", ["-oProxyCommand=touch x", "a b", "box;touch x", "$(x)", "", "@box", "user@", "a\nb"])
def test_what_is_no_host_is_refused_before_ssh_sees_it(host):
    with pytest.raises(RookError, match="is no host"):
        Ssh(host)


@pytest.mark.parametrize("host", ["box", "user@box", "ssh://user@box:2222", "10.0.0.1", "user@10.0.0.1", "a.b-c_d"])
def test_what_is_one_is_taken(host):
    assert Ssh(host).command(["true"])[-2] == host


def test_a_box_that_lets_nobody_in(way, sshd):
    path = way()
    path.write_text(path.read_text().replace(f"{sshd.folder}/user", f"{sshd.folder}/other"))
    with pytest.raises(RookError, match=r"it does not let us in; add your key to the agent \(ssh-add\)"):
        Box(Ssh("box", path), sys.executable).ready()


def test_a_box_that_is_not_there(tmp_path):
    path = tmp_path / "ssh"
    path.write_text("Host box\n  HostName 127.0.0.1\n  Port 1\n")
    with pytest.raises(RookError, match=r"box: can't be reached: .*refused"):
        Box(Ssh("box", path), sys.executable).ready()


def test_a_box_says_what_it_is_and_keeps_no_runner_twice(box, box_folder):
    found = box.ready()
    assert found["system"] == "Linux"
    assert found["cores"] >= 1
    assert found["disk_free"] > 0
    box.ready()
    assert [path.name for path in box_folder.glob("runner-*")] == [runner_file()[0]]


def test_python_is_looked_for_on_the_box(way):
    found = Box(Ssh("box", way()))
    found.ready()
    told = subprocess.run(
        [found._asked_with, "-c", "import sys; print(sys.version_info >= (3, 11))"], capture_output=True
    )
    assert told.stdout.strip() == b"True"


def test_a_box_with_an_old_python_only_says_so(way, monkeypatch):
    monkeypatch.setattr("rook_bench.remote.box.OLDEST", (3, 99))
    with pytest.raises(
        RookError, match=r"Python 3.99 or newer is needed, and 3.\d+ is there; install one, or name one"
    ):
        Box(Ssh("box", way())).ready()


def test_a_box_that_talks_without_being_asked_is_told(box, monkeypatch):
    box.ready()
    monkeypatch.setattr(Ssh, "run", lambda self, *rest, **more: b"Welcome to the machine!\n{}")
    with pytest.raises(RookError, match="answers with something else than asked: Welcome to the machine"):
        box.ask("probe")


def test_the_runner_is_the_same_file_every_time_and_needs_nothing():
    name, content = runner_file()
    runner_file.cache_clear()
    assert runner_file() == (name, content)
    code = "import sys; sys.path.insert(0, sys.argv[1]); import runner.verbs; print([m for m in sys.modules if 'rook' in m])"
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / name).write_bytes(content)
        told = subprocess.run(
            [sys.executable, "-I", "-S", "-c", code, Path(folder) / name], capture_output=True, text=True
        )
    assert told.stdout.strip() == "[]", told.stderr


def test_a_shared_connection_that_nobody_checked_is_not_used(way, tmp_path):
    path = way(None)
    socket = Path(tempfile.mkdtemp()) / "shared"  # a short path: sockets have no long ones
    path.write_text(path.read_text() + f"  ControlPath {socket}\n")
    unchecked = ["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"]
    subprocess.run(["ssh", "-F", path, *unchecked, "-M", "-N", "-f", "box"], stderr=subprocess.DEVNULL, check=True)
    try:
        with pytest.raises(RookError, match="host key is not known"):
            Ssh("box", path).run(["echo", "let in"])
    finally:
        subprocess.run(["ssh", "-F", path, "-O", "exit", "box"], stderr=subprocess.DEVNULL)
        shutil.rmtree(socket.parent)


def test_a_pinned_key_is_the_only_one_whatever_else_is_configured(way, sshd, tmp_path):
    folder = tmp_path / "Application Support"
    folder.mkdir()
    host, other = ((sshd.folder / f"{name}.pub").read_text().strip() for name in ("host", "other"))
    (folder / "known").write_text(f"alias {host}\n")
    assert Ssh("box", way(None), None, folder / "known", "alias").run(["echo", "in"]) == b"in\n"
    (folder / "known").write_text(f"alias {other}\n")
    path = way(None)
    path.write_text(path.read_text() + f"  KnownHostsCommand /bin/echo alias {host}\n")
    with pytest.raises(RookError, match="host key is not"):
        Ssh("box", path, None, folder / "known", "alias").run(["echo", "in"])
