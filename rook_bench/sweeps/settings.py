"""A point of a sweep as what it asks for: a source, and a configuration with the point's values in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rook_bench.core import ConfigError
from rook_bench.core.errors import suggest
from rook_bench.core.reference import parse_reference
from rook_bench.plugins import Choice, Registry, risk_filter, sizer
from rook_bench.risk import RiskConfig
from rook_bench.sources import Source
from rook_bench.workbench.config import BenchConfig
from rook_bench.workbench.running import Named

SOURCE = "source"
"""The path of the source itself; those of its parameters begin with it and a dot."""

Point = Mapping[str, Any]
"""A value for each path that is varied."""


@dataclass(frozen=True)
class Asked:
    """What a point asks for.

    Attributes:
        source: place of its source among the sweep's (see `Settings.sources`).
        config: its assumptions, clock and all.
    """

    source: int
    config: BenchConfig


class Settings:
    """Turns points into sources and configurations.

    Args:
        base: what holds where a point says nothing.
        sources: what is asked; a point may name one of them by `source`, and give parameters to all by `source.NAME`.

    Attributes:
        sources, seeds: what is asked, and with which seed, in the order in which points asked for it.
    """

    def __init__(self, base: BenchConfig, sources: Sequence[Named]) -> None:
        self.base, self.given = base, list(sources)
        self._values = base.model_dump(mode="json", exclude_unset=True)
        self.sources: list[Named] = []
        self.seeds: list[int] = []
        self._places: dict[str, int] = {}

    def of(self, point: Point) -> Asked:
        """The point's source and configuration.

        Raises:
            ConfigError, UnknownName: for a path that leads to no parameter, or a value that is not allowed.
        """
        config = self.config(point)
        return Asked(self._source(point, config.seed), config)

    def config(self, point: Point) -> BenchConfig:
        """The configuration with the point's values in it."""
        values = _copy(self._values)
        for path, value in point.items():
            if path != SOURCE and not path.startswith(f"{SOURCE}."):
                _put(values, path, value)
        where = "vary " + ", ".join(f"{path}={shown(value)}" for path, value in point.items())
        return BenchConfig.parse(values, where=where)

    def try_value(self, path: str, value: Any) -> None:
        """Say what is wrong with a value before anything is computed; errors are those of `of`."""
        trial = Settings(self.base, self.given)
        if path == SOURCE or path.startswith(f"{SOURCE}."):
            trial.of({path: value})
            return
        risk = trial.config({path: value}).replay().risk
        sizer.choose(risk.sizer).build()
        for reference in risk.filters:
            risk_filter.choose(reference).build()

    def _source(self, point: Point, seed: int) -> int:
        """Place of what is asked with a seed: the same source with another one is asked anew."""
        params = {path.removeprefix(f"{SOURCE}."): v for path, v in point.items() if path.startswith(f"{SOURCE}.")}
        name, source = self._named(point.get(SOURCE))
        key = f"{name}|{source.reference}|{params!r}|{source.content}|{seed}"
        if key not in self._places:
            self._places[key] = len(self.sources)
            self.seeds.append(seed)
            self.sources.append((name if not params else "", _with_params(source, params) if params else source))
        return self._places[key]

    def _named(self, asked: Any) -> Named:
        if asked is None:
            return self.given[0]
        known = {name or source.reference: (name, source) for name, source in self.given}
        if str(asked) not in known:
            known[str(asked)] = ("", Source.parse(str(asked)))
        return known[str(asked)]


