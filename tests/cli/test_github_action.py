"""The GitHub action without GitHub: its shell steps run as they stand, and the workflow in the docs fits it."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from rook_bench.workbench.init import make_project, project_files

REPOSITORY = Path(__file__).resolve().parents[2]
PAGE = REPOSITORY / "docs" / "how-to" / "gate-in-ci.md"
ACTION = REPOSITORY / ".github" / "actions" / "gate" / "action.yml"
BASH = shutil.which("bash")

ROOK_BENCH = f"""#!{sys.executable}
from rook_bench.cli.main import main
from rook_bench.report import pictures
from rook_bench.sources import lookahead
pictures.pictures = lambda entries, asked: ()  # drawing takes seconds
lookahead.MANY_CUTS = 6  # and so does asking at 48 places, a process each
main()
"""
"""The command line as a program of its own."""

GH = """#!/bin/sh
echo "$@" >> gh-calls
case "$*" in
  *--paginate*) [ ! -f comment ] || echo 77 ;;
  *) for word; do case "$word" in body=@*) cp "${word#body=@}" comment ;; esac; done; [ ! -f refused ] ;;
esac
"""
"""What stands in for GitHub's own program: it keeps one comment, and what it was asked."""

PULL_REQUEST = {
    "github.event.pull_request.number": "12",
    "github.repository": "owner/name",
    "github.server_url": "https://git.example",
    "github.run_id": "345",
}

pytestmark = pytest.mark.skipif(BASH is None, reason="bash is not installed")


@pytest.fixture(scope="module")
def action():
    return yaml.safe_load(ACTION.read_text())


@pytest.fixture(scope="module")
def short(tmp_path_factory):
    """A tape of 700 swaps, so that judging takes seconds."""
    from rook_bench.ingest.read import read_swaps
    from rook_bench.market.tape_file import write_tape

    path = tmp_path_factory.mktemp("tape") / "short.parquet"
    write_tape(read_swaps(REPOSITORY / "data" / "sample.parquet")[:700], path)
    return path


