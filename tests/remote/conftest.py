"""A real sshd on this machine's loopback, with keys of its own; a box is a folder of its own for every test."""

import hashlib
import io
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


PASSED_ON = ("SSL_", "PIP_", "UV_", "REQUESTS_", "ROOK_BENCH_CACHE", "http", "HTTP", "no_proxy", "NO_PROXY")
"""Beginnings of the environment variables that the box has too: how it reaches what it installs, and compiled code."""


@dataclass
class Sshd:
    """The server: its keys, its port, and which processes serve whom."""

    folder: Path
    port: int
    process: subprocess.Popen
    program: str = str(SSHD)

    def cut(self):
        """End every connection at once, as a cut cable would, and go on listening; how many there were."""
        ended = 0
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                words = (entry / "status").read_text().split()
                parent, name = int(words[words.index("PPid:") + 1]), words[1]
            except (OSError, ValueError):
                continue
            if name.startswith("sshd") and parent == self.process.pid:
                for child in [entry.name, *_below(int(entry.name), "sshd")]:
                    try:
                        os.kill(int(child), signal.SIGKILL)
                    except ProcessLookupError:
                        continue
                ended += 1
        return ended


def _below(pid, name):
    """Processes of a name that a process started, and those that they did."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "status").read_text().split()
        except OSError:
            continue
        if words[1].startswith(name) and words[words.index("PPid:") + 1] == str(pid):
            found += [entry.name, *_below(int(entry.name), name)]
    return found


@pytest.fixture(scope="session")
def sshd(tmp_path_factory):
    """The server; skips, saying why, where there is none."""
    if SSHD is None or shutil.which("ssh") is None:
        pytest.skip("openssh-server is not installed (apt install openssh-server)")
    folder = tmp_path_factory.mktemp("sshd")
    for name in ("host", "other", "user"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name], check=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (folder / "sshd_config").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {folder}/host\nAuthorizedKeysFile {folder}/user.pub\n"
        "PasswordAuthentication no\nKbdInteractiveAuthentication no\nUsePAM no\nStrictModes no\n"
        f"PidFile {folder}/pid\nPermitRootLogin prohibit-password\nAcceptEnv *\n"
    )
    if os.getuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)
    process = subprocess.Popen([SSHD, "-D", "-f", folder / "sshd_config", "-E", folder / "log"])
    for _ in range(100):
        with socket.socket() as attempt:
            if attempt.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.05)
    else:
        process.kill()
        pytest.skip(f"sshd does not start here: {(folder / 'log').read_text()[-300:]}")
    yield Sshd(folder, port, process)
    process.terminate()
    process.wait()


@pytest.fixture
def way(sshd, tmp_path):
    """Write ssh's configuration for a box called "box"; `known` is the key that is known of it, None for no key."""

    def write(known="host", box=None):
        box = box or tmp_path / "box"
        keys = tmp_path / f"known-{known}"
        keys.write_text(
            "" if known is None else f"[127.0.0.1]:{sshd.port} {(sshd.folder / f'{known}.pub').read_text()}"
        )
        variables = {
            "ROOK_BENCH_BOX": box,
            "OMP_NUM_THREADS": 1,
            **{name: value for name, value in os.environ.items() if name.startswith(PASSED_ON) and " " not in value},
        }
        path = tmp_path / f"ssh-{known}"
        path.write_text(
            f"Host box\n  HostName 127.0.0.1\n  Port {sshd.port}\n  IdentityFile {sshd.folder}/user\n"
            f"  IdentitiesOnly yes\n  UserKnownHostsFile {keys}\n  GlobalKnownHostsFile /dev/null\n"
            f"  SetEnv {' '.join(f'{name}={value}' for name, value in variables.items())}\n"
        )
        return path

    return write


@pytest.fixture
def box_folder(tmp_path):
    """Where the box keeps what is its own."""
    return tmp_path / "box"


@pytest.fixture(autouse=True)
def own_jobs(tmp_path, monkeypatch):
    """Jobs that a test starts are kept with it."""
    monkeypatch.setenv("ROOK_BENCH_REMOTE", str(tmp_path / "remote"))
    return tmp_path / "remote"


@pytest.fixture
def box(way):
    """A box that can be asked, with this very Python."""
    from rook_bench.remote.box import Box
    from rook_bench.remote.ssh import Ssh

    return Box(Ssh("box", way()), sys.executable)


@pytest.fixture
def flags(prepared, mini_base, tmp_path):
    """The flags of a training run of some seconds, whose epochs are kept one by one."""
    settings = tmp_path / "settings.json"
    settings.write_text('{"max_eval_samples": 64, "patience": 0, "learning_rate": 0.01, "batch_size": 16}')

    def make(output="adapter", epochs=4, **more):
        given = {
            "data-dir": prepared, "output-dir": tmp_path / output, "model": mini_base, "config": settings,
            "max-samples": 96, "epochs": epochs, **{name.replace("_", "-"): value for name, value in more.items()},
        }  # fmt: skip
        return [str(word) for name, value in given.items() for word in (f"--{name}", value)]

    return make


@pytest.fixture
def remote(way):
    """The words of `remote train` on the box, without flags."""
    return lambda *words: [
        "remote",
        "train",
        "--host",
        "box",
        "--ssh-config",
        way(),
        "--python",
        sys.executable,
        *words,
    ]


def wait_for(what, seconds=90, every=0.05):
    """The first true value of a function."""
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        value = what()
        if value:
            return value
        time.sleep(every)
    raise AssertionError(f"nothing came of {what} in {seconds} s")


@pytest.fixture
def wait():
    """See `wait_for`."""
    return wait_for


@pytest.fixture
def packed_job(tmp_path):
    """A package of these files, by its name on the box and its place here, whatever they are."""

    def make(files, **facts):
        listed = {
            name: {"sha256": hashlib.sha256(text).hexdigest(), "bytes": len(text)} for name, text in files.items()
        }
        told = {"command": ["train"], "files": listed, **facts}
        manifest = (json.dumps(told, sort_keys=True, indent=1, ensure_ascii=False) + "\n").encode()
        package = tmp_path / "package.tar.gz"
        with tarfile.open(package, "w:gz") as tar:
            for name, text in {"job.json": manifest, **files}.items():
                entry = tarfile.TarInfo(name)
                entry.size = len(text)
                tar.addfile(entry, io.BytesIO(text))
        return hashlib.sha256(manifest).hexdigest()[:16], package

    return make
