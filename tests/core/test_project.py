"""A project's models and trial ledger lie in one place, from whichever folder of it one asks."""

import subprocess
import sys

import pytest

from rook_bench.core.project import models_folder, project_folder, trials_folder


@pytest.fixture
def nowhere(tmp_path, monkeypatch):
    monkeypatch.delenv("ROOK_BENCH_TRIALS", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    (tmp_path / "work" / "deep").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "work" / "deep")
    return tmp_path / "work"


@pytest.mark.parametrize("marker", ["rook-bench.toml", ".git"])
def test_the_ledger_follows_the_project_and_not_the_folder(nowhere, monkeypatch, marker):
    (nowhere / marker).touch()
    assert project_folder() == nowhere
    assert trials_folder() == nowhere / "models" / "trials"
    monkeypatch.chdir(nowhere)
    assert trials_folder().resolve() == nowhere / "models" / "trials"
    assert str(models_folder()) == "models"


def test_outside_of_any_project_tries_are_the_users(nowhere):
    assert project_folder() is None
    assert trials_folder() == nowhere.parent / "home" / "rook-bench" / "trials"
    assert models_folder().resolve() == nowhere / "deep" / "models"


def test_what_is_named_counts_first(nowhere, monkeypatch, tmp_path):
    assert trials_folder(tmp_path / "models") == tmp_path / "models" / "trials"
    monkeypatch.setenv("ROOK_BENCH_TRIALS", str(tmp_path / "elsewhere"))
    assert trials_folder() == trials_folder(tmp_path / "models") == tmp_path / "elsewhere"


def test_what_init_marked_counts_before_any_repository(nowhere, monkeypatch):
    """A submodule, or an adapter cloned from a hub, lies inside the project and is not one."""
    (nowhere / "rook-bench.toml").touch()
    (nowhere / "deep" / ".git").mkdir()
    assert project_folder() == nowhere


def test_without_a_mark_the_nearest_repository_or_worktree_is_the_project(nowhere):
    (nowhere / ".git").mkdir()
    assert project_folder() == nowhere
    (nowhere / "deep" / ".git").write_text("gitdir: ../.git/worktrees/deep\n")
    assert project_folder() == nowhere / "deep"


def test_a_repository_of_settings_in_the_home_folder_is_nobody_s_project(nowhere, monkeypatch):
    monkeypatch.setenv("HOME", str(nowhere))
    (nowhere / ".git").mkdir()
    (nowhere.parent / ".git").mkdir()  # nor is one above it
    assert project_folder() is None
    assert trials_folder() == nowhere.parent / "home" / "rook-bench" / "trials"
    (nowhere / "strategies").mkdir()  # a container's home may be the checkout itself
    assert project_folder() == nowhere


def test_a_real_worktree_and_a_real_submodule(tmp_path, monkeypatch):
    def git(*arguments):
        flags = ("-c", "user.name=t", "-c", "user.email=t@localhost", "-c", "protocol.file.allow=always")
        subprocess.run(["git", *flags, *arguments], check=True, capture_output=True)

    for name in ("project", "other"):
        git("init", "--quiet", str(tmp_path / name))
        git("-C", str(tmp_path / name), "commit", "--quiet", "--allow-empty", "-m", "first")
    git("-C", str(tmp_path / "project"), "worktree", "add", "--quiet", str(tmp_path / "tree"))
    git("-C", str(tmp_path / "project"), "submodule", "--quiet", "add", str(tmp_path / "other"), "part")
    assert project_folder(tmp_path / "tree") == tmp_path / "tree"
    assert project_folder(tmp_path / "project" / "part") == tmp_path / "project" / "part"
    (tmp_path / "project" / "rook-bench.toml").touch()
    assert project_folder(tmp_path / "project" / "part") == tmp_path / "project"


def test_strategies_are_the_project_s_from_any_of_its_folders(nowhere, tmp_path):
    """In a process of its own, since plugins are loaded once."""
    (nowhere / "rook-bench.toml").touch()
    (nowhere / "strategies").mkdir()
    (nowhere / "strategies" / "mine.py").write_text(
        "from rook_bench import Decision, decision_source\n\n\n"
        "@decision_source\ndef mine():\n    return lambda view: Decision.hold('')\n"
    )
    code = "from rook_bench.plugins import decision_source; print(decision_source.get('mine').file)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=nowhere / "deep")
    assert done.stdout.strip() == str(nowhere / "strategies" / "mine.py"), done.stderr
