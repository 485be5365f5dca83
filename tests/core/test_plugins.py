"""One registry for every kind: references, parameters, records, broken files."""

import pytest

from rook_bench import plugins
from rook_bench.core import ConfigError, InputError, UnknownName
from rook_bench.plugins import Registry, parse_reference


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
