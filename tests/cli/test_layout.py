"""Tables at 40 to 120 columns: names and figures are never cut or squeezed out."""

import os
import pty
import re
import subprocess
import sys

import pytest

from rook_bench.cli import history, layout
from rook_bench.cli.gate_plan import print_plan
from rook_bench.cli.gate_selftest import print_selftest
from rook_bench.cli.layout import laid_out
from rook_bench.cli.tables import TABLE, print_table
from rook_bench.gates import load_policy
from rook_bench.gates.plan import make_plan
from rook_bench.gates.selftest import PLANTED, WORLD_POLICY, SelfTest
from rook_bench.metrics import analyse

LONG = "momentum:lookback=50,threshold_bps=20,size=0.1-as-the-second-candidate"
FIGURES = ("net", "gross", "fills/day")
ROWS = [(("hold",), ("-0.09%", "undefined", "0")), ((LONG,), ("+12.34%", "+0.01%", "12,345"))]


def test_a_row_is_a_line_where_there_is_room():
    lines = laid_out(("source",), FIGURES, ROWS, width=120)
    assert lines[0].split() == ["source", *FIGURES]
    assert lines[2].split() == ["hold", "-0.09%", "undefined", "0"]
    assert lines[3].split() == [LONG, "+12.34%", "+0.01%", "12,345"]
    assert {len(line) for line in lines} == {len(lines[1])}  # figures stand below each other, to the right
    assert lines == laid_out(("source",), FIGURES, ROWS, width=len(lines[0]))
    assert lines == laid_out(("source",), FIGURES, ROWS, width=None)


def test_names_have_a_line_of_their_own_where_there_is_not():
    whole = len(laid_out(("source",), FIGURES, ROWS, width=None)[0])
    lines = laid_out(("source",), FIGURES, ROWS, width=whole - 1)
    assert lines[2:] == ["hold", "   -0.09%  undefined          0", LONG, "  +12.34%     +0.01%     12,345"]
    assert lines[0] == "      net      gross  fills/day"


def test_figures_are_left_out_from_the_right_and_named():
    lines = laid_out(("source",), FIGURES, ROWS, width=20, rest="run.json has them all")
    assert lines[0].split() == ["net", "gross"]
    assert lines[3].split() == ["-0.09%", "undefined"]
    assert lines[-1] == "not shown at this width: fills/day; run.json has them all"
    none = laid_out(("source",), FIGURES, ROWS, width=5)
    assert none == ["hold", LONG, "not shown at this width: net, gross, fills/day"]


def test_texts_stand_one_below_the_other_where_they_are_too_wide():
    rows = [(("0", "promote"), ()), (("1", "rollback"), ())]
    assert laid_out(("seq", "action"), (), rows, width=80) == [
        "seq  action",
        "-------------",
        "0    promote",
        "1    rollback",
    ]
    assert laid_out(("seq", "action"), (), rows, width=12) == [
        "seq: 0",
        "action: promote",
        "",
        "seq: 1",
        "action: rollback",
    ]


@pytest.fixture
def shown(monkeypatch, capsys):
    """What a printing function prints on a terminal so wide, as lines."""

    def show(width, function, *arguments):
        monkeypatch.setattr(layout, "line_width", lambda: width)
        capsys.readouterr()
        function(*arguments)
        return capsys.readouterr().out.splitlines()

    return show


@pytest.fixture(scope="module")
def analyses(run_of, short_tape, sides):
    from dataclasses import replace

    decisions = sides("BSHHH" * 60, 0.1)
    run = run_of(short_tape, decisions)
    return [analyse(replace(run, label=name)) for name in ("rules:old/r.json", "rules:new/r.json", LONG)]


