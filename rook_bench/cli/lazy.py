"""A group of verbs that imports a verb's module when the verb is called, and not for its name and help."""

from __future__ import annotations

from importlib import import_module
from typing import Any, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup


class Verb(NamedTuple):
    """Where a verb is written, and the line that `--help` shows of it (the first of its docstring)."""

    place: str
    line: str


def lazy_group(verbs: dict[str, Verb]) -> type[TyperGroup]:
    """A Typer group of these verbs, by name in the order that the help lists them."""

    class LazyGroup(TyperGroup):
        """Lists its verbs without importing them."""

        def __init__(self, **options: Any) -> None:
            super().__init__(**options)
            self.commands = {name: TyperCommand(name=name, help=verb.line) for name, verb in verbs.items()}

        def resolve_command(self, ctx: Any, args: list[str]) -> Any:
            """The verb that is called, imported."""
            name, command, rest = super().resolve_command(ctx, args)
            return name, command if name is None else load_verb(name, verbs[name]), rest

    return LazyGroup


def load_verb(name: str, verb: Verb) -> Any:
    """Import a verb ("module:attribute", a function or a Typer app of several) as a command."""
    module, _, attribute = verb.place.partition(":")
    written = getattr(import_module(module), attribute)
    if not isinstance(written, typer.Typer):
        app = typer.Typer(add_completion=False, rich_markup_mode=None)
        app.command(name)(written)
        written = app
    command = typer.main.get_command(written)
    command.name = name
    return command
