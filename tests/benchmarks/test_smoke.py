"""The benchmarks run, and see for themselves that what they measured was done."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from programs import make_environment

ROOT = Path(__file__).resolve().parents[2]
# Far above what a smoke run takes.
PATIENCE_SECONDS = 180


def run_benchmarks(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", *arguments],
        cwd=ROOT,
        env=make_environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_SECONDS,
    )


@pytest.mark.slow
def test_imports_generation_and_fairness_are_measured_against_what_they_are_held_to(tmp_path: Path) -> None:
    report_file = tmp_path / "report.json"
    subjects = ("csv-import", "generation", "fairness")
    run = run_benchmarks("--smoke", *subjects, "--json", str(report_file))
    assert run.returncode == 0, run.stdout + run.stderr
    report: dict[str, Any] = json.loads(report_file.read_text("utf-8"))
    assert (report["size"], report["failed"]) == ("smoke", {})
    lines = {line["subject"]: line for line in report["lines"]}
    assert {subject: line["target"] for subject, line in lines.items() if line["target"]} == {
        "CSV import": ">= 0.5",
        "generation": ">= 0.6",
        "fair, all begun": "each <= 2 s",
        "fair, small jobs done": "each <= 2 s",
        "fair, large ones slower": "<= 1.1x",
    }
    for subject in ("CSV import", "generation"):
        raw = lines[subject]["raw"]
        assert raw["rows"] == 2_000
        assert raw["ratios"] == [raw["limit_seconds"][0] / raw["ours_seconds"][0]]
        assert subject in run.stdout
    # An import, a bulk update and another project's import.
    assert len(lines["fair, small jobs done"]["raw"]["values"]) == 3


@pytest.mark.slow
def test_a_subject_that_does_not_exist_is_refused_with_the_names_of_those_that_do() -> None:
    run = run_benchmarks("csv-exports")
    assert run.returncode == 2
    assert "unknown: csv-exports; there are limit, table-costs, csv-import" in run.stderr
    assert run.stdout == ""
