"""One registry for every kind: references, parameters, records, broken files."""

import os
import subprocess
import sys

import pytest

from rook_bench import plugins
from rook_bench.core import ConfigError, InputError, UnknownName
from rook_bench.core.reference import parse_reference
from rook_bench.plugins import Registry


@pytest.fixture
def registry(monkeypatch):
    monkeypatch.setattr(Registry, "kinds", dict(Registry.kinds))
    kind = Registry("test_kind")

    @kind
    def scale(factor: int = 2, offset: float = 0.5):
        """Multiply and add.

        More words.
        """
        return lambda value: value * factor + offset

    return kind


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("rules", ("rules", None, {})),
        ("rules:strategies/x.json", ("rules", "strategies/x.json", {})),
        ("random:0.2", ("random", "0.2", {})),
        ("momentum:lookback=3,size=0.1", ("momentum", None, {"lookback": "3", "size": "0.1"})),
        ("a/b.py@mine", ("a/b.py@mine", None, {})),
        ("a/b.py@mine:x=1, y=2", ("a/b.py@mine", None, {"x": "1", "y": "2"})),
        ("a/b.py@mine:0.3", ("a/b.py@mine", "0.3", {})),
        ("C:/x/b.py@mine:0.3", ("C:/x/b.py@mine", "0.3", {})),
    ],
)
def test_references(text, parts):
    assert parse_reference(text) == parts


def test_parameters_are_converted_and_checked(registry):
    assert registry.choose("scale").build()(3) == 6.5
    assert registry.choose("scale:4").build()(3) == 12.5
    assert registry.choose("scale:factor=4,offset=1").build()(3) == 13
    assert registry.choose({"name": "scale", "offset": 0}).build()(3) == 6
    with pytest.raises(ConfigError, match="'factor'.*integer"):
        registry.choose("scale:four").build()


@pytest.mark.parametrize("step", ["choose", "build", "spec"])
def test_unknown_parameter_is_a_config_error_wherever_it_shows(registry, step):
    with pytest.raises(ConfigError, match="unknown parameter 'facter'.*did you mean 'factor'"):
        choice = registry.choose("scale:facter=4")
        if step != "choose":
            getattr(choice, step)()
        registry.choose("scale:facter=4").build()


def test_spec_records_defaults_and_the_file(registry):
    spec = registry.choose("scale:factor=3").spec().to_json()
    assert spec["params"] == {"factor": "3", "offset": 0.5}
    assert (spec["kind"], spec["name"], spec["file"]) == ("test_kind", "scale", "test_plugins.py")
    assert len(spec["sha256"]) == 64


def test_unknown_names(registry):
    with pytest.raises(UnknownName, match="unknown test kind 'scael'.*did you mean 'scale'"):
        registry.choose("scael")
    with pytest.raises(ConfigError, match="needs its 'name'"):
        registry.choose({"factor": 2})


def test_summary_is_the_first_line(registry):
    assert registry.get("scale").summary == "Multiply and add."


def test_a_name_belongs_to_one_file(tmp_path):
    source = "from rook_bench import sizer\n\n@sizer\ndef mine():\n    '''.'''\n    return lambda v, d: d.size\n"
    with plugins.sizer.isolated():
        for name in ("one.py", "two.py"):
            (tmp_path / name).write_text(source)
        plugins.import_file(tmp_path / "one.py")
        plugins.import_file(tmp_path / "one.py")  # the same file again is the same plugin
        with pytest.raises(InputError, match=r"already registered by .*one\.py"):
            plugins.import_file(tmp_path / "two.py")


def test_a_broken_file_is_reported_and_stops_nothing(tmp_path, monkeypatch):
    (tmp_path / "a_broken.py").write_text("import nothing_of_this_name\n")
    (tmp_path / "b_broken.py").write_text("def (:\n")
    (tmp_path / "c_good.py").write_text(
        "from rook_bench import Decision, decision_source\n\n@decision_source\ndef from_folder():\n"
        "    '''Holds.'''\n    return lambda view: Decision.hold()\n"
    )
    monkeypatch.setenv(plugins.STRATEGIES_VARIABLE, str(tmp_path))
    monkeypatch.setattr(plugins, "broken", {})
    with plugins.decision_source.isolated():
        assert "from_folder" in [plugin.name for plugin in plugins.decision_source]
        assert sorted(path.rpartition("/")[2] for path in plugins.broken) == ["a_broken.py", "b_broken.py"]
        assert any("nothing_of_this_name" in reason for reason in plugins.broken.values())
    plugins._loaded.discard(str(tmp_path.resolve()))


