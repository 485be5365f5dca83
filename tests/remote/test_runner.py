"""The runner on the box, asked through a real sshd: what it takes, how it ends, what it tells."""

import hashlib
import io
import json
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from rich.console import Console

from rook_bench.core import RookError
from rook_bench.remote.attach import Watch
from rook_bench.remote.box import Box
from rook_bench.remote.ssh import ConnectionLost, Ssh
from rook_bench.remote.train import describe_box, until

TRAIN = """
import json, os, sys, time, pathlib
print("hello \\x1b[2J", os.environ.get("MY_SECRET", "none"), flush=True)
{body}
"""


@pytest.fixture
def job(box, packed_job):
    """A package whose "training" is a few lines of Python; sent, and its name."""

    def make(body="", files=None, name=None):
        content = {
            "code/rook_bench/__init__.py": b"",
            "code/rook_bench/cli/__init__.py": b"",
            "code/rook_bench/cli/main.py": (TRAIN.format(body=body) + "\ndef main(): pass\n").encode(),
            "lock/x": b"",
            "work/rook-bench.toml": b"",
            **(files or {}),
        }
        own, package = packed_job(content)
        box.ready()
        list(box.send(name or own, package, hashlib.sha256(package.read_bytes()).hexdigest()))
        return name or own

    return make


ORDER = {"max_seconds": 60, "python": sys.executable}


def start(box, job, **order):
    return box.ask("start", job, send=json.dumps(ORDER | order).encode())


def followed(box, job, at=0):
    told = list(box.follow(job, at, 60))
    log = "".join(line["log"] for line in told if "log" in line)
    return log, told[-1]["end"]


WRITES = """
folder = pathlib.Path("adapter"); folder.mkdir(); (folder / "rook.json").write_text("{}")
(folder / "extra").write_text("x"); (folder / "link").symlink_to("/etc/passwd")
"""


def test_a_job_runs_to_its_end_and_is_collected(box, job):
    name = job(WRITES)
    assert start(box, name)["begun"] is True
    log, end = followed(box, name)
    assert end["stage"] == "done"
    assert "hello" in log
    with box.collect(name, ["rook.json", "link"]) as talk, tarfile.open(fileobj=talk.stdout, mode="r|") as tar:
        assert [member.name for member in tar] == ["rook.json"]
    assert start(box, name)["begun"] is False  # what is done stays done
    assert box.ask("status", name)["stage"] == "done"


def test_a_failure_says_what_training_said_last(box, job):
    name = job("sys.exit('no such luck')")
    start(box, name)
    _, end = followed(box, name)
    assert end["stage"] == "failed"
    assert end["message"] == "training ended with exit code 1: no such luck"
    assert start(box, name)["begun"] is True  # and may be tried again
    followed(box, name)


def test_secrets_reach_training_and_nothing_else(box, job, box_folder):
    name = job(WRITES)
    start(box, name, secrets={"MY_SECRET": "xyzzy-plugh"})
    log, _ = followed(box, name)
    assert "xyzzy-plugh" in log  # this training prints it, which is its own affair
    others = [path for path in box_folder.rglob("*") if path.is_file() and path.name != "log"]
    assert not [path for path in others if b"xyzzy-plugh" in path.read_bytes()]


def test_nothing_in_the_log_acts_on_the_terminal(box, job, tmp_path):
    name = job("print('\\x1b]0;title\\x07', 'caf\\u00e9', '\\r\\x9b31m', flush=True)" + WRITES)
    start(box, name)
    said = []
    out = io.StringIO()
    Watch(box, name, ORDER, tmp_path / "log", said.append, Console(file=out)).to_end()
    text = "\n".join(said)
    assert "café" in text
    assert not set(text) & {chr(code) for code in (*range(9), *range(11, 32), 127, *range(128, 160))}
    assert b"\x1b]0;title" in (tmp_path / "log").read_bytes()  # what is kept is what was said


def test_the_log_is_told_from_any_byte_on(box, job):
    name = job("print('x' * 200_000, flush=True)" + WRITES)
    start(box, name)
    log, _ = followed(box, name)
    again, _ = followed(box, name, 100_000)
    assert again == log[100_000:]


