"""`rook-bench view`: what it says where it can't, and how it begins and ends."""

import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request

import pytest
from processes import start

from rook_bench.cli.main import run
from rook_bench.metrics import analyse
from rook_bench.replay import replay
from rook_bench.workbench.folder import save_single

pytest.importorskip("starlette", reason="the pages need starlette (extra view)")


@pytest.fixture(scope="module")
def reports(tape, tmp_path_factory):
    folder = tmp_path_factory.mktemp("view") / "reports"
    (folder / "one").mkdir(parents=True)
    save_single(analyse(replay(tape, "momentum")), folder / "one", report=False)
    return folder


def said(capsys, *arguments):
    code = run(["view", *map(str, arguments)])
    told = capsys.readouterr()
    return code, told.out, told.err


def test_a_folder_that_is_not_there(capsys, reports):
    code, _, told = said(capsys, reports.parent / "report")
    assert code == 3
    assert "no such folder" in told
    assert "did you mean 'reports'?" in told


def test_a_port_that_is_taken(capsys, reports):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        code, _, told = said(capsys, reports, "--port", taken.getsockname()[1])
    assert code == 3
    assert "can't be used" in told
    assert "--port" in told


BLOCKED = (
    "import sys; sys.modules |= {'starlette': None, 'uvicorn': None}; from rook_bench.cli.main import main; main()"
)
"""The command line where the extra is not installed."""


def test_without_the_extra_pages_are_written_and_not_served(reports, tmp_path):
    command = [sys.executable, "-c", BLOCKED, "view", str(reports)]
    served = subprocess.run(command, capture_output=True, text=True)
    assert (served.returncode, served.stdout) == (3, "")
    assert served.stderr.splitlines() == [
        "rook-bench: pages need starlette, not installed here; pip install 'rook-bench[view]'"
    ]
    written = subprocess.run([*command, "--export", str(tmp_path / "site")], capture_output=True, text=True)
    assert (written.returncode, written.stderr) == (0, "")
    assert (tmp_path / "site" / "index.html").is_file()


def test_pages_are_written(capsys, reports, tmp_path):
    code, told, _ = said(capsys, reports, "--export", tmp_path / "site", "--orders", 2)
    assert code == 0
    assert "index.html" in told
    assert (tmp_path / "site" / "index.html").is_file()


def test_pages_never_replace_what_they_show(capsys, reports):
    code, _, told = said(capsys, reports, "--export", reports.parent)
    assert code == 3
    assert "would be replaced" in told
    assert (reports / "one" / "run.json").is_file()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_it_is_told_to_end(reports, how):
    process = start("view", reports, "--port", 0)
    try:
        assert process.stdout.readline() == "1 run, 0 verdicts, 0 adapters\n"
        address = re.search(r"http://127\.0\.0\.1:\d+/\?token=\S+", process.stdout.readline()).group(0)
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(address.partition("?")[0], timeout=30)
        assert refused.value.code == 403
        opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
        assert b"momentum" in opener.open(address, timeout=30).read()
        process.send_signal(how)
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0
        assert out.endswith("ended\n")
        assert err == ""
    finally:
        process.kill()
        process.communicate()
