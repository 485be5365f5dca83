"""Write docs/reference from the program itself; `--check` fails when a page is out of date."""

from __future__ import annotations

import inspect
import sys
import textwrap
from pathlib import Path

from pydantic import BaseModel
from python_page import python

from rook_bench.cli.lazy import load_verb
from rook_bench.cli.main import VERBS, app
from rook_bench.dataset.rules import Rules
from rook_bench.gates import Policy
from rook_bench.language.template import Template
from rook_bench.market.simulation.simulate import Simulation
from rook_bench.plugins import Registry
from rook_bench.training import TrainSettings
from rook_bench.workbench.config import BenchConfig

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "reference"
NOTE = "<!-- made by scripts/make_reference.py -->\n\n"


def commands() -> str:
    """The help of every verb."""
    from typer.testing import CliRunner

    runner = CliRunner()
    parts = [NOTE, "# Commands\n\n"]
    for words in ([], *verbs()):
        title = " ".join(["rook-bench", *words])
        result = runner.invoke(app, [*words, "--help"], prog_name="rook-bench", env={"COLUMNS": "100", "TERM": "dumb"})
        text = "\n".join(line.rstrip() for line in result.output.strip().splitlines())
        parts.append(f"## {title}\n\n```text\n{text}\n```\n\n")
    return "".join(parts)


def verbs() -> list[list[str]]:
    """Every verb, as the words one types."""
    names: list[list[str]] = []
    for name, verb in VERBS.items():
        command = load_verb(name, verb)
        members = getattr(command, "commands", {})
        if not members or command.invoke_without_command:  # a verb, which may have verbs of its own
            names.append([name])
        names += [[name, member] for member in members]
    return names


def plugins() -> str:
    """Every built-in plugin with its parameters."""
    parts = [
        NOTE,
        "# Plugins\n\nWhat is built in. Your own files in `strategies/` come on top: `rook-bench plugins`.\n\n",
    ]
    for kind, registry in Registry.kinds.items():
        parts.append(f"## {kind.replace('_', ' ')}\n\n")
        members = [plugin for plugin in registry if "strategies" not in plugin.file.parts]
        for plugin in members:
            parameters = ", ".join(_parameter(name, value) for name, value in plugin.parameters.items())
            shown = f" ({parameters})" if parameters and kind != "metric" else ""
            unit = f" [{plugin.traits['unit']}]" if "unit" in plugin.traits else ""
            parts.append(f"- **{plugin.name}**{unit}{shown}: {plugin.summary}\n")
        parts.append("\n" if members else "None is built in; policies may name your own.\n\n")
    return "".join(parts)


def _parameter(name: str, parameter: inspect.Parameter) -> str:
    required = parameter.default is inspect.Parameter.empty
    return f"`{name}`" if required else f"`{name} = {parameter.default}`"


def configuration() -> str:
    """Every key of the files a user writes."""
    parts = [NOTE, "# Configuration files\n\nTOML, YAML or JSON; a key that is not known is refused.\n\n"]
    for title, model in (
        ("Run (`--config`)", BenchConfig),
        ("Gate policy (`--policy`)", Policy),
        ("Rules (`--rules`, `rules:FILE`)", Rules),
        ("Simulation (`data simulate --config`)", Simulation),
        ("Training (`train --config`)", TrainSettings),
        ("Prompt template (`train --template`)", Template),
    ):
        parts.append(f"## {title}\n\n{_about(model)}\n\n| key | default |\n|---|---|\n")
        parts += [f"| `{key}` | {default} |\n" for key, default in keys(model)]
        parts.append("\n")
        for nested in dict.fromkeys(_nested(model)):
            parts.append(f"**{nested.__name__}.** {_about(nested)}\n\n")
    return "".join(parts)


def keys(model: type[BaseModel], prefix: str = "") -> list[tuple[str, str]]:
    """Dotted keys with their defaults."""
    rows: list[tuple[str, str]] = []
    for name, field in model.model_fields.items():
        inner = _model_of(field.annotation)
        if inner is not None:
            rows += keys(inner, f"{prefix}{name}.")
        else:
            default = "required" if field.is_required() else f"`{field.get_default(call_default_factory=True)!r}`"
            rows.append((prefix + name, default))
    return rows


def _model_of(annotation: object) -> type[BaseModel] | None:
    candidates = [annotation, *getattr(annotation, "__args__", ())]
    if getattr(annotation, "__origin__", None) is dict:
        return None
    return next((c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel)), None)


def _nested(model: type[BaseModel]) -> list[type[BaseModel]]:
    found: list[type[BaseModel]] = []
    for field in model.model_fields.values():
        inner = _model_of(field.annotation)
        if inner is not None:
            found += [inner, *_nested(inner)]
    return found


def _about(model: type[BaseModel]) -> str:
    """A docstring as Markdown: its attributes become a list."""
    text = inspect.getdoc(model) or ""
    head, _, rest = text.partition("Attributes:")
    if not rest:
        return " ".join(head.split())
    merged: list[str] = []
    for line in textwrap.dedent(rest.strip("\n")).splitlines():
        if line and not line.startswith(" "):
            merged.append(line)
        elif line.strip() and merged:
            merged[-1] += " " + line.strip()
    bullets = "\n".join(f"- `{line.partition(':')[0]}`:{line.partition(':')[2]}" for line in merged)
    return " ".join(head.split()) + "\n\n" + bullets


def main() -> int:
    """Write the pages, or compare them."""
    pages = {
        "commands.md": commands(),
        "plugins.md": plugins(),
        "configuration.md": configuration(),
        "python.md": NOTE + python(),
    }
    stale = [
        name for name, text in pages.items() if not (FOLDER / name).exists() or (FOLDER / name).read_text() != text
    ]
    if "--check" in sys.argv:
        for name in stale:
            print(f"docs/reference/{name} is out of date: run python scripts/make_reference.py")
        return 1 if stale else 0
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in stale:
        (FOLDER / name).write_text(pages[name])
    return 0


if __name__ == "__main__":
    sys.exit(main())