def _with_params(source: Source, params: Mapping[str, Any]) -> Source:
    """The source with some parameters in place of its own."""
    choice = source.choice
    if choice.plugin.in_memory and not choice.plugin.parameters:
        what = f"{source.reference} was made already, so its parameters can't be varied"
        raise ConfigError(what, where="vary source", hint="give its factory, or a reference")
    choice.plugin.check_names(params)
    merged = {**choice.params, **params}
    name, _, _ = parse_reference(choice.reference)
    texts = {key: str(value) for key, value in merged.items()}
    if choice.plugin.in_memory or any("," in text for text in texts.values()):
        # No reference holds these; the plugin is kept, with a name that tells its points apart.
        return Source.chosen(
            Choice(f"{choice.plugin.name}:{','.join(f'{k}={v}' for k, v in texts.items())}", choice.plugin, merged)
        )
    return Source.parse(f"{name}:{','.join(f'{key}={text}' for key, text in texts.items())}")


def _put(values: dict[str, Any], path: str, value: Any) -> None:
    """Set one value in a configuration's mapping; unknown keys are left to its own check."""
    first, *rest = path.split(".")
    if first == "risk" and rest:
        _put_risk(values.setdefault("risk", {}), path, rest, value)
        return
    if first == "rook_config" and "rook_config" not in values:
        hint = "vary risk.confidence_threshold, risk.max_order_fraction or risk.max_slippage_bps"
        raise ConfigError("the configuration has no such block", where=f"vary {path}", hint=hint)
    inner = values
    for key in [first, *rest][:-1]:
        held = inner.setdefault(key, {})
        if not isinstance(held, dict):
            raise ConfigError(f"'{key}' holds no further keys", where=f"vary {path}")
        inner = held
    if path.startswith("frictions.latency."):
        inner.clear()  # it is told in one unit
    inner[path.rsplit(".", 1)[-1]] = value


def _put_risk(risk: dict[str, Any], path: str, rest: list[str], value: Any) -> None:
    """Set a key of `risk`, a parameter of its sizer, or of one of its filters, which is added where it is not there."""
    name, *inner = rest
    if name == "sizer" and inner:
        risk["sizer"] = _changed(sizer, risk.get("sizer", RiskConfig().sizer), ".".join(inner), value, path)
        return
    if name == "filters" and inner:
        name, *inner = inner
    elif name in RiskConfig.model_fields:
        risk[name] = value
        return
    filters = list(risk.get("filters", ()))
    held = {risk_filter.choose(reference).plugin.name: place for place, reference in enumerate(filters)}
    known = sorted({*held, *(plugin.name for plugin in risk_filter)})
    near = [word for word in known if word == name] or [word for word in known if word.startswith(name)]
    if len(near) != 1:
        hint = suggest(name, [*known, *RiskConfig.model_fields])
        what = (
            f"'{name}' is no key of risk and none of its filters"
            if not near
            else f"'{name}' may be {' or '.join(near)}"
        )
        raise ConfigError(what, where=f"vary {path}", hint=hint if not near else "write it in full")
    reference = filters[held[near[0]]] if near[0] in held else near[0]
    changed = _changed(risk_filter, reference, ".".join(inner), value, path)
    if near[0] in held:
        filters[held[near[0]]] = changed
    else:
        filters.append(changed)
    risk["filters"] = filters


def _changed(registry: Registry, reference: Any, parameter: str, value: Any, path: str) -> dict[str, Any]:
    """A reference with one parameter set, as a table; its only parameter needs no name."""
    choice = registry.choose(reference)
    names = list(choice.plugin.parameters)
    if not parameter and len(names) == 1:
        parameter = names[0]
    if parameter not in names:
        what = (
            f"{registry.word} {choice.plugin.name} has no parameter '{parameter}'" if parameter else "which parameter"
        )
        raise ConfigError(what, where=f"vary {path}", hint=f"it has: {', '.join(names) or 'none'}")
    name = reference["name"] if isinstance(reference, dict) else parse_reference(reference)[0]
    return {"name": name, **choice.params, parameter: value}


def _copy(value: Any) -> Any:
    """A mapping of mappings that may be changed."""
    return {key: _copy(inner) for key, inner in value.items()} if isinstance(value, dict) else value


def shown(value: Any) -> str:
    """A value as it is written."""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.10g}" if isinstance(value, float) else str(value)
