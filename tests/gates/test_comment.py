"""What a verdict says on a pull request: within its limits, and never more than text."""

import json
import subprocess

import pytest

from rook_bench.core import Estimate
from rook_bench.gates import Policy, judge
from rook_bench.gates.formats import to_sarif, to_summary
from rook_bench.gates.formats.comment import MOST, marker, nothing_judged, to_comment
from rook_bench.gates.formats.markdown import cell, code

HOSTILE = "x | y\n## owned <img src=x> [a](https://evil.example) @everyone #12 `z` www.evil.example --> \u202e\x1b[31m"


@pytest.fixture(scope="module")
def record(judged, policy):
    """A verdict that blocks."""
    verdict = judge(policy(thresholds={"total_return": {"min": 0.5}}), judged("random:0.2"), judged("hold"))
    return json.loads(json.dumps(verdict.to_json(), allow_nan=False))


def with_checks(record, count, **more):
    check = {"name": "n", "status": "fail", "detail": "d" * 300, "estimate": None, "bound": "", "margin": None}
    return record | {"checks": [check | {"name": f"n{place}"} | more for place in range(count)]}


def test_it_says_the_verdict_and_what_does_not_hold(record):
    told = to_comment(record, links=[("report", "https://git.example/1")])
    assert told.startswith(marker("gate") + "\n## ❌ BLOCK")
    failing = [check["name"] for check in record["checks"] if check["status"] == "fail"]
    assert all(cell(name) in told for name in failing)
    passed = [check for check in record["checks"] if check["status"] == "pass"]
    assert f"{len(passed)} checks hold." in told
    assert told.rstrip().endswith("[report](https://git.example/1)")


def test_measures_of_both_sides_stand_beside_each_other(record):
    value = Estimate(-0.0123, 5, "fraction", "")
    none = Estimate.undefined("no trade", n=0, unit="bps")
    measures = {"candidate": {"total_return": value, "cost_per_turnover": none}, "champion": {"total_return": value}}
    told = to_comment(record, measures=measures)
    assert "| Net return | -1.23% | -1.23% |" in told
    assert "| Costs of value traded | undefined | undefined |" in told


def test_pictures_are_shown(record):
    told = to_comment(record, pictures=[("Equity", "https://git.example/o/r/blob/abc/e.png?raw=true")])
    assert "![Equity](https://git.example/o/r/blob/abc/e.png?raw=true)" in told


@pytest.mark.parametrize("count", [0, 3, 5_000])
def test_it_fits(record, count):
    told = to_comment(with_checks(record, count), links=[("report", "https://git.example/1")])
    assert len(told) <= MOST
    lines = [line for line in told.splitlines() if line.startswith("| ❌")]
    left = count - len(lines)
    assert (f"{left} more checks do not hold" in told) == (left > 0)
    assert "[report]" in told


def test_a_name_of_a_million_letters_fits(record):
    huge = "y" * 1_000_000
    long = record | {"candidate": record["candidate"] | {"name": huge}, "reasons": [huge] * 60}
    long = long | {"checks": [{**check, "detail": huge} for check in with_checks(record, 40)["checks"]]}
    assert len(to_comment(long)) <= MOST
    assert len(to_summary(long).encode()) <= 1 << 20
    assert len(json.dumps(to_sarif(long))) < 200_000


def test_the_summary_and_code_scanning_have_limits_too(record):
    many = with_checks(record, 6_000)
    many = many | {"checks": [{**check, "detail": "d" * 600} for check in many["checks"]]}
    summary = to_summary(many)
    assert len(summary.encode()) <= 1 << 20
    assert "more checks do not fit here" in summary
    assert summary.rstrip().endswith("</details>")
    (run,) = to_sarif(many)["runs"]
    assert len(run["results"]) == len(run["tool"]["driver"]["rules"]) == 5_000
    (said,) = run["invocations"][0]["toolExecutionNotifications"]
    assert said["message"]["text"].startswith("1,000 more")
    assert to_sarif(record)["runs"][0]["invocations"][0]["toolExecutionNotifications"] == []


def test_of_many_checks_those_that_fail_are_kept(record):
    checks = with_checks(record, 6_000, status="pass")["checks"]
    checks[5_990] = checks[5_990] | {"status": "fail"}
    (run,) = to_sarif(record | {"checks": checks})["runs"]
    (result,) = run["results"]
    assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == "n5990"


