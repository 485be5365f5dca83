"""`import rook_bench as rook`: every public name is there, documented, typed the same, and loaded only when asked for."""

import ast
import dataclasses
import importlib
import inspect
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from pydantic import BaseModel

import rook_bench as rook
from rook_bench.core import RookError

FILE = Path(rook.__file__)
NAMES = [name for name in rook.__all__ if name != "__version__"]
FUNCTIONS = [name for name in NAMES if inspect.isfunction(getattr(rook, name))]
CLASSES = [name for name in NAMES if inspect.isclass(getattr(rook, name))]


def in_a_fresh_process(code):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def sections(text):
    """A docstring's sections (Args, Raises, ...) by name; the text before them under ""."""
    parts = re.split(r"^(\w+):\n", inspect.cleandoc(text), flags=re.MULTILINE)
    return {"": parts[0]} | dict(zip(parts[1::2], parts[2::2], strict=True))


def named_in(section):
    """The names that a section of a docstring explains ("config, seed: of that replay")."""
    lines = inspect.cleandoc("\n" + section).splitlines()
    heads = [line.partition(":")[0] for line in lines if ":" in line and not line.startswith(" ")]
    heads += [part for line in lines for part in re.findall(r"; ([\w, ]+):", line)]
    return {name.strip() for head in heads for name in head.split(",")}


@pytest.mark.parametrize("name", NAMES)
def test_every_name_is_documented_in_a_sentence(name):
    first = (inspect.getdoc(getattr(rook, name)) or "").split("\n\n")[0].split("\n")[0]
    assert first, name
    assert first.endswith((".", ":")), first
    assert first[0].isupper()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_parameter_of_a_function_is_explained(name):
    function = getattr(rook, name)
    explained = named_in(sections(function.__doc__).get("Args", ""))
    assert set(inspect.signature(function).parameters) == explained


@pytest.mark.parametrize("name", CLASSES)
def test_every_field_of_a_class_is_explained(name):
    kind = getattr(rook, name)
    fields = [field.name for field in dataclasses.fields(kind)] if dataclasses.is_dataclass(kind) else []
    fields = list(kind.model_fields) if issubclass(kind, BaseModel) else fields
    docs = " ".join(cls.__doc__ or "" for cls in kind.__mro__ if cls.__module__.startswith("rook_bench"))
    assert [field for field in fields if not re.search(rf"\b{field}\b", docs)] == []


@pytest.mark.parametrize("name", CLASSES)
def test_every_public_method_is_documented(name):
    members = inspect.getmembers_static(getattr(rook, name))
    own = [
        (key, member)
        for key, member in members
        if not key.startswith("_") and getattr(inspect.unwrap(_code(member)), "__module__", "").startswith("rook_bench")
    ]
    assert [key for key, member in own if not (inspect.getdoc(member) or "").strip()] == []


def _code(member):
    """The function behind a method, property or cached property."""
    for inner in ("fget", "func", "__func__"):
        member = getattr(member, inner, member)
    return member


WRONG = {
    "judge_pools": lambda: rook.judge_pools("absent.toml", "hold", tapes=[]),
    "read_swaps": lambda: rook.read_swaps("absent.parquet"),
    "simulate": lambda: rook.simulate(0, np.random.default_rng(0)),
    "prepare": lambda: rook.prepare("absent.parquet", "absent.json", "out"),
    "prepare_folds": lambda: rook.prepare_folds("absent.parquet", "data_driven", "out"),
    "reward": lambda: rook.reward("absent", "out"),
    "reward_folds": lambda: rook.reward_folds("absent", "out"),
    "adopt": lambda: rook.adopt("absent/folder/of", "codes"),
    "teach": lambda: rook.teach("absent", "out.jsonl", "rules:data_driven"),
    "train": lambda: rook.train("absent", "out", epochz=1),
    "train_folds": lambda: rook.train_folds("absent", "out"),
    "train_on": lambda: rook.train_on("-oBad", "absent", "out"),
    "evaluate": lambda: rook.evaluate("absent.parquet", "momentun"),
    "evaluate_purse": lambda: rook.evaluate_purse(["absent.parquet"], "hold"),
    "compare_purses": lambda: rook.compare_purses(["absent.parquet"], ["hold"]),
    "study_sharing": lambda: rook.study_sharing(["absent"], "out"),
    "compare": lambda: rook.compare("absent.parquet", ["a=hold", "a=momentum"]),
    "sweep": lambda: rook.sweep("absent.parquet", "momentum", {"frictions.gas.gwie": [1]}),
    "judge": lambda: rook.judge(rook.Policy(), "absent"),
    "promote": lambda: rook.promote("absent"),
    "track": lambda: rook.track("absent", "mlfow:http://127.0.0.1:1"),
    "push": lambda: rook.push("absent", "her/trader"),
    "check_plugin": lambda: rook.check_plugin("momentun"),
    "part_of": lambda: rook.part_of(rook.simulate(3, np.random.default_rng(0)), limit=-1),
    "with_reference": lambda: rook.with_reference(*[rook.simulate(3, np.random.default_rng(0))] * 2),
    "load_run": lambda: rook.load_run("absent"),
    "load_comparison": lambda: rook.load_comparison("absent"),
}
"""A call of each function that the user got wrong."""