def test_reference_to_a_file(tmp_path):
    path = tmp_path / "own.py"
    path.write_text(
        "from rook_bench import sizer\n\n@sizer\ndef fixed(fraction: float = 0.3):\n    '''Mine.'''\n    return None\n"
    )
    assert plugins.sizer.get(f"{path}@fixed").summary == "Mine."
    assert plugins.sizer.get("fixed").summary != "Mine."  # the built-in one keeps its name
    with pytest.raises(UnknownName, match="did you mean 'fixed'"):
        plugins.sizer.get(f"{path}@fixd")
    with pytest.raises(InputError, match="no such plugin file"):
        plugins.sizer.get("nowhere.py@fixed")


def test_isolation_undoes_registrations(registry):
    with registry.isolated():
        registry(lambda: None, name="temporary")
        assert registry.get("temporary").name == "temporary"
    with pytest.raises(UnknownName):
        registry.get("temporary")


def test_the_package_itself_loads_without_breakage():
    assert {"rules", "hold", "random"} <= {plugin.name for plugin in plugins.decision_source}
    assert plugins.broken == {}


# A file without a name, and what is defined in a notebook or at the prompt.

TWO = (
    "from rook_bench import Decision, decision_source, sizer\n\n"
    "@decision_source\ndef mine():\n    '''.'''\n    return lambda view: Decision.hold()\n\n"
    "@decision_source(name='an-other')\ndef other():\n    '''.'''\n    return lambda view: Decision.hold()\n"
)


@pytest.mark.parametrize("end", ["", ":3", ":size=3"])
def test_a_file_alone_says_what_it_holds(tmp_path, end):
    path = tmp_path / "mine.py"
    path.write_text(TWO)
    with pytest.raises(InputError) as caught:
        plugins.decision_source.choose(f"{path}{end}")
    assert str(caught.value) == f"{path}: no decision source is named; write {path}@NAME; it holds: an-other, mine"
    with plugins.decision_source.isolated(), pytest.raises(InputError, match="holds no risk filter; decorate one with"):
        plugins.risk_filter.choose(f"{path}{end}")
    with pytest.raises(InputError, match="no such plugin file"):
        plugins.decision_source.choose(f"{tmp_path / 'none.py'}{end}")


def test_an_argument_may_be_a_python_file(registry):
    assert registry.choose("scale:factor=3").params == {"factor": "3"}
    assert registry.choose("scale:some/file.py").params == {"factor": "some/file.py"}


def at_the_prompt(text):
    """Run a text as a plain prompt does: nothing keeps it."""
    space = {"__name__": "__main__"}
    exec("from rook_bench import Decision, decision_source\n" + text, space)
    return space


CELL = "@decision_source\ndef {name}(n: int = {n}):\n    '''Doc.'''\n    return lambda view: Decision.hold('{n}')\n"


def test_defined_anew_the_last_one_counts():
    with plugins.decision_source.isolated():
        at_the_prompt(CELL.format(name="cell", n=1))
        first = plugins.decision_source.get("cell")
        at_the_prompt(CELL.format(name="cell", n=2))
        second = plugins.decision_source.get("cell")
    assert (first.build()(None).reason, second.build()(None).reason) == ("1", "2")
    assert (first.summary, first.in_memory) == ("Doc.", True)
    spec = first.spec()
    assert (spec.name, spec.params, spec.file, len(spec.sha256)) == ("cell", {"n": 1}, "<notebook>", 64)
    assert spec.in_memory
    assert spec.sha256 != second.spec().sha256


def test_a_built_in_keeps_its_name():
    with plugins.decision_source.isolated(), pytest.raises(InputError, match="already registered by .*momentum.py"):
        at_the_prompt(CELL.format(name="momentum", n=1))


