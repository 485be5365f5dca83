"""A new project works as it is: every command of its README, its tests and its workflow's files."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from rook_bench.core import InputError
from rook_bench.ingest.read import read_swaps
from rook_bench.market.tape_file import write_tape
from rook_bench.workbench.config import BenchConfig, load_config
from rook_bench.workbench.init import make_project, project_files


def listed(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_a_project_appears_whole(tmp_path):
    files = make_project(tmp_path / "deep" / "mine")
    assert listed(tmp_path / "deep" / "mine") == files
    assert {".gitignore", ".github/workflows/gate.yml", "strategies/my_strategy.py"} < set(files)
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["mine"]
    assert "ROOK_BENCH_VERSION" not in "".join(project_files().values())


def test_its_configuration_is_the_default_one(tmp_path):
    make_project(tmp_path / "mine")
    assert load_config(tmp_path / "mine" / "rook-bench.toml") == BenchConfig()


def test_a_folder_with_other_files_keeps_them(tmp_path):
    (tmp_path / "strategies").mkdir()
    (tmp_path / "strategies" / "other.py").write_text("x = 1\n")
    files = make_project(tmp_path)
    assert listed(tmp_path) == sorted([*files, "strategies/other.py"])


@pytest.mark.parametrize("taken", ["README.md", "strategies/gate.toml", ".github/workflows/gate.yml"])
def test_nothing_is_written_where_one_file_is_there(tmp_path, taken):
    (tmp_path / taken).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / taken).write_text("mine")
    with pytest.raises(InputError, match=re.escape(f"{taken} is there already; nothing was written")):
        make_project(tmp_path)
    assert listed(tmp_path) == [taken]
    assert (tmp_path / taken).read_text() == "mine"


def test_a_link_that_leads_nowhere_and_a_file_in_a_folder_s_place_count_as_there(tmp_path):
    (tmp_path / "README.md").symlink_to(tmp_path / "nowhere")
    (tmp_path / "tests").write_text("a file")
    with pytest.raises(InputError, match=r"README.md is there already, as is 1 more"):
        make_project(tmp_path)
    assert not (tmp_path / "nowhere").exists()
    with pytest.raises(InputError, match="is there already, as are"):
        make_project(tmp_path / "tests")


def test_what_was_begun_is_taken_away_again(tmp_path, monkeypatch):
    (tmp_path / "kept.txt").write_text("kept")
    opened = open

    def full(path, *arguments, **options):
        if str(path).endswith("rules.json"):
            raise OSError(28, "No space left on device", str(path))
        return opened(path, *arguments, **options)

    monkeypatch.setattr("builtins.open", full)
    for folder in (tmp_path, tmp_path / "new"):
        with pytest.raises(InputError, match="No space left on device"):
            make_project(folder)
    assert [path.name for path in tmp_path.iterdir()] == ["kept.txt"]


@pytest.fixture
def project(tmp_path, monkeypatch, few_pictures):
    """A made project to stand in, with the ledger where it is by itself."""
    monkeypatch.delenv("ROOK_BENCH_TRIALS")
    make_project(tmp_path / "mine")
    monkeypatch.chdir(tmp_path / "mine")
    return tmp_path / "mine"


@pytest.fixture
def short_sample(project):
    """A tape of the project's own that goes by the sample's name, so that commands take seconds."""
    (project / "data").mkdir()
    write_tape(read_swaps("sample")[:1200], project / "data" / "sample.parquet")


def test_every_command_of_its_readme_runs(project, short_sample, command_line):
    block = re.search(r"```bash\n(.*?)```", (project / "README.md").read_text(), flags=re.DOTALL)[1]
    commands = [shlex.split(line) for line in block.splitlines()]
    assert len(commands) == 5
    codes = {}
    for program, *arguments in commands:
        if program == "python":
            done = subprocess.run([sys.executable, *arguments, "-q"], cwd=project, capture_output=True, text=True)
            assert done.returncode == 0, done.stdout + done.stderr
            continue
        assert program == "rook-bench"
        code, out, err = command_line(*arguments)
        codes[" ".join(arguments[:2])] = code
        assert "1,200" in out or arguments[0] != "data", "the project's own tape comes first"
        assert code in (0, 1, 2), f"{arguments}\n{out}\n{err}"
    gate = codes.pop("gate --policy")
    assert gate == 2  # a day of tape can't tell; see `gate plan`
    assert set(codes.values()) == {0}
    assert (project / "reports" / "first" / "report.html").exists()
    # What was tried is on record in the project; its own tests are no tries.
    trials = (project / "models" / "trials" / "trials.jsonl").read_text().splitlines()
    assert len(trials) == 8, trials


def test_what_its_readme_names_exists(project):
    text = (project / "README.md").read_text()
    files = {name for name in re.findall(r"^\| `([^`]+)`", text, flags=re.MULTILINE) if not name.endswith("trials/")}
    assert len(files) == 6
    assert all((project / name).exists() for name in files)
    workflow = yaml.safe_load((project / ".github" / "workflows" / "gate.yml").read_text())
    assert set(re.findall(r"`([A-Z]+)`", text)) <= set(workflow["env"])


def test_every_line_of_its_ignore_file_means_something(project):
    subprocess.run(["git", "init", "--quiet"], cwd=project, check=True)
    ignored = ["reports/a", "models/trials/trials.jsonl", "models/promotions.jsonl.lock", "models/adapters/x/rook.json",
               "models/adapters/.x.training/y", "tests/__pycache__/z.pyc"]  # fmt: skip
    kept = ["models/promotions.jsonl", "models/promoted/a/file.json", "strategies/rules.json", "data/held-out.parquet"]
    done = subprocess.run(["git", "check-ignore", *ignored, *kept], cwd=project, capture_output=True, text=True)
    assert done.stdout.split() == ignored


def test_the_command(tmp_path, command_line, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, err = command_line("init", "mine")
    assert code == 0
    assert out.splitlines()[-1] == f"project: {tmp_path / 'mine'}; its README.md has the first five commands"
    assert "mine/strategies/my_strategy.py" in out
    assert "git init" in err
    code, out, err = command_line("init", "mine")
    assert (code, out) == (3, "")
    assert err.startswith("rook-bench: mine: README.md is there already") or "is there already" in err
    assert len(err.strip().splitlines()) == 1
    monkeypatch.chdir(tmp_path / "mine")
    assert Path("rook-bench.toml").is_file()


def test_its_own_test_finds_a_source_that_looks_ahead(project):
    """It would be worth nothing if it passed whatever the source does."""
    source = project / "strategies" / "my_strategy.py"
    seeing = 'view["price"]  # quote'
    assert seeing in source.read_text()
    peek = 'view._columns["price"][: len(view) + 30]  # quote'
    source.write_text(source.read_text().replace(seeing, peek))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-k", "contract"], cwd=project, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "FAILED" in done.stdout
    assert "1 failed" in done.stdout
