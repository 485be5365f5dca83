"""A group of verbs that imports a verb's module when the verb is called, and not for its name and help."""

from __future__ import annotations

from importlib import import_module
from typing import Annotated, Any, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup

from rook_bench.core.console import hush
from rook_bench.core.garbage import uncollected


class Verb(NamedTuple):
    """Where a verb is written, and the line that `--help` shows of it."""

    place: str
    line: str


def verbs_of(*rows: tuple[str, str, str]) -> dict[str, Verb]:
    """Verbs by name, in the order that the help lists them.

    Args:
        rows: name, place below `rook_bench.cli` ("module:attribute") and line of each.
    """
    return {name: Verb(f"rook_bench.cli.{place}", line) for name, place, line in rows}


def lazy_group(verbs: dict[str, Verb]) -> type[TyperGroup]:
    """A Typer group of these verbs."""

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


def group_of(verbs: dict[str, Verb], help: str) -> typer.Typer:
    """A verb that is nothing but a group of others."""
    app = typer.Typer(
        cls=lazy_group(verbs), help=help, no_args_is_help=True, add_completion=False, rich_markup_mode=None
    )
    app.callback()(_nothing)  # Typer takes an app without one for a single command
    return app


def _nothing() -> None:
    pass


def load_verb(name: str, verb: Verb) -> Any:
    """Import a verb (a function, or a Typer app of several) as a command; every one takes `--quiet` too."""
    module, _, attribute = verb.place.partition(":")
    with uncollected():
        written = getattr(import_module(module), attribute)
    command = typer.main.get_command(written if isinstance(written, typer.Typer) else _app(written))
    command.name = name
    command.params += [param for param in typer.main.get_command(_app(_shared)).params if param.name == "quiet"]
    return command


def _app(function: Any) -> typer.Typer:
    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    app.command()(function)
    return app


def hush_if(quiet: bool) -> None:
    """What `--quiet` does as soon as it is read; said once is enough, before the verb or after it."""
    if quiet:
        hush(True)


Quiet = Annotated[
    bool,
    typer.Option(
        "--quiet",
        help="Print results, warnings and errors only: no remarks, no progress.",
        is_eager=True,
        expose_value=False,
        callback=hush_if,
    ),
]


def _shared(quiet: Quiet = False) -> None:
    """The options that every verb takes."""
