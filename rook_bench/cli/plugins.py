"""`rook-bench plugins`: what is there, and what could not be loaded."""

from __future__ import annotations

import inspect

from rook_bench import plugins as known
from rook_bench.cli.options import Json
from rook_bench.core.console import say, say_json, warn


def plugins(json: Json = False) -> None:
    """List every plugin with its parameters, and the plugin files that are broken."""
    listed = {kind: list(registry) for kind, registry in known.Registry.kinds.items()}
    if json:
        say_json(
            {
                "plugins": [
                    {"kind": kind, "name": plugin.name, "summary": plugin.summary, "parameters": _parameters(plugin)}
                    for kind, members in listed.items()
                    for plugin in members
                ],
                "broken": known.broken,
            }
        )
        return
    for kind, members in listed.items():
        say(f"{kind.replace('_', ' ')}:")
        for plugin in members:
            parameters = ", ".join(f"{key}={value}" for key, value in _parameters(plugin).items())
            say(f"  {plugin.name}{f' ({parameters})' if parameters and kind != 'metric' else ''}: {plugin.summary}")
    for where, why in known.broken.items():
        warn(f"broken: {where}: {why}")


def _parameters(plugin: known.Plugin) -> dict[str, object]:
    return {
        name: "required" if parameter.default is inspect.Parameter.empty else parameter.default
        for name, parameter in plugin.parameters.items()
    }
