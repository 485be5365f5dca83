"""Waivers: somebody answers for a check that does not pass, by name, for a while, for one candidate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from pydantic import Field

from rook_bench.core import ConfigError, InputError, suggest
from rook_bench.core.config import Config, read_mapping
from rook_bench.core.hashing import sha256_file
from rook_bench.gates.check import NEVER, Check


class WaiverFile(Config):
    """A waiver as it is written: TOML, YAML or JSON.

    Attributes:
        check: the check's name in verdict.json.
        reason: why it may be waived.
        owner: who answers for it.
        expires: last day on which it holds.
        candidate: decisions_hash of the one candidate it holds for.
        policy: hash of the one policy it holds for.
    """

    check: str = Field(min_length=1)
    reason: str = Field(min_length=10)
    owner: str = Field(min_length=2)
    expires: date
    candidate: str = Field(pattern="^[0-9a-f]{64}$")
    policy: str = Field(pattern="^[0-9a-f]{64}$")


@dataclass(frozen=True)
class Waiver:
    """A waiver with where it was read and its hash; see WaiverFile."""

    file: str
    sha256: str
    asked: WaiverFile

    def to_json(self) -> dict[str, str]:
        """The shape stored in verdict.json."""
        return {"file": self.file, "sha256": self.sha256, **self.asked.model_dump(mode="json")}

    @classmethod
    def from_json(cls, record: dict[str, str]) -> Waiver:
        """Read back what `to_json` wrote."""
        asked = {name: value for name, value in record.items() if name not in ("file", "sha256")}
        return cls(record["file"], record["sha256"], WaiverFile.parse(asked, where=record["file"]))


def load_waiver(path: str | Path) -> Waiver:
    """Read a waiver file; ConfigError for what it can't mean, or what can't be waived."""
    asked = WaiverFile.parse(read_mapping(path), where=path)
    if asked.check in NEVER:
        raise ConfigError(f"'{asked.check}' can't be waived", where=path, hint="mend the run instead")
    return Waiver(Path(path).name, sha256_file(path), asked)


def waive(
    checks: Sequence[Check], waivers: Sequence[Waiver], *, candidate: str, policy: str, today: date
) -> list[Check]:
    """The checks, with those that a waiver covers marked as waived.

    Args:
        checks: what the gate found.
        waivers: what was handed in.
        candidate, policy: hashes that a waiver must name.
        today: a waiver that expired before is refused.

    Raises:
        InputError: for a waiver of another candidate or policy, an expired one, one of a check that
            the gate did not ask, or of an invalid one.
    """
    found, place = list(checks), {check.name: index for index, check in enumerate(checks)}
    for waiver in waivers:
        asked = waiver.asked
        if asked.check not in place:
            raise InputError(f"no check is called '{asked.check}'", where=waiver.file, hint=suggest(asked.check, place))
        for what, named, have in (("candidate", asked.candidate, candidate), ("policy", asked.policy, policy)):
            if named != have:
                hint = f'{what} = "{have}" is judged here'
                raise InputError(f"the waiver is for another {what}", where=waiver.file, hint=hint)
        if asked.expires < today:
            raise InputError(f"the waiver expired on {asked.expires}", where=waiver.file, hint="ask its owner again")
        check = found[place[asked.check]]
        if check.status == "invalid" or check.name in NEVER:
            raise InputError(f"'{check.name}' can't be waived", where=waiver.file, hint="mend the run instead")
        if check.status in ("fail", "inconclusive"):
            told = {"reason": asked.reason, "owner": asked.owner, "expires": asked.expires.isoformat()}
            remarks = (*check.remarks, f"waived by {asked.owner} until {asked.expires}: {asked.reason}")
            found[place[check.name]] = replace(
                check, status="waived", remarks=remarks, waiver={"was": check.status, **told}
            )
    return found