def test_text_from_outside_is_text(record):
    hostile = with_checks(record, 1)
    hostile["checks"][0] |= {"name": HOSTILE, "detail": HOSTILE}
    hostile |= {"candidate": record["candidate"] | {"name": HOSTILE}, "reasons": [HOSTILE]}
    hostile |= {"policy": record["policy"] | {"name": HOSTILE}, "tape": record["tape"] | {"pair": HOSTILE}}
    for told in (to_comment(hostile, name=HOSTILE), to_summary(hostile), nothing_judged(HOSTILE, [])):
        body = told.partition("\n")[2]
        assert "\n## owned" not in body
        assert "\u202e" not in told
        assert "\x1b" not in told
        outside_code = "".join(body.split("`")[::2])
        assert "<img" not in outside_code
        assert "@everyone" not in outside_code
        assert "https://" not in outside_code
        assert "www." not in outside_code


def test_cells_keep_their_table():
    assert cell("a|b") == "a\\|b"
    assert "|" not in code("a`b").replace("`", "")
    assert cell("a\nb\tc") == "a b c"


def test_a_marker_never_ends_early():
    for name in ("a--b", "x-->", "--", "a\nb", "a" * 500):
        line = marker(name)
        assert line.count("\n") == 0
        assert line.endswith(" -->")
        assert "--" not in line[4:-3]


class TestTheCommand:
    """`rook-bench gate comment`."""

    @pytest.fixture
    def folder(self, tmp_path, judged):
        from rook_bench.workbench.folder import save_comparison

        sides = judged("random:0.2"), judged("hold")
        (tmp_path / "gate").mkdir()
        save_comparison(sides, tmp_path / "gate", title="x", verdict=judge(Policy(name="p"), *sides), report=False)
        for name in ("equity.png", "difference.png", "other.png"):
            (tmp_path / "gate" / name).write_bytes(b"\x89PNG" + name.encode())
        return tmp_path / "gate"

    @pytest.fixture
    def said(self, capsys):
        from rook_bench.cli.main import run

        def say(*arguments):
            code = run(["gate", "comment", *map(str, arguments)])
            told = capsys.readouterr()
            return code, told.out, told.err

        return say

    def test_it_prints(self, folder, said):
        code, told, _ = said(folder, "--link", "job=https://git.example/1")
        assert code == 0
        assert "| Net return |" in told
        assert "[job](https://git.example/1)" in told

    def test_pictures_go_to_a_branch_and_stay_there(self, folder, said, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        subprocess.run(["git", "init", "--quiet", "--bare", "far.git"], check=True)
        where = ("--pictures-remote", "far.git", "--pictures-url", "https://git.example/o/r/blob")
        commits = []
        for _ in range(2):
            code, told, err = said(folder, *where)
            assert (code, err) == (0, "")
            addresses = [line.partition("](")[2][:-1] for line in told.splitlines() if line.startswith("![")]
            assert len(addresses) == 2
            _, _, rest = addresses[0].partition("/blob/")
            commit, _, path = rest.removesuffix("?raw=true").partition("/")
            show = ["git", "--git-dir", "far.git", "show", f"{commit}:{path}"]
            assert subprocess.run(show, capture_output=True, check=True).stdout == b"\x89PNGequity.png"
            commits.append(commit)
        log = ["git", "--git-dir", "far.git", "rev-list", "rook-bench-pictures"]
        assert set(commits) <= set(subprocess.run(log, capture_output=True, text=True, check=True).stdout.split())

    def test_where_pictures_are_refused_the_verdict_is_told(self, folder, said, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        code, told, err = said(folder, "--pictures-remote", "nowhere", "--pictures-url", "https://git.example/x")
        assert code == 0
        assert "can't be read" in err
        assert "![" not in told

    def test_what_is_wrong_is_a_line(self, folder, said, tmp_path):
        for arguments in (
            (),
            (tmp_path / "none",),
            (folder, "--link", "x"),
            (folder, "--link", "x=javascript:alert(1)"),
            (folder, "--link", "x=https://a b"),
            (folder, "--pictures-remote", "origin"),
        ):
            code, told, err = said(*arguments)
            assert (code, told) == (3, "")
            assert len(err.splitlines()) == 1

    def test_nothing_judged(self, said):
        code, told, _ = said("--nothing", "--name", "g", "--link", "job=https://git.example/1")
        assert code == 0
        assert told.startswith("<!-- rook-bench gate: g -->\n## ⛔ INVALID: nothing was judged")
