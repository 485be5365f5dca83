"""`rook-bench plugins`: what is there, and what could not be loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from rook_bench.core.console import remark, say, say_json

if TYPE_CHECKING:
    from rook_bench.plugins import Plugin


def plugins(json: Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")] = False) -> None:
    """List every plugin with its parameters, and the plugin files that are broken."""
    from rook_bench.plugins import Registry, broken

    listed = {kind: list(registry) for kind, registry in Registry.kinds.items()}
    if json:
        say_json(
            {
                "plugins": [
                    {"kind": kind, "name": plugin.name, "summary": plugin.summary, "parameters": _parameters(plugin)}
                    for kind, members in listed.items()
                    for plugin in members
                ],
                "broken": broken,
            }
        )
        return
    for kind, members in listed.items():
        say(f"{kind.replace('_', ' ')}:")
        for plugin in members:
            parameters = ", ".join(f"{key}={value}" for key, value in _parameters(plugin).items())
            say(f"  {plugin.name}{f' ({parameters})' if parameters and kind != 'metric' else ''}: {plugin.summary}")
    for where, why in broken.items():
        remark(f"broken: {where}: {why}")


def _parameters(plugin: Plugin) -> dict[str, object]:
    import inspect

    return {
        name: "required" if parameter.default is inspect.Parameter.empty else parameter.default
        for name, parameter in plugin.parameters.items()
    }
