"""Two nodes of a Ray cluster on loopback, in a network of their own; one is killed in the middle."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("ray")

ROOT = Path(__file__).resolve().parents[2]
ALONE = ["unshare", "--net", "--map-root-user"] if os.getuid() else ["unshare", "--net"]


def _network_of_its_own():
    """A shell command in a network that holds nothing but loopback; None where the system does not allow one."""
    if shutil.which("unshare") is None or shutil.which("ip") is None:
        return None
    tried = subprocess.run([*ALONE, "ip", "link", "set", "lo", "up"], capture_output=True, timeout=60)
    return ALONE if tried.returncode == 0 else None


def test_a_killed_node_costs_its_pieces_and_the_bytes_are_the_same(tmp_path):
    alone = _network_of_its_own()
    if alone is None:
        pytest.skip("this system gives no network of one's own (unshare --net, ip)")
    script = f"ip link set lo up && exec {sys.executable} {Path(__file__).with_name('two_nodes.py')} {tmp_path}"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")])}
    done = subprocess.run(
        [*alone, "bash", "-c", script], capture_output=True, text=True, timeout=280, env=environment, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout)  # and nothing else: what a dying node logs does not end up there
    assert found["engine"] == "2 workers on 2 machines (Ray)"
    assert found["squares"]
    assert found["shared"]
    assert found["left"] == []
    assert found["error"] == "somewhere: piece three is bad; mend it"
    assert found["killed_at"] < found["pieces"] == 100
    assert found["lost"] >= 1
    assert found["same"]


def test_the_pages_commands_run(tmp_path):
    """On two nodes of one machine: HOST is loopback."""
    alone = _network_of_its_own()
    if alone is None:
        pytest.skip("this system gives no network of one's own (unshare --net, ip)")
    page = (ROOT / "docs" / "how-to" / "use-a-cluster.md").read_text()
    blocks = re.findall(r"^```bash\n(.*?)^```", page, flags=re.MULTILINE | re.DOTALL)
    lines = [line.replace("HOST", "127.0.0.1") for block in blocks for line in block.splitlines()]
    assert [line.split()[0] for line in lines] == ["ray", "ray", "rook-bench", "ray"]
    # Nodes of one machine would each take all of its processors, and listen everywhere.
    lines = [f"{line} --num-cpus=1 --node-ip-address=127.0.0.1" if " start " in line else line for line in lines]
    for name in ("data", "strategies"):
        (tmp_path / name).symlink_to(ROOT / name)
    script = f"export PATH={Path(sys.executable).parent}:$PATH; trap 'ray stop' EXIT; ip link set lo up && {' && '.join(lines)}"
    environment = os.environ | {"RAY_USAGE_STATS_ENABLED": "0", "ROOK_BENCH_TRIALS": str(tmp_path / "trials")}
    done = subprocess.run(
        [*alone, "bash", "-c", script], capture_output=True, text=True, timeout=280, env=environment, cwd=tmp_path
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert "best of 300 points by Sharpe ratio over hold" in done.stdout
    facts = json.loads((tmp_path / "reports" / "sweep-ray" / "sweep.json").read_text())
    assert facts["engine"] == "2 workers on 2 machines (Ray)"
