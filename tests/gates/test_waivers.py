"""Waivers: named, dated, for one candidate and one policy, and never for what makes a run invalid."""

from datetime import UTC, datetime

import pytest

from rook_bench.core import ConfigError, InputError
from rook_bench.gates import judge, load_waiver
from rook_bench.gates.verdict import policy_hash

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def asked(policy):
    return policy(thresholds={"total_return": {"min": 0.5}})


@pytest.fixture
def waiver(tmp_path, judged, asked):
    """Write a waiver; every key can be changed."""

    def write(**changes):
        keys = {
            "check": "total_return",
            "reason": "the sample is far too short for it",
            "owner": "Ada",
            "expires": "2026-03-31",
            "candidate": judged("random:0.2").run.decided.tape.content_hash,
            "policy": policy_hash(asked),
        } | changes
        path = tmp_path / "waiver.toml"
        lines = [f'{key} = "{value}"' if key != "expires" else f"{key} = {value}" for key, value in keys.items()]
        path.write_text("\n".join(lines))
        return path

    return write


def test_a_waiver_covers_its_check_and_the_verdict_says_so(judged, asked, waiver):
    plain = judge(asked, judged("random:0.2"), judged("hold"), judged_at=NOON)
    assert plain.verdict == "BLOCK"
    waived = judge(asked, judged("random:0.2"), judged("hold"), waivers=[load_waiver(waiver())], judged_at=NOON)
    assert waived.verdict == "PROMOTE"
    check = next(check for check in waived.checks if check.name == "total_return")
    assert check.status == "waived"
    assert check.waiver["was"] == "fail"
    assert "1 waived" in waived.reasons[0]
    assert "Ada" in waived.reasons[1]
    assert waived.to_json()["waivers"][0]["expires"] == "2026-03-31"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"expires": "2026-02-28"}, "expired on 2026-02-28"),
        ({"candidate": "0" * 64}, "for another candidate"),
        ({"policy": "0" * 64}, "for another policy"),
        ({"check": "total_retrun"}, "did you mean 'total_return'"),
    ],
)
def test_a_waiver_that_does_not_hold_here(judged, asked, waiver, changes, message):
    given = load_waiver(waiver(**changes))
    with pytest.raises(InputError, match=message):
        judge(asked, judged("random:0.2"), judged("hold"), waivers=[given], judged_at=NOON)


def test_its_last_day_counts(judged, asked, waiver):
    given = load_waiver(waiver(expires="2026-03-01"))
    assert judge(asked, judged("random:0.2"), judged("hold"), waivers=[given], judged_at=NOON).verdict == "PROMOTE"


@pytest.mark.parametrize("check", ["look-ahead", "same tape", "same assumptions", "candidate is not champion"])
def test_what_can_never_be_waived(waiver, check):
    with pytest.raises(ConfigError, match="can't be waived"):
        load_waiver(waiver(check=check))


def test_a_waiver_of_an_unclear_look_ahead_check_is_refused(judged, asked, waiver):
    """Recorded decisions leave the check inconclusive; nobody can answer for what could not be checked."""
    with pytest.raises(ConfigError, match="can't be waived"):
        load_waiver(waiver(check="look-ahead"))


@pytest.mark.parametrize("key", ["reason", "owner", "expires", "candidate", "policy"])
def test_every_key_is_needed(waiver, key):
    path = waiver()
    path.write_text("\n".join(line for line in path.read_text().splitlines() if not line.startswith(f"{key} ")))
    with pytest.raises(ConfigError, match=key):
        load_waiver(path)


def test_an_invalid_candidate_stays_invalid(judged, policy, waiver, frame):
    from rook_bench.metrics import analyse
    from rook_bench.replay import replay

    other = analyse(replay(frame[:1000], "hold"))
    given = load_waiver(waiver())
    assert judge(policy(), judged("random:0.2"), other, waivers=[given], judged_at=NOON).verdict == "INVALID"
