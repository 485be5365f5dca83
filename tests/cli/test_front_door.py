"""The first things that a newcomer types, as processes: help, version, a reader who goes away."""

import subprocess
import sys
from importlib import import_module
from importlib.metadata import version

import pytest

from rook_bench.cli import data, doctor, gate
from rook_bench.cli.main import PIPE_CLOSED, VERBS

ALL = {
    **{(name,): verb for name, verb in VERBS.items()},
    **{(group, name): verb for group, module in (("data", data), ("doctor", doctor), ("gate", gate)) for name, verb in module.VERBS.items()},
}  # fmt: skip
LONGEST_LINE = 60
HEAVY = {"torch", "transformers", "vectorbt", "matplotlib", "pandas", "numpy", "numba", "pyarrow", "scipy", "sklearn"}


@pytest.fixture
def answer(rook_bench_process):
    """Run the command line as a process: (exit code, stdout, stderr)."""

    def run(*arguments):
        process = rook_bench_process(*arguments)
        out, err = process.communicate(timeout=120)
        return process.returncode, out, err

    return run


def test_a_gate_without_options_is_no_promotion(answer):
    """Its exit code 0 says PROMOTE, so a call whose options were lost must not end with it."""
    code, out, err = answer("gate")
    assert (code, out) == (3, "")
    assert err == "rook-bench: gate: --policy is missing; see rook-bench gate --help\n"


@pytest.mark.parametrize("group", [(), ("data",), ("doctor",)], ids=" ".join)
def test_a_group_without_a_verb_prints_its_help(answer, group):
    code, out, err = answer(*group)
    assert (code, err) == (0, "")
    assert out.startswith(" ".join(["Usage: rook-bench", *group]))
    assert (code, out, err) == answer(*group, "--help")


def test_version(answer):
    assert answer("--version") == (0, version("rook-bench") + "\n", "")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("nonsense",), "No such command 'nonsense'"),
        (("data", "chekc"), "No such command 'chekc'"),
        (("gate", "--polcy", "x"), "No such option"),
        (("history", "--models"), "requires an argument"),
    ],
)
def test_a_usage_error_is_one_line_with_exit_code_3(answer, arguments, words):
    code, out, err = answer(*arguments)
    assert (code, out) == (3, "")
    assert err.startswith("rook-bench: ")
    assert words in err
    assert err.count("\n") == 1, err


@pytest.mark.parametrize("words", ALL, ids=" ".join)
def test_a_verb_has_a_short_line_and_lies_where_it_is_said_to(words):
    verb = ALL[words]
    assert 0 < len(verb.line) <= LONGEST_LINE, verb.line
    module, _, attribute = verb.place.partition(":")
    assert callable(getattr(import_module(module), attribute))


def test_help_fits_a_terminal_and_cuts_no_line(answer):
    for group in ((), ("data",), ("doctor",), ("gate",)):
        _, out, _ = answer(*group, "--help")
        assert max(map(len, out.splitlines())) <= 80
        assert "..." not in out.replace("COMMAND [ARGS]...", "")
        for words, verb in ALL.items():
            if words[:-1] == group:
                assert verb.line in out


@pytest.mark.parametrize("arguments", [["--help"], ["data"], ["doctor"], ["--version"]], ids=" ".join)
def test_help_imports_nothing_heavy(arguments):
    code = (
        f"import sys; from rook_bench.cli.main import run; run({arguments}); print(sorted({HEAVY} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    ("arguments", "heavy"),
    [
        (["history"], HEAVY),
        (["doctor"], HEAVY),
        (["verify"], HEAVY - {"numpy"}),
        (["verify", "--help"], HEAVY - {"numpy"}),
        (["promote", "--help"], HEAVY - {"numpy"}),
        (["train", "--help"], {"torch", "transformers", "peft"}),
        (["data", "check", "data/sample.parquet"], {"torch", "matplotlib", "vectorbt", "scipy.signal", "scipy.stats"}),
    ],
    ids=lambda part: " ".join(part) if isinstance(part, list) else "",
)
def test_a_verb_imports_what_it_needs(checkout, arguments, heavy):
    code = (
        f"import sys; from rook_bench.cli.main import run; run({arguments}); print(sorted({heavy} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    "arguments",
    [
        ("plugins",),
        ("gate", "plan", "--policy", "strategies/gate.toml", "--volatility-bps", "60"),
        ("data", "check", "data/sample.parquet", "--json"),
        ("--help",),
    ],
    ids=lambda arguments: arguments[0],
)
def test_a_reader_who_went_away_is_no_code_of_the_gate(rook_bench_process, arguments):
    # Nobody reads from the start, so that the output is lost whether or not it would fit the pipe.
    process = rook_bench_process(*arguments)
    process.stdout.close()
    err = process.stderr.read()
    assert process.wait(timeout=120) == PIPE_CLOSED == 141
    assert err == ""


def test_a_reader_of_the_first_line_only(checkout):
    program = f"{sys.executable} -c 'from rook_bench.cli.main import main; main()'"
    for verb in ("plugins", "gate plan --policy strategies/gate.toml --volatility-bps 60"):
        script = f"set -o pipefail; {program} {verb} | head -1 >/dev/null"
        done = subprocess.run(["bash", "-c", script], cwd=checkout, capture_output=True, text=True, timeout=120)
        # A table that fits the pipe is written before head goes away; then nothing was cut and all went well.
        assert done.returncode in (0, 141)
        assert done.stderr == ""


def test_quiet_silences_remarks_wherever_it_stands(checkout, rook_bench):
    loud = rook_bench("decide", "rules", "data/sample.parquet", "--limit", "50", "--out", "d.csv")
    assert loud[0] == 0
    assert "never wished to trade" in loud[2]
    quiet = rook_bench("--quiet", "decide", "rules", "data/sample.parquet", "--limit", "50", "--out", "d.csv")
    assert (quiet[0], quiet[2]) == (0, "")
    last = rook_bench("decide", "rules", "data/sample.parquet", "--limit", "50", "--out", "d.csv", "--quiet")
    assert last == quiet
    assert quiet[1].splitlines()[-1] == "decisions: d.csv"


def test_quiet_lets_warnings_and_errors_through(checkout, rook_bench):
    code, out, err = rook_bench("compare", "nowhere.csv", "--source", "hold", "--out", "c", "--quiet")
    assert (code, out, err.count("\n")) == (3, "", 1)
    (checkout / "peeking.py").write_text(
        "from rook_bench import decision_source\nfrom rook_bench.core.decision_tape import DecisionTape\nimport numpy as np\n"
        "@decision_source(whole_tape=True)\ndef peeking():\n"
        "    return lambda view: DecisionTape.from_sides(np.where(view['price'] < view['price'][-1], 0, 2), 0.1)\n"
    )
    arguments = ("data/sample.parquet", "--source", "peeking.py@peeking", "--limit", "200", "--no-report", "--out", "c")
    code, _, err = rook_bench("replay", *arguments, "--quiet")
    assert code == 0
    assert err.splitlines()[0].startswith("peeking.py@peeking: LOOK-AHEAD")
    assert "trial ledger" not in err
    # The next command is heard again.
    assert "trial ledger" in rook_bench("replay", *arguments)[2]
