"""What the evidence of ROOK's eight-hour test split allows: rules against holding and against chance."""

import json

import pytest

pytestmark = [pytest.mark.real, pytest.mark.usefixtures("few_pictures")]


@pytest.fixture(scope="module")
def verdict_of(rook_folder, root, tmp_path_factory):
    """Judge the published rules on the published test split by the shipped policy."""
    from rook_bench.cli.main import run

    folder = tmp_path_factory.mktemp("verdicts")

    def judge(champion):
        out = folder / champion.replace(":", "-")
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("ROOK_BENCH_TRIALS", str(folder / "trials"))
            code = run(
                [
                    "gate",
                    "--policy",
                    str(root / "strategies" / "gate.toml"),
                    "--champion",
                    champion,
                    "--candidate",
                    f"rules:{rook_folder / 'configs' / 'data_driven_heuristics.json'}",
                    "--data",
                    str(rook_folder / "test.csv.gz"),
                    "--out",
                    str(out),
                ]
            )
        return code, json.loads((out / "verdict.json").read_text()), (out / "summary.md").read_text()

    return judge


@pytest.mark.parametrize("champion", ["hold", "random:0.16"])
def test_eight_hours_tell_nothing_and_the_verdict_says_how_long_would(verdict_of, champion):
    code, verdict, summary = verdict_of(champion)
    assert (code, verdict["verdict"]) == (2, "INCONCLUSIVE")
    checks = {check["name"]: check for check in verdict["checks"]}
    primary = checks["net return vs champion (superiority)"]
    assert primary["status"] == "inconclusive"
    assert primary["estimate"]["low"] < primary["estimate"]["value"] < primary["estimate"]["high"]
    assert primary["power"]["days_needed"] > 0
    assert checks["length of tape"]["detail"] == "0.331 days, 30 asked"
    assert checks["calibration"]["status"] == "skipped"
    assert "❔ INCONCLUSIVE" in summary
    if champion == "hold":  # rules +0.82% net, hold +1.10%: below it by 28 bps in eight hours, and far from certain
        assert primary["estimate"]["value"] < 0 < primary["estimate"]["high"]
        assert "of tape would block" in primary["detail"]