@pytest.mark.parametrize(("width", "left_out"), [(60, ["cost bps", "actions"]), (80, []), (120, [])])
def test_the_results_keep_every_name(shown, analyses, width, left_out):
    lines = shown(width, print_table, analyses)
    table = lines[1 : lines.index("", 1)]
    note = table.pop() if left_out else ""
    assert note == (
        f"not shown at this width: {', '.join(left_out)}; metrics.json of each run has them all" if note else ""
    )
    assert table[0].split() == " ".join(title for title, _, _ in TABLE if title not in left_out).split()
    assert table[2::2] == [analysis.name for analysis in analyses]
    wide = shown(None, print_table, analyses)
    for figures, row in zip(table[3::2], wide[3:], strict=False):
        assert len(figures) <= width
        assert figures.split() == row.split()[1 : 1 + len(TABLE) - len(left_out)]


def selftest():
    results = [
        {"kind": kind.name, "verdict": "BLOCK", "difference": None, "decided_by": []}
        for kind in PLANTED
        for _ in range(2000)
    ]
    return SelfTest(WORLD_POLICY, 0, 10, 100, results)


@pytest.mark.parametrize(("width", "all_figures"), [(60, False), (80, True), (120, True)])
def test_the_selftest_keeps_every_kind(shown, width, all_figures):
    trial = selftest()
    lines = shown(width, print_selftest, trial)
    for name, summary, *_, wrong, interval in trial.table():
        row = lines.index(f"{name}: {summary}")
        figures = lines[row + 1]
        assert len(figures) <= width
        assert figures.endswith(interval if all_figures else wrong)
    assert ("not shown at this width: 95% interval; --json has them all" in lines) != all_figures


@pytest.mark.parametrize(("width", "all_figures"), [(60, False), (80, True), (120, True)])
def test_the_plan_keeps_every_figure(shown, root, width, all_figures):
    plan = make_plan(load_policy(root / "strategies" / "gate.toml"), 60.0, "as given")
    lines = shown(width, print_plan, plan)
    (_, _, resolvable), (_, _, needed) = plan.tables
    for row in (*resolvable, *(row if all_figures else row[:2] for row in needed)):
        assert any(line.split() == " ".join(row).split() for line in lines)
    assert ("not shown at this width: best of 20; --json has them all" in lines) != all_figures


@pytest.mark.parametrize("width", [60, 80, 120])
def test_the_record_keeps_every_name(shown, monkeypatch, width):
    entry = {
        "seq": 12, "at": "2026-11-25T21:06:32+00:00", "action": "promote", "signature": "x", "verdict_hash": "b" * 64,
        "source": "rules:strategies/a_name_of_many_words_and_of_more_than_that.json", "folder": "promoted/0123456789abcdef",
        "waivers": [{"check": "fills", "owner": "ann@example.org"}], "reason": "it [really] earned it, " * 6,
    }  # fmt: skip
    monkeypatch.setattr(history, "Record", lambda models: type("Fake", (), {"entries": lambda self: [entry]})())
    text = "\n".join(shown(width, history.history))
    for part in (
        "a_name_of_many_words_and_of_more_than_that.json",
        "2026-11-25 21:06:32",
        "b" * 16,
        entry["reason"].strip(),
    ):
        assert part in text
    assert "champion: rules:" in text
    assert len(shown(None, history.history)) == 3


@pytest.mark.parametrize("width", [60, 120])
def test_a_real_terminal(checkout, width):
    ours, theirs = pty.openpty()
    program = [sys.executable, "-c", "from rook_bench.cli.main import main; main()"]
    verb = ["gate", "plan", "--policy", "strategies/gate.toml", "--volatility-bps", "60"]
    environment = os.environ | {"COLUMNS": str(width)}
    process = subprocess.Popen([*program, *verb], cwd=checkout, stdout=theirs, stderr=theirs, env=environment)
    os.close(theirs)
    read = b""
    while True:
        try:
            part = os.read(ours, 4096)
        except OSError:  # Linux ends a terminal with an error
            break
        if not part:
            break
        read += part
    os.close(ours)
    assert process.wait(timeout=120) == 0
    assert ("not shown at this width: best of 20; --json has them all" in read.decode()) == (width == 60)
    assert re.search(r"1 +3\d,\d{3} days \(\d\d\.\d years\)", read.decode())