def test_a_package_goes_on_where_sending_stopped(box, job, box_folder, tmp_path):
    name = job(WRITES)
    folder = box_folder / "jobs" / name
    whole = (folder / "package.tar.gz").read_bytes()
    (folder / "package.tar.gz").unlink()
    (folder / "package.tar.gz.part").write_bytes(whole[:300])
    places = list(box.send(name, tmp_path / "package.tar.gz", hashlib.sha256(whole).hexdigest()))
    assert places[0] == 300
    assert (folder / "package.tar.gz").read_bytes() == whole

    (folder / "package.tar.gz").unlink()
    (folder / "package.tar.gz.part").write_bytes(b"y" * 300)
    with pytest.raises(RookError, match="what arrived is not what was sent"):
        list(box.send(name, tmp_path / "package.tar.gz", hashlib.sha256(whole).hexdigest()))
    list(box.send(name, tmp_path / "package.tar.gz", hashlib.sha256(whole).hexdigest()))
    assert (folder / "package.tar.gz").read_bytes() == whole


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"work/../../x": b"1"}, "holds what is no file of it"),
        ({"/x": b"1"}, "holds what is no file of it"),
    ],
)
def test_the_box_refuses_a_package_that_leads_elsewhere(box, job, files, said):
    name = job(files=files)
    start(box, name)
    _, end = followed(box, name)
    assert end["stage"] == "failed"
    assert said in end["message"]


def test_the_box_refuses_a_package_of_another_job(box, job):
    name = job(name="0" * 16)
    start(box, name)
    assert followed(box, name)[1]["message"] == "the package is of another job"


def test_ending_ends_all_that_was_started(box, job, box_folder, wait):
    body = (
        "import subprocess\nchild = subprocess.Popen(['sleep', '300'])\n"
        "pathlib.Path('child').write_text(str(child.pid))\ntime.sleep(300)"
    )
    name = job(body)
    start(box, name)
    wait(lambda: box.ask("status", name)["stage"] == "training")
    child = box_folder / "jobs" / name / "work" / "child"
    wait(child.is_file)
    pid = int(wait(lambda: child.read_text() or None))
    assert box.ask("end", name)["stage"] == "ended"
    wait(lambda: not Path(f"/proc/{pid}").exists() or ") Z" in Path(f"/proc/{pid}/stat").read_text(), seconds=10)
    assert box.ask("remove", name) == {"removed": name}
    assert box.ask("status", name)["known"] is False


def test_what_is_no_job_and_no_verb_is_trouble(box):
    box.ready()
    for words, said in ((("status", "../x"), "not a job"), (("dance", "0" * 16), "not a verb")):
        with pytest.raises(RookError, match=said):
            box.ask(*words)
    with pytest.raises(RookError, match="the package of this job is not here"):
        start(box, "0" * 16)


def test_watching_ends_with_whoever_watches(box, job, wait):
    """A client that is killed leaves nothing behind that goes on reading the log."""
    name = job("time.sleep(60)")
    start(box, name)
    with box.ssh.open(box.words("follow", name, 0)) as talk:
        talk.stdout.readline()
        talk.no_more()
        assert talk.process.wait(timeout=20) == 0
    box.ask("end", name)


def test_a_runner_that_ends_again_and_again_is_given_up(box, job, tmp_path, monkeypatch):
    name = job("time.sleep(60)")
    monkeypatch.setattr(type(box), "follow", lambda self, *rest: iter([{"end": {"stage": "training", "alive": False}}]))
    monkeypatch.setattr(type(box), "ask", lambda self, *rest, **more: {})
    with pytest.raises(RookError, match="the runner ended 4 times without a word, at training"):
        Watch(box, name, ORDER, tmp_path / "log", print, Console(file=io.StringIO())).to_end()


def test_a_box_that_is_gone_for_good_is_given_up(box, tmp_path, monkeypatch):
    def lost(self, *rest):
        raise ConnectionLost("can't be reached", where="box")

    monkeypatch.setattr(type(box), "follow", lost)
    monkeypatch.setattr("rook_bench.remote.attach.WAITS_S", (0.01,))
    said = []
    with pytest.raises(ConnectionLost):
        Watch(box, "0" * 16, ORDER, tmp_path / "log", said.append, Console(file=io.StringIO()), connect_s=0.1).to_end()
    assert said == ["box: can't be reached: the job goes on there; connecting again"]


@pytest.fixture
def answering(way):
    """A box whose runner is a few lines of shell; hostile or broken."""

    def make(script):
        class Odd(Box):
            def words(self, *arguments):
                return ["sh", "-c", script]

        return Odd(Ssh("box", way()), sys.executable)

    return make


