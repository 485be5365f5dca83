"""Where docs, docstrings and comments name a module, a function or a file, it is there; scripts can be imported."""

import ast
import importlib
import re
import tomllib
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
PACKAGE = REPOSITORY / "rook_bench"
ROOMS = {path.name for path in PACKAGE.iterdir() if path.is_dir()} | {"plugins"}
TEXTS = sorted(
    [
        *PACKAGE.rglob("*.py"),
        *REPOSITORY.glob("docs/**/*.md"),
        *REPOSITORY.glob("*.md"),
        *REPOSITORY.glob("scripts/*.py"),
        *REPOSITORY.glob("benchmarks/*.py"),
    ]
)
ARCHITECTURE = (REPOSITORY / "docs" / "explanation" / "architecture.md").read_text()

# Earlier names stand where it is said that they are gone.
NAMED = [path for path in TEXTS if path.name != "CHANGELOG.md"]
FILE_ENDINGS = (".py", ".md", ".json", ".jsonl", ".toml", ".png", ".html", ".csv", ".parquet")
SETTINGS = re.compile(r"(risk|execution|replay)\.(sizer|max_\w+)|live\.(min_days|max_late_share|max_drift|against)")
"""Keys of a configuration file or a policy, which read like modules."""


def exists(name):
    """Whether `room.module.attribute` is a module, or something in one (a field of a class included)."""
    parts = name.split(".")
    for count in range(len(parts), 0, -1):
        try:
            found = importlib.import_module(".".join(["rook_bench", *parts[:count]]))
        except ModuleNotFoundError:
            continue
        for attribute in parts[count:]:
            fields = getattr(found, "__dataclass_fields__", {}) | getattr(found, "model_fields", {})
            if not hasattr(found, attribute) and attribute not in fields:
                return False
            found = getattr(found, attribute, None)
        return True
    return False


def dotted_names(text):
    named = re.findall(r"`(?:rook_bench\.)?([a-z_]+(?:\.\w+)+)(?:\([^`]*\))?`", text)
    return {
        name
        for name in named
        if name.split(".")[0] in ROOMS and not name.endswith(FILE_ENDINGS) and not SETTINGS.fullmatch(name)
    }


def test_the_scan_sees_what_is_gone():
    assert dotted_names("see `market.misses.explain`, `report.html`, `risk.sizer`") == {"market.misses.explain"}
    assert not exists("market.misses.explain")
    assert exists("metrics.tables.fill_table")
    assert exists("market.frame.SwapFrame.pool")


def wrong(paths, missing):
    """What `missing` finds in each file, by file, where it finds anything."""
    found = {str(path.relative_to(REPOSITORY)): sorted(missing(path)) for path in paths}
    return {path: names for path, names in found.items() if names}


def test_named_modules_exist():
    assert wrong(NAMED, lambda path: {name for name in dotted_names(path.read_text()) if not exists(name)}) == {}


def test_named_files_exist():
    def missing(path):
        roots = (REPOSITORY, PACKAGE, path.parent)
        named = set(re.findall(r"\b((?:[a-z_]+/)+[a-z_0-9]+\.py)\b", path.read_text()))
        return {file for file in named if not any((root / file).exists() for root in roots)}

    assert wrong(NAMED, missing) == {}


def test_what_scripts_and_benchmarks_import_is_there():
    """They run by hand only, so nothing else notices a name that has moved."""

    def missing(path):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("rook_bench"):
                room = node.module.partition(".")[2]
                names = [f"{room}.{alias.name}" if room else alias.name for alias in node.names]
                yield from (name for name in names if not exists(name))

    scripts = sorted([*REPOSITORY.glob("scripts/*.py"), *REPOSITORY.glob("benchmarks/*.py")])
    assert len(scripts) > 8
    assert wrong(scripts, missing) == {}


def test_the_architecture_names_the_rooms_as_the_contract_orders_them():
    contracts = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    rooms = [name.strip().removeprefix("rook_bench.") for layer in layers for name in layer.split("|")]
    picture = ARCHITECTURE.partition("## The rooms")[2].split("```")[1]
    assert re.findall(rf"(?:^ |  )({'|'.join(rooms)})\b  +", picture, flags=re.MULTILINE) == rooms


def test_the_architecture_names_paths_that_exist():
    named = re.findall(r"`([\w./-]+/[\w.-]*)`", ARCHITECTURE)
    assert len(named) > 30
    assert [path for path in named if not any((root / path).exists() for root in (REPOSITORY, PACKAGE))] == []
