"""JUnit XML, which every CI system shows: one test case per check."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree

OUTCOMES = {"fail": "failure", "invalid": "error", "inconclusive": "failure", "waived": "skipped", "skipped": "skipped"}
"""JUnit knows no "can't tell yet"; an inconclusive check is a failure of that type, since nothing may be promoted."""


def to_junit(record: dict[str, Any]) -> str:
    """A test suite named after the policy.

    Args:
        record: the content of verdict.json.
    """
    cases = [check for check in record["checks"] if check["status"] != "info"]
    counts = {kind: sum(OUTCOMES.get(check["status"]) == kind for check in cases) for kind in set(OUTCOMES.values())}
    suite = ElementTree.Element(
        "testsuite",
        name=f"rook-bench gate: {record['policy']['name']}",
        tests=str(len(cases)),
        failures=str(counts["failure"]),
        errors=str(counts["error"]),
        skipped=str(counts["skipped"]),
        timestamp=record["judged_at"].removesuffix("+00:00"),
    )
    properties = ElementTree.SubElement(suite, "properties")
    for name, value in (
        ("verdict", record["verdict"]),
        ("verdict_hash", record["hash"]),
        ("policy_hash", record["policy"]["hash"]),
        ("data_hash", record["tape"]["data_hash"]),
    ):
        ElementTree.SubElement(properties, "property", name=name, value=value)
    for check in cases:
        case = ElementTree.SubElement(
            suite, "testcase", classname=record["candidate"]["name"], name=check["name"], time="0"
        )
        kind = OUTCOMES.get(check["status"])
        if kind is not None:
            problem = ElementTree.SubElement(case, kind, message=check["detail"])
            if kind != "skipped":
                problem.set("type", check["status"])
                problem.text = f"{check['detail']} (asked: {check['bound'] or 'see the policy'})"
        else:
            ElementTree.SubElement(case, "system-out").text = check["detail"]
    suites = ElementTree.Element("testsuites")
    suites.append(suite)
    for element in suites.iter():  # names come from files and plugins, and may hold anything
        element.attrib = {key: _plain(value) for key, value in element.attrib.items()}
        element.text = element.text and _plain(element.text)
    ElementTree.indent(suites)
    return ElementTree.tostring(suites, encoding="unicode", xml_declaration=True) + "\n"


def _plain(text: str) -> str:
    """Without the characters that XML 1.0 can't hold."""
    return _NO_XML.sub("\N{REPLACEMENT CHARACTER}", text)


_NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