ODD = {
    "no JSON": ("echo hello", "answers with something else than asked: hello"),
    "a list": ("echo '[1]'", "answers with something else than asked"),
    "deep": ("head -c 200000 /dev/zero | tr '\\0' '['", "answers with something else than asked"),
    "without end": ("yes", "answers with more than 4,194,304 bytes"),
    "no number": ("echo '{\"deadline\": NaN}'", "answers with something else than asked"),
    "cut": ("printf '{\"known\": tr'", "answers with something else than asked"),
    "binary": ("head -c 1000 /dev/urandom", "answers with something else than asked"),
    "complaints": ("yes complaint | head -c 3000000 >&2; exit 7", "exit code 7: complaint"),
    "escapes": ("printf '\\033[2Jboo' >&2; exit 7", "exit code 7: .\\[2Jboo"),
}


@pytest.mark.parametrize("kind", ODD)
def test_a_box_that_answers_oddly_is_told_in_one_line(kind, answering):
    script, said = ODD[kind]
    with pytest.raises(RookError, match=said) as refused:
        answering(script).ask("status", "0" * 16)
    assert "\n" not in str(refused.value)
    assert "\x1b" not in str(refused.value)


def test_a_box_that_never_answers_is_not_waited_for(answering):
    with pytest.raises(ConnectionLost, match="no answer in 1 s"):
        answering("sleep 30").ask("status", "0" * 16, timeout_s=1)
    with pytest.raises(ConnectionLost, match="no answer in 1 s"):
        list(answering("sleep 30").follow("0" * 16, 0, 1.0))


def test_what_a_box_says_of_itself_is_shown_as_far_as_it_can_be_read():
    odd = {"python": {"a": 1}, "cores": [1], "memory": "much", "disk_free": 2**80, "cards": [3, {"name": "\x1b[2J"}]}
    text = describe_box(odd)
    assert "\x1b" not in text
    assert text.startswith("Python ?, ")
    for deadline in ("soon", 1e300, -5, None, float("nan")):
        assert until(deadline) == ""


def test_a_log_that_lies_about_its_place_is_not_kept(box, tmp_path):
    watch = Watch(box, "0" * 16, ORDER, tmp_path / "log", lambda line: None, Console(file=io.StringIO()))
    for told in ({"at": 5, "log": "x"}, {"at": "0", "log": "x"}, {"at": 0, "log": 7}, {"at": 0, "log": "€"}):
        watch._take_log(told)
    assert (tmp_path / "log").read_bytes() == b"?"


def test_a_connection_that_breaks_in_the_middle_of_a_line_is_a_broken_connection(answering):
    """What is read of it is no answer of a box that lies; it is tried again."""
    with pytest.raises(ConnectionLost):
        list(answering('printf \'{"at": 0, "lo\'; exit 255').follow("0" * 16, 0, 30))


def test_a_box_with_the_runner_of_another_version_gets_ours(box, box_folder):
    box.ready()
    for path in box_folder.glob("runner-*"):
        path.rename(path.with_name("runner-000000000000.pyz"))
    assert box.ask("status", "0" * 16)["known"] is False
    assert len(list(box_folder.glob("runner-*"))) == 2


def test_what_others_do_in_the_folder_of_a_job_is_left_alone(box, job, box_folder):
    name = job("time.sleep(1)")
    start(box, name)
    followed(box, name)
    other = subprocess.Popen(["sleep", "60"], cwd=box_folder / "jobs" / name / "work")
    try:
        start(box, name)
        box.ask("end", name)
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def test_numbers_that_fit_nothing_are_passed_over(answering, tmp_path):
    big = "1" + "0" * 400
    state = f'{{"state": {{"stage": "training", "progress": {{"step": 1, "of": {big}}}}}}}'
    odd = answering(f'echo \'{state}\'; echo \'{{"end": {{"stage": "failed"}}}}\'')
    watch = Watch(
        odd, "0" * 16, ORDER, tmp_path / "log", lambda line: None, Console(file=io.StringIO(), force_terminal=True)
    )
    assert watch.to_end()["stage"] == "failed"
    assert describe_box({"memory": 10**400, "disk_free": -(10**400)}) == "Python ?, None cores, no graphics card"
    assert until(10**400) == ""
