"""Tests run by pytest and counted for the table: the fuzzer, and a NaN in every tensor."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from xml.etree import ElementTree

from tests.faults.harness import Tally

ROOT = Path(__file__).parents[2]
STEPS_OF_LONG = 100  # in each case of test_nan_at_100_steps


def fuzz(lines: int, trees: int) -> Tally:
    """Generated command lines and YAML trees; the fuzzer stops at the first that fails."""
    words = ["tests/faults/test_fuzz.py", "-k", "test_command_lines or test_trees"]
    failed = _outcomes(words, {"GENRUN_FUZZ": f"{lines}/{trees}"}).count(False)
    tried = lines + trees
    return Tally("command lines and YAML generated", tried, tried - failed, 0, failed)


def not_a_number() -> Tally:
    """A NaN at every place, at each of 100 steps."""
    words = ["tests/faults/test_numerical.py", "-k", "test_nan_at_100_steps"]
    outcomes = _outcomes(words, {"GENRUN_FAULTS": "long"})
    good, bad = (outcomes.count(passed) * STEPS_OF_LONG for passed in (True, False))
    return Tally("NaN in a tensor", good + bad, good, 0, bad)


def _outcomes(words: list[str], environment: Mapping[str, str]) -> list[bool]:
    """Whether each test that was not skipped passed."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
        done = subprocess.run(
            [*command, f"--junitxml={report}", *words],
            cwd=ROOT,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
        )
        cases = list(ElementTree.parse(report).iter("testcase"))
    ran = [case for case in cases if case.find("skipped") is None]
    passed = [case.find("failure") is None and case.find("error") is None for case in ran]
    if not passed or not all(passed):
        print(done.stdout[-5000:], file=sys.stderr)
    return passed or [False]
