"""Teachers by name."""

from __future__ import annotations

from pathlib import Path

from rook_bench.core import ConfigError, UnknownName
from rook_bench.core.reference import parse_reference
from rook_bench.drafts.endpoint import EndpointTeacher
from rook_bench.drafts.model import ModelTeacher
from rook_bench.drafts.teacher import RulesTeacher, Teacher

TEACHERS = ("rules", "model", "endpoint")


def teacher_of(reference: str, rules: Path | None) -> tuple[Teacher, Path]:
    """The teacher that a person named, and the file of rules behind the verdicts.

    Args:
        reference: "rules:FILE", "model:DIR" or "endpoint:URL" (then `,model=NAME` where the server has several).
        rules: the file, where the teacher is not the rules.
    """
    name, argument, options = parse_reference(reference)
    if name not in TEACHERS:
        raise UnknownName("teacher", name, TEACHERS, where="--teacher")
    if not argument:
        what = {"rules": "FILE", "model": "DIR", "endpoint": "URL"}[name]
        raise ConfigError(f"{name} needs a {what}", where="--teacher", hint=f"write {name}:{what}")
    if unknown := sorted(set(options) - ({"model"} if name == "endpoint" else set())):
        raise ConfigError(f"{name} takes no option '{unknown[0]}'", where="--teacher", hint="leave it away")
    if name == "rules":
        if rules is not None:
            raise ConfigError("the teacher names the rules already", where="--rules", hint="leave it away")
        return RulesTeacher(), Path(argument)
    if rules is None:
        raise ConfigError("verdicts are held against rules", where="--rules", hint="give the file that made the labels")
    if name == "model":
        return ModelTeacher(argument), rules
    return EndpointTeacher(argument, options.get("model")), rules
