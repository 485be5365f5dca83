"""The GitHub action without GitHub: its shell steps run as they stand, and the workflow in the docs fits it."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

REPOSITORY = Path(__file__).resolve().parents[2]
ACTION = REPOSITORY / ".github" / "actions" / "gate" / "action.yml"
BASH = shutil.which("bash")

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
    for name, code in (("rook-bench", "from rook_bench.cli.main import main; main()"), ("python", None)):
        body = f'exec {sys.executable} -c "{code}" "$@"' if code else f'echo "$@" >> {checkout}/installed'
        (programs / name).write_text(f"#!/bin/sh\n{body}\n")
        (programs / name).chmod(0o755)

    def run(*, only=None, outputs=None, **inputs):
        given = {name: value.get("default", "") for name, value in action["inputs"].items()} | inputs
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
        if what.startswith("inputs."):
            return given[what.removeprefix("inputs.")]
        _, step, _, name = what.split(".")
        return outputs[step][name]

    return re.sub(r"\$\{\{(.*?)\}\}", value, text)


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


def test_no_input_is_pasted_into_a_script(action):
    """Inputs reach the shell through the environment only: text from a pull request must not become code."""
    for step in action["runs"]["steps"]:
        assert "${{" not in step["run"]


def test_the_workflow_in_the_docs_fits_the_action(action):
    page = (REPOSITORY / "docs" / "how-to" / "gate-in-ci.md").read_text()
    workflows = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", page, flags=re.DOTALL)]
    steps = [step for flow in workflows if "jobs" in flow for job in flow["jobs"].values() for step in job["steps"]]
    ours = [step for step in steps if "actions/gate" in step.get("uses", "")]
    assert ours
    required = {name for name, value in action["inputs"].items() if value["required"]}
    for step in ours:
        assert required <= set(step["with"]) <= set(action["inputs"])
        assert "./" + str(ACTION.parent.relative_to(REPOSITORY)) == step["uses"].split("@")[0] or "@" in step["uses"]
    # Whatever the job reads from the step exists.
    used = set(re.findall(r"steps\.gate\.outputs\.([\w-]+)", page))
    assert used <= set(action["outputs"])
    assert used