@pytest.fixture
def job(action, checkout, short):
    """Run the action's steps with these inputs, as a runner would; returns what it left behind."""
    shutil.copy(short, checkout / "tape.parquet")
    programs = checkout / "bin"
    programs.mkdir()
    (programs / "rook-bench").write_text(ROOK_BENCH)
    (programs / "python").write_text(f'#!/bin/sh\necho "$@" >> {checkout}/installed\n')
    (programs / "gh").write_text(GH)
    for program in programs.iterdir():
        program.chmod(0o755)

    def run(*, only=None, outputs=None, **inputs):
        given = {name: value.get("default", "") for name, value in action["inputs"].items()}
        given |= {"trials-remote": ""} | inputs
        outputs = dict(outputs or {})
        codes = {}
        summary = checkout / "step_summary"
        for step in action["runs"]["steps"]:
            name = step.get("id", step["name"])
            if only is not None and name != only:
                continue
            condition = step.get("if")
            if condition is not None and not _holds(condition, given):
                continue
            file = checkout / f"output-{name}"
            file.touch()
            environment = {key: _filled(value, given, outputs) for key, value in step.get("env", {}).items()}
            done = subprocess.run(
                [BASH, "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
                cwd=checkout,
                env=os.environ
                | environment
                | {
                    "PATH": f"{programs}:{os.environ['PATH']}",
                    "GITHUB_OUTPUT": str(file),
                    "GITHUB_STEP_SUMMARY": str(summary),
                },
                capture_output=True,
                text=True,
            )
            codes[name] = (done.returncode, done.stdout + done.stderr)
            outputs[name] = dict(line.split("=", 1) for line in file.read_text().splitlines())
            if done.returncode:
                break
        return {
            "codes": codes,
            "outputs": outputs.get("gate", {}),
            "summary": summary.read_text() if summary.exists() else "",
            "failed": any(code for code, _ in codes.values()),
        }

    return run


def _holds(condition, given):
    name, value = re.fullmatch(r"inputs\.([\w-]+) == '(\w+)'", condition).groups()
    return given[name] == value


def _filled(text, given, outputs):
    def value(match):
        what = match.group(1).strip()
        if what == "github.action_path":
            return str(ACTION.parent)
        if what.startswith("github."):
            return outputs.get("github", {}).get(what, "")
        if what.startswith("inputs."):
            return given[what.removeprefix("inputs.")]
        _, step, _, name = what.split(".")
        return outputs[step][name]

    return re.sub(r"\$\{\{(.*?)\}\}", value, text)


@pytest.fixture
def repository(tmp_path, short, monkeypatch):
    """A made project on a bare remote; gives a fresh shallow clone of a branch of it to stand in, as CI has one."""
    monkeypatch.delenv("ROOK_BENCH_TRIALS")
    git("init", "--quiet", "--bare", "--initial-branch=main", tmp_path / "remote.git")
    make_project(tmp_path / "author")
    (tmp_path / "author" / "data").mkdir()
    shutil.copy(short, tmp_path / "author" / "data" / "sample.parquet")  # the project's own comes first: seconds
    git("init", "--quiet", "--initial-branch=main", tmp_path / "author")
    git("-C", tmp_path / "author", "add", "-A")
    git("-C", tmp_path / "author", "commit", "--quiet", "-m", "a new project")
    git("-C", tmp_path / "author", "push", "--quiet", tmp_path / "remote.git", "main")

    def clone(name, **edits):
        folder = tmp_path / name
        git("clone", "--quiet", "--depth=1", (tmp_path / "remote.git").as_uri(), folder)
        workflow = folder / ".github" / "workflows" / "gate.yml"
        for key, value in edits.items():
            workflow.write_text(re.sub(f"^  {key}: .*$", f"  {key}: {value}", workflow.read_text(), flags=re.MULTILINE))
        monkeypatch.chdir(folder)
        return folder

    return clone


def git(*arguments):
    flags = ("-c", "user.name=t", "-c", "user.email=t@localhost")
    subprocess.run(["git", *flags, *map(str, arguments)], check=True, capture_output=True)


def run_workflow(folder):
    """Run the steps of the project's workflow that are shell, as a runner would; the exit code of the first that fails."""
    flow = yaml.safe_load((folder / ".github" / "workflows" / "gate.yml").read_text())
    assert flow["permissions"] == {"contents": "write"}
    programs = folder.with_name(f"{folder.name}-bin")
    programs.mkdir()
    (programs / "rook-bench").write_text(ROOK_BENCH)
    (programs / "python").write_text('#!/bin/sh\necho "$@" >> ../python-calls\n')  # installs, and runs the tests
    for program in programs.iterdir():
        program.chmod(0o755)
    summary = folder.with_name(f"{folder.name}-summary")
    environment = os.environ | flow["env"] | {
        "PATH": f"{programs}:{os.environ['PATH']}",
        "GITHUB_STEP_SUMMARY": str(summary),
    }  # fmt: skip
    failed, said = 0, ""
    for step in flow["jobs"]["gate"]["steps"]:
        if "run" not in step or (failed and step.get("if") != "always()"):
            continue
        done = subprocess.run(
            [BASH, "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
            cwd=folder, env=environment, capture_output=True, text=True,
        )  # fmt: skip
        failed, said = failed or done.returncode, said + done.stdout + done.stderr
    return failed, said, summary.read_text() if summary.exists() else ""


def test_two_pull_requests_share_one_ledger(repository):
    """The second candidate pays for the first, which was judged in another clone that is gone by then."""
    code, said, summary = run_workflow(repository("first"))
    assert code in (1, 2), said
    assert "looked at 2 times, with 2 candidates" in said  # the rules are no promoted champion: a try as well
    assert summary.startswith("## ")
    folder = repository("second", CANDIDATE="my_strategy:lookback=20")
    code, said, _ = run_workflow(folder)
    assert code in (1, 2), said
    assert "origin rook-bench-trials" in said
    verdict = json.loads((folder / "reports" / "gate" / "verdict.json").read_text())
    assert verdict["trials"]["looks"] == 4
    assert verdict["trials"]["candidates"] == 3
    calls = (folder.parent / "python-calls").read_text().splitlines()
    assert calls == ["-m pip install --requirement requirements.txt", "-m pytest"] * 2


def test_a_pull_request_from_a_fork_gets_no_verdict_and_leaves_no_look(repository):
    folder = repository("fork")
    git("-C", folder, "config", "remote.origin.receivepack", "echo 403 >&2; false")  # a token that can only read
    code, said, summary = run_workflow(folder)
    assert code == 3
    assert "origin rook-bench-trials: trials can't be put on record there" in said
    assert "pull request from a fork" in said
    assert summary == ""
    assert not (folder / "reports" / "gate").exists()
    assert not (folder / "models" / "trials" / "trials.jsonl").exists()


LAX = "[evidence]\nmin_days = 0\nmin_fills = 5\n"
GATE = {"policy": "strategies/gate.toml", "data": "tape.parquet", "champion": "hold"}


def test_a_candidate_that_is_not_known_well_enough(job, checkout):
    left = job(candidate="rules:strategies/data_driven.json", **GATE)
    assert left["outputs"] == {"verdict": "INCONCLUSIVE", "exit-code": "2", "folder": "rook-gate"}
    assert left["failed"]
    assert left["codes"]["Decide"][0] == 2
    assert "::error::" in left["codes"]["Decide"][1]
    assert left["summary"].startswith("## ❔ INCONCLUSIVE")
    assert (checkout / "rook-gate" / "junit.xml").exists()
    assert (checkout / "models" / "trials" / "trials.jsonl").exists()
    # Installed from the very project that the action lies in.
    project = (checkout / "installed").read_text().split()[-1]
    assert (Path(project) / "pyproject.toml").samefile(REPOSITORY / "pyproject.toml")


def test_inconclusive_may_pass_where_the_job_says_so(job):
    decide = {"only": "Decide", "outputs": {"gate": {"verdict": "INCONCLUSIVE"}}}
    assert job(**decide)["codes"]["Decide"][0] == 2
    assert job(inconclusive="pass", **decide)["codes"]["Decide"][0] == 0


def test_block_fails_with_its_own_code(job):
    left = job(candidate="always-buy", **GATE)
    assert left["outputs"]["verdict"] == "BLOCK"
    assert left["codes"]["Decide"][0] == 1


def test_promote_passes_and_names_with_spaces_and_quotes_stay_one_argument(job, checkout):
    odd = checkout / "my policy's file.toml"
    odd.write_text(LAX)
    left = job(candidate="random:0.2", policy=odd.name, data="tape.parquet", out="out of the way; touch hacked")
    assert (left["outputs"]["verdict"], left["failed"]) == ("PROMOTE", False)
    assert not (checkout / "hacked").exists()


def test_input_that_can_not_be_judged_is_explained_in_the_summary(job, checkout):
    (checkout / "rook-gate").mkdir()
    (checkout / "rook-gate" / "verdict.json").write_text('{"verdict": "PROMOTE"}')  # an older one lies there
    left = job(candidate="nowhere", policy="strategies/gate.toml", install="false")
    assert left["outputs"] == {"verdict": "INVALID", "exit-code": "3", "folder": ""}
    assert left["codes"]["Decide"][0] == 3
    assert "'nowhere' is no run folder" in left["summary"]
    assert "Install" not in " ".join(left["codes"])


def test_a_pull_request_has_one_comment_with_the_newest_verdict(job, checkout):
    pull_request = {"outputs": {"github": PULL_REQUEST}}
    job(candidate="always-buy", **GATE, **pull_request)
    told = (checkout / "comment").read_text()
    assert told.splitlines()[:2] == ["<!-- rook-bench gate: rook-gate -->", "## ❌ BLOCK: at least one check fails"]
    assert "| Net return |" in told
    assert "(https://git.example/owner/name/actions/runs/345)" in told
    job(candidate="nowhere", policy="strategies/gate.toml", install="false", **pull_request)
    assert "INVALID: nothing was judged" in (checkout / "comment").read_text()
    calls = (checkout / "gh-calls").read_text().splitlines()
    assert ["POST" in calls[1], "PATCH repos/owner/name/issues/comments/77" in calls[3], len(calls)] == [True, True, 4]


def test_a_comment_that_is_refused_decides_nothing(job, checkout):
    (checkout / "refused").touch()
    left = job(candidate="always-buy", **GATE, outputs={"github": PULL_REQUEST})
    assert left["codes"]["comment"][0] == 0
    assert "::warning::" in left["codes"]["comment"][1]
    assert left["codes"]["Decide"][0] == 1


def test_without_a_pull_request_nobody_is_told(job, checkout):
    left = job(only="comment", outputs={"gate": {"folder": ""}})
    assert left["codes"]["comment"] == (0, "")
    assert not (checkout / "gh-calls").exists()


def test_a_program_that_crashes_has_not_blocked_anybody(job, checkout):
    """Python's own exit code for a crash is the gate's for BLOCK."""
    (checkout / "bin" / "rook-bench").write_text("#!/bin/sh\necho 'ImportError: broken' >&2\nexit 1\n")
    left = job(candidate="hold", **GATE)
    assert left["outputs"] == {"verdict": "INVALID", "exit-code": "3", "folder": ""}
    assert "ImportError: broken" in left["summary"]


def test_no_input_is_pasted_into_a_script(action):
    """Inputs reach the shell through the environment only: text from a pull request must not become code."""
    for step in action["runs"]["steps"]:
        assert "${{" not in step["run"]


def test_the_ledger_is_kept_on_a_branch_unless_the_job_says_otherwise(action, job, checkout):
    assert action["inputs"]["trials-remote"]["default"] == "origin"
    subprocess.run(["git", "init", "--quiet", "--bare", "ledger.git"], check=True)
    left = job(candidate="momentum", **{**GATE, "trials-remote": "ledger.git", "trials-branch": "tries"})
    assert left["outputs"]["verdict"] in ("BLOCK", "INCONCLUSIVE")
    kept = subprocess.run(["git", "show", "tries:trials.jsonl"], cwd="ledger.git", capture_output=True, check=True)
    assert kept.stdout == (checkout / "models" / "trials" / "trials.jsonl").read_bytes()


def test_the_workflow_in_the_docs_is_the_one_that_init_writes():
    assert yaml_blocks()[0].strip() == project_files()[".github/workflows/gate.yml"].strip()


def test_the_steps_in_the_docs_fit_the_action(action):
    steps = [step for block in yaml_blocks()[1:] for step in yaml.safe_load(block)]
    ours = [step for step in steps if "actions/gate" in step.get("uses", "")]
    assert ours
    required = {name for name, value in action["inputs"].items() if value["required"]}
    for step in ours:
        assert required <= set(step["with"]) <= set(action["inputs"])
        assert "./" + str(ACTION.parent.relative_to(REPOSITORY)) == step["uses"]
    # Whatever a step reads from it exists.
    used = set(re.findall(r"steps\.gate\.outputs\.([\w-]+)", PAGE.read_text()))
    assert used
    assert used <= set(action["outputs"])


def yaml_blocks():
    return re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), flags=re.DOTALL)


def test_the_ledger_s_commands_in_the_docs_run(repository, rook_bench):
    told = re.findall(r"^\$ rook-bench (trials .*)$", PAGE.read_text(), flags=re.MULTILINE)
    assert told == ["trials pull", "trials push"]
    repository("reader")
    for line in told:
        code, out, err = rook_bench(*line.split())
        assert code == 0, err
        assert "origin rook-bench-trials: 0 trials" in out
