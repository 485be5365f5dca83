"""verdict.json against its schema, and the forms that other tools read."""

import json
from datetime import UTC, datetime
from xml.etree import ElementTree

import jsonschema
import pytest
import yaml

from rook_bench.core import ConfigError
from rook_bench.gates import Policy, Tries, judge
from rook_bench.gates.formats import (
    FILES,
    SCHEMA,
    to_junit,
    to_model_card,
    to_sarif,
    to_summary,
    write_verdict,
)


@pytest.fixture(scope="module")
def records(judged, policy):
    """A verdict of every kind."""
    tries = Tries("0" * 64, 3, 2)
    asked = {"primary": {"min_buckets": 50}, "selection": {"min_deflated_sharpe": 0.95}, "stress": {"cost_factor": 2}}
    asked["evidence"] = {"min_days": 30}
    made = {
        "PROMOTE": judge(policy(thresholds={"max_drawdown": {"max": 0.9}}), judged("random:0.2"), judged("hold")),
        "BLOCK": judge(policy(thresholds={"total_return": {"min": 0.5}}), judged("random:0.2"), None),
        "INCONCLUSIVE": judge(policy(**asked), judged("hold"), judged("random:0.2"), tries=tries),
        "INVALID": judge(policy(), judged("hold"), judged("hold")),
    }
    records = {name: json.loads(json.dumps(verdict.to_json(), allow_nan=False)) for name, verdict in made.items()}
    assert {name: record["verdict"] for name, record in records.items()} == {name: name for name in made}
    return records


@pytest.fixture(scope="module", params=["PROMOTE", "BLOCK", "INCONCLUSIVE", "INVALID"])
def record(request, records):
    return records[request.param]


def test_the_schema_describes_it(record):
    schema = json.loads(SCHEMA.read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker()).validate(record)
    assert schema["properties"]["schema_version"]["const"] == record["schema_version"]


@pytest.mark.parametrize(
    "change",
    [
        {"verdict": "MAYBE"},
        {"exit_code": 7},
        {"extra": 1},
        {"reasons": []},
        {"checks": [{"name": "x", "status": "pass"}]},
    ],
)
def test_the_schema_refuses_what_is_no_verdict(records, change):
    schema = json.loads(SCHEMA.read_text())
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(records["PROMOTE"] | change, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(records["PROMOTE"] | {"exit_code": 2}, schema)


def test_junit(record):
    root = ElementTree.fromstring(to_junit(record).encode())
    suite = root.find("testsuite")
    cases = suite.findall("testcase")
    shown = [check for check in record["checks"] if check["status"] != "info"]
    assert [case.get("name") for case in cases] == [check["name"] for check in shown]
    assert int(suite.get("tests")) == len(shown)
    for attribute, statuses in (("failures", ("fail", "inconclusive")), ("errors", ("invalid",))):
        expected = sum(check["status"] in statuses for check in shown)
        element = attribute.removesuffix("s")
        assert int(suite.get(attribute)) == expected == len(suite.findall(f"testcase/{element}"))
    passes = record["verdict"] == "PROMOTE"
    assert passes == (int(suite.get("failures")) + int(suite.get("errors")) == 0)


def test_junit_survives_control_characters(records):
    record = json.loads(json.dumps(records["BLOCK"]))
    record["checks"][0]["detail"] = 'a \x00\x1b[31m <b> & "quoted"'
    record["candidate"]["name"] = record["checks"][1]["name"] = record["policy"]["name"] = "b\x1b[32m\ufffe\x0c"
    suite = ElementTree.fromstring(to_junit(record).encode())[0]
    assert suite.find("testcase").get("classname") == "b\ufffd[32m\ufffd\ufffd"


@pytest.mark.parametrize("name", ["nightly \x1b[32mgreen\x1b[0m", "two\nlines", " ", ""])
def test_a_policy_has_a_name_that_can_be_printed(name):
    with pytest.raises(ConfigError, match="no control character or line break"):
        Policy.parse({"name": name}, where="policy.toml")


def test_names_do_not_break_out_of_the_summary(records):
    record = json.loads(json.dumps(records["BLOCK"]))
    record["candidate"]["name"] = "a`\n# PROMOTE\n`"
    lines = to_summary(record).splitlines()
    assert not any(line.startswith("# ") for line in lines)
    assert lines[2].startswith("`a'\ufffd# PROMOTE\ufffd'`")


def test_summary_is_a_table_that_nothing_breaks_out_of(record):
    changed = json.loads(json.dumps(record))
    changed["checks"][0]["detail"] = "a | b\nc <script>alert(1)</script> `code`"
    text = to_summary(changed)
    assert record["verdict"] in text.splitlines()[0]
    assert "<script>" not in text
    rows = [line for line in text.splitlines() if line.startswith("| ") and "check |" not in line]
    assert len([row for row in rows if row.replace("\\|", "").count("|") == 4]) >= len(record["checks"])
    for reason in record["reasons"]:
        assert reason.split(":")[0].replace("_", "\\_") in text
    assert record["hash"] in text


def test_summary_puts_the_worst_first(records):
    lines = [line for line in to_summary(records["BLOCK"]).splitlines() if line.startswith("| ")]
    assert "❌" in lines[1]


def test_summary_names_the_looks(records):
    assert "looked at 3 times, with 2 candidates" in to_summary(records["INCONCLUSIVE"])


def test_sarif(record):
    sarif = to_sarif(record)
    (run,) = sarif["runs"]
    assert sarif["version"] == "2.1.0"
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    for result in run["results"]:
        assert rules[result["ruleIndex"]] == result["ruleId"]
        assert result["level"] in ("error", "warning", "note")
        assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "verdict.json"
    assert bool(run["results"]) == (record["verdict"] != "PROMOTE")


def test_model_card(record):
    text = to_model_card(record)
    _, front, body = text.split("---\n", 2)
    (entry,) = yaml.safe_load(front)["model-index"]
    metrics = entry["results"][0]["metrics"]
    expected = [check for check in record["checks"] if check["estimate"] and check["estimate"]["value"] is not None]
    assert [metric["value"] for metric in metrics] == [check["estimate"]["value"] for check in expected]
    assert record["verdict"] in body


def test_the_hub_reads_the_model_card(records):
    hub = pytest.importorskip("huggingface_hub", reason="the train extra is not installed")
    card = hub.ModelCard(to_model_card(records["INCONCLUSIVE"]))
    assert card.data.model_name == "hold"
    assert {result.dataset_type for result in card.data.eval_results} == {"uniswap-swaps"}
    assert all(result.metric_value is not None for result in card.data.eval_results)


def test_files_are_written_and_read_back(records, tmp_path):
    write_verdict(records["BLOCK"], tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(FILES)
    assert json.loads((tmp_path / "verdict.json").read_text()) == records["BLOCK"]


def test_judged_at_is_utc(judged, policy):
    now = datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)
    assert judge(policy(), judged("hold"), None, judged_at=now).to_json()["judged_at"] == "2026-05-04T03:02:01+00:00"