def test_a_built_in_keeps_its_name_even_before_anything_was_loaded():
    """In a fresh process, where the first cell comes before the built-ins."""
    code = (
        "from rook_bench import Decision, decision_source\n"
        "try:\n    @decision_source\n    def momentum():\n        return lambda view: Decision.hold()\n"
        "except Exception as error:\n    print(error)\n"
        "print([plugin.name for plugin in decision_source])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    refusal, listed = done.stdout.splitlines()
    assert "already registered by" in refusal
    assert "'rules'" in listed


def test_a_file_replaces_what_stood_in_a_cell(tmp_path):
    path = tmp_path / "cell.py"
    path.write_text("from rook_bench import decision_source, Decision\n" + CELL.format(name="cell", n=3))
    with plugins.decision_source.isolated():
        at_the_prompt(CELL.format(name="cell", n=1))
        plugins.import_file(path)
        assert not plugins.decision_source.get("cell").in_memory


def test_a_script_that_runs_is_recorded_by_the_factory_alone(tmp_path):
    """Its file holds more than the source, and reading it again would run all of it again."""
    path = tmp_path / "study.py"
    path.write_text(
        "from rook_bench import Decision, decision_source\n"
        + CELL.format(name="cell", n=3)
        + "print(decision_source.get('cell').spec())\n"
    )
    done = subprocess.run([sys.executable, str(path)], capture_output=True, text=True, check=True)
    assert "file='<study.py>'" in done.stdout


def test_a_file_that_imports_a_built_in_first_does_not_make_it_its_own(tmp_path):
    """In a fresh process the import would register it while only the file's own plugins are listened to."""
    path = tmp_path / "mine.py"
    path.write_text("from rook_bench.sources.momentum import momentum\n" + TWO)
    code = (
        "from rook_bench import decision_source\n"
        f"decision_source.get('{path}@mine')\n"
        "print(decision_source.get('momentum').name)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "momentum"


def test_what_a_factory_made_is_known():
    with plugins.decision_source.isolated():
        space = at_the_prompt(CELL.format(name="cell", n=1))
        made, odd = space["cell"](n=4), space["cell"]([1, 2])
        assert (plugins.made_with(made).reference, plugins.made_with(made).params) == ("cell:n=4", {"n": 4})
        assert plugins.made_with(space["cell"]).reference == "cell"
        assert plugins.made_with(space["cell"](n=None)).reference.startswith("cell-")
        assert plugins.made_with(odd).params == {"n": [1, 2]}
        assert plugins.made_with(odd).reference.startswith("cell-")
    assert plugins.made_with(lambda view: None) is None
    assert plugins.made_with(3) is None


def test_what_is_none_by_default_is_left_out_of_a_reference():
    with plugins.decision_source.isolated():
        space = at_the_prompt(
            "@decision_source\ndef cell(n: int = 1, base: str | None = None):\n    '''Doc.'''\n    return lambda view: n\n"
        )
        assert plugins.made_with(space["cell"](2, base=None)).reference == "cell:n=2"
        assert plugins.made_with(space["cell"](base=None)).reference == "cell"


def test_a_class_is_no_factory():
    with pytest.raises(InputError, match="@decision_source: Mine is a class; decorate what makes one"):
        at_the_prompt("@decision_source\nclass Mine:\n    def decide(self, view, ask): ...\n")


@pytest.mark.parametrize("value", [3, 0.5, "a", None, True, [1, {"a": 2}]])
def test_a_spec_holds_plain_values_as_they_are(registry, value):
    assert registry.get("scale").spec(factor=value).params["factor"] == value


def test_a_spec_holds_others_as_text(registry):
    assert registry.get("scale").spec(factor=[{1}]).params["factor"] == "[{1}]"


def test_the_entries_of_the_package_hold_what_is_said_of_them():
    """In a fresh process: asked for one kind, its own entries are loaded, and they hold all that there is of it."""
    code = (
        "import sys; from rook_bench.plugins import BUILT_IN, Registry, load_installed;"
        "kinds = {kind: [p.name for p in Registry.kinds[kind]] for kind in sys.argv[1:]}; load_installed();"
        "print(all(kinds[kind] == [p.name for p in Registry.kinds[kind]] for kind in kinds))"
    )
    for kinds in (plugins.BUILT_IN["sources"], plugins.BUILT_IN["risk"], plugins.BUILT_IN["importers"]):
        done = subprocess.run([sys.executable, "-c", code, *kinds], capture_output=True, text=True, check=True)
        assert done.stdout.strip() == "True", kinds
    assert sorted(kind for kinds in plugins.BUILT_IN.values() for kind in kinds) == sorted(Registry.kinds)


def test_a_file_of_strategies_takes_no_built_in_s_name(tmp_path):
    """Built-in metrics may be loaded long after the strategies folder, whose names are held against them all the same."""
    text = "from rook_bench import metric\n\n@metric\ndef turnover():\n    return None\n"
    (tmp_path / "mine.py").write_text(text)
    code = (
        "from rook_bench.plugins import broken, decision_source, metric; list(decision_source);"
        "print(*broken.values(), metric.get('turnover').file.name)"
    )
    environment = {**os.environ, plugins.STRATEGIES_VARIABLE: str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert "'turnover' is already registered by" in done.stdout
    assert done.stdout.split()[-1] == "trading.py"