HARMLESS = {"check_tape"}
"""Functions whose arguments can't be wrong."""


def test_it_is_known_of_every_function_whether_it_refuses():
    assert {*WRONG} | HARMLESS == {*FUNCTIONS}


@pytest.mark.parametrize("name", WRONG)
def test_what_a_function_refuses_stands_in_its_docstring(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RookError) as refused:
        WRONG[name]()
    assert type(refused.value).__name__ in sections(getattr(rook, name).__doc__)["Raises"]


def test_no_name_is_a_package():
    """`rook.train` is the function, whatever was imported before: importing a room binds its name in rook_bench."""
    rooms = {module.name for module in pkgutil.iter_modules(rook.__path__)}
    assert rooms.isdisjoint(rook.__all__)
    code = """
import importlib, pkgutil, types, rook_bench
for room in pkgutil.iter_modules(rook_bench.__path__, "rook_bench."):
    importlib.import_module(room.name)
print([name for name in rook_bench.__all__ if isinstance(getattr(rook_bench, name), types.ModuleType)])
print(rook_bench.train.__module__, rook_bench.train.__name__)
"""
    assert in_a_fresh_process(code).splitlines() == ["[]", "rook_bench.workbench.fine_tune train"]


def test_importing_and_listing_loads_nothing_heavy():
    heavy = "{'torch', 'transformers', 'vectorbt', 'matplotlib', 'pandas', 'numba', 'numpy', 'pyarrow', 'scipy'}"
    code = f"import sys, rook_bench; names = dir(rook_bench); print(sorted({heavy} & set(sys.modules)), names)"
    assert in_a_fresh_process(code) == f"[] {sorted(rook.__all__)}"


def test_a_name_is_loaded_once():
    assert in_a_fresh_process(
        "import rook_bench as r; print('Side' in vars(r)); r.Side; print(vars(r)['Side'] is r.Side)"
    ).splitlines() == ["False", "True"]


@pytest.mark.parametrize(
    ("wrong", "near"), [("evalute", "evaluate"), ("Desicion", "Decision"), ("load_runs", "load_run")]
)
def test_an_unknown_name_is_an_attribute_error_that_names_the_near_one(wrong, near):
    with pytest.raises(AttributeError, match=f"no attribute '{wrong}'; did you mean '{near}'") as unknown:
        getattr(rook, wrong)
    assert str(unknown.value).count("\n") == 0


def test_names_far_from_all_and_private_ones_get_no_hint():
    for wrong in ("zzzz", "_evaluate", "__wrapped__"):
        with pytest.raises(AttributeError, match=f"no attribute '{wrong}'$"):
            getattr(rook, wrong)
    assert not hasattr(rook, "zzzz")


def test_type_checkers_see_the_same_names_from_the_same_modules():
    block = next(node for node in ast.parse(FILE.read_text()).body if isinstance(node, ast.If))
    assert ast.unparse(block.test) == "TYPE_CHECKING"
    imported = [node for node in block.body if isinstance(node, ast.ImportFrom)]
    seen = {alias.name: node.module for node in imported for alias in node.names}
    assert all(alias.name == alias.asname for node in imported for alias in node.names)  # "as" makes it a re-export
    assert seen == rook._HOME
    declared = [node.target.id for node in block.body if isinstance(node, ast.AnnAssign)]
    assert declared == ["__version__"]


def test_each_home_is_where_the_name_is_written():
    for name, module in rook._HOME.items():
        value = getattr(rook, name)
        assert vars(importlib.import_module(module))[name] is value
        if inspect.isclass(value) or inspect.isfunction(value):
            assert value.__module__ in (module, "rook_bench.market.simulation.simulate"), name


def test_star_import_gives_every_name():
    code = "from rook_bench import *; import rook_bench; print([n for n in rook_bench.__all__ if n not in globals()])"
    assert in_a_fresh_process(code) == "[]"
