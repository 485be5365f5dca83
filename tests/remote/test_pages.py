"""The pages about training elsewhere: their commands run, on the test's own box, whoever it is rented from."""

import getpass
import hashlib
import os
import re
import shlex
import shutil
import socket
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest
import warm

pytest.importorskip("torch", reason="the train extra is not installed")

from rook_bench.remote.code import lock_files
from rook_bench.remote.runner.package import digest

REPOSITORY = Path(__file__).resolve().parents[2]
PAGES = REPOSITORY / "docs" / "how-to"


def stand_in(name):
    spec = spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def commands(page):
    blocks = re.findall(r"^```bash\n(.*?)^```", (PAGES / page).read_text(), flags=re.MULTILINE | re.DOTALL)
    return [shlex.split(line) for block in blocks for line in block.splitlines()]


def has_environment(box):
    """Let the box have the environment of these locks already: this very Python."""
    name = hashlib.sha256("".join(digest(path) for _, path in sorted(lock_files().items())).encode()).hexdigest()[:16]
    folder = box / "env" / f"{name}-cpu-py{sys.version_info[0]}.{sys.version_info[1]}"
    (folder / "bin").mkdir(parents=True)
    warm.interpreter(folder / "bin" / "python")
    (folder / ".ready").touch()


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A folder with what the pages name."""
    folder = tmp_path / "checkout"
    folder.mkdir()
    for name in ("strategies", "data"):
        (folder / name).symlink_to(REPOSITORY / name)
    (folder / "models").mkdir()
    (folder / "models" / "base").symlink_to(REPOSITORY / "models" / "base")
    monkeypatch.chdir(folder)
    return folder


def run_all(page, command_line):
    said = []
    for program, *arguments in commands(page):
        assert program == "rook-bench"
        code, out, err = command_line(*arguments)
        assert code == 0, f"{arguments}\n{out}\n{err}"
        said.append(out + err)
    return said


def rented_ssh(tmp_path, port, more=""):
    """ssh's configuration for what is rented, which has the folder of the box of one's own."""
    path = tmp_path / f"ssh-{port}"
    box = tmp_path / "box"
    path.write_text(f"Host 127.0.0.1\n  Port {port}\n  SetEnv ROOK_BENCH_BOX={box} OMP_NUM_THREADS=1\n{more}")
    return str(path)


def test_on_a_box_of_your_own_and_on_rented_ones(checkout, sshd, way, box_folder, tmp_path, command_line, monkeypatch):
    """The pages ask for the same job: the second and the third find it done, which saves time and is tried, too."""
    monkeypatch.setenv("ROOK_BENCH_SSH_CONFIG", str(way()))
    monkeypatch.setenv("ROOK_BENCH_RENT_WAITS", "5 0.2 10 3")
    has_environment(box_folder)
    said = run_all("train-on-your-box.md", command_line)
    assert (checkout / "models" / "adapters" / "from-the-box" / "rook.json").is_file()
    assert "(fetched)" in said[3]
    assert "adapter: adapter" in said[4]
    (checkout / "models" / "adapters" / "from-the-box").rename(checkout / "models" / "adapters" / "first")
    monkeypatch.setenv("ROOK_BENCH_SSH_CONFIG", str(way(None)))  # no box is asked for what came home before
    code, _, err = command_line(*commands("train-on-your-box.md")[1][1:])
    assert code == 0
    assert "came home before: it is taken from the copy that is kept here" in err
    _on_fluence(checkout, sshd, tmp_path, command_line, monkeypatch)
    _on_hugging_face(checkout, sshd, tmp_path, command_line, monkeypatch)


def _on_fluence(checkout, sshd, tmp_path, command_line, monkeypatch):
    fluence = stand_in("fluence_stand_in")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    monkeypatch.setenv("ROOK_BENCH_SSH_CONFIG", rented_ssh(tmp_path, port))
    monkeypatch.setenv("ROOK_BENCH_REMOTE", str(tmp_path / "never-fetched-from-fluence"))
    service = fluence.StandIn(sshd.program, port, tmp_path / "machines")
    monkeypatch.setenv("FLUENCE_API_URL", service.url)
    monkeypatch.setenv("FLUENCE_API_KEY", fluence.KEY)
    try:
        said = run_all("train-on-fluence.md", command_line)
    finally:
        service.close()
    assert service.billed == []
    assert "0.50 USD an hour, 1.00 USD at most" in said[1]
    assert "ended: nothing of it is billed any more" in said[1]
    assert said[2] == "fluence: nothing is running\n"
    assert (checkout / "models" / "adapters" / "from-fluence" / "rook.json").is_file()


def _on_hugging_face(checkout, sshd, tmp_path, command_line, monkeypatch):
    """Here the keys are the user's own: the one to log in with, and the one that is known of the service."""
    hub = stand_in("hf_stand_in")
    known = tmp_path / "known"
    known.write_text(f"[127.0.0.1]:{sshd.port} {(sshd.folder / 'host.pub').read_text()}")
    more = f"  IdentityFile {sshd.folder}/user\n  IdentitiesOnly yes\n  UserKnownHostsFile {known}\n"
    monkeypatch.setenv("ROOK_BENCH_SSH_CONFIG", rented_ssh(tmp_path, sshd.port, more))
    monkeypatch.setenv("ROOK_BENCH_REMOTE", str(tmp_path / "never-fetched-from-a-job"))
    service = hub.StandIn(getpass.getuser(), "127.0.0.1")
    monkeypatch.setenv("HF_ENDPOINT", service.url)
    monkeypatch.setenv("HF_TOKEN", hub.TOKEN)
    try:
        run_all("train-on-hugging-face.md", command_line)
    finally:
        service.close()
    assert service.billed == []
    assert (checkout / "models" / "adapters" / "from-a-job" / "rook.json").is_file()


def test_on_a_fleet(checkout, tmp_path, command_line, monkeypatch):
    """What SkyPilot would carry out is carried out here, and what it leaves is received."""
    import subprocess

    import yaml

    run_all("train-on-a-fleet.md", command_line)
    task = yaml.safe_load((checkout / "reports" / "sky.yaml").read_text())
    assert task["resources"] == {"accelerators": "L4:1"}
    home = tmp_path / "home"
    for there, here in task["file_mounts"].items():
        place = home / there.removeprefix("~/")
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(here, place)
    has_environment(home / ".rook-bench")
    environment = {"HOME": str(home), "PATH": os.environ["PATH"], "OMP_NUM_THREADS": "1"}
    done = subprocess.run(task["run"], shell=True, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    line = next(
        line
        for line in (PAGES / "train-on-a-fleet.md").read_text().splitlines()
        if line.startswith("rook-bench remote receive")
    )
    shutil.copytree(home / "rook-bench" / "adapter", "adapter")
    code, _, err = command_line(*shlex.split(line)[1:])
    assert code == 0, err
    assert Path("models/adapters/from-the-fleet/rook.json").is_file()
    (Path("adapter") / "rook.json").unlink()
    (Path("adapter") / "rook.json").symlink_to("/etc/passwd")
    assert command_line(*shlex.split(line)[1:])[0] == 3
