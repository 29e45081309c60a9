"""The verdict of a proof: printed, and written as verdict.json and report.html."""

from __future__ import annotations

import os
from pathlib import Path

from genrun.comparison.compare import compare_runs, to_json
from genrun.comparison.options import CompareOptions
from genrun.comparison.tables import print_verdict
from genrun.comparison.verdict import Verdict
from genrun.results.collect import Found, collect
from genrun.results.proof_file import Proof
from genrun.runs import layout
from genrun.runs.files import write_atomic, write_json
from genrun.terminal.tables import print_line


def show_verdict(folder: Path, proof: Proof) -> None:
    """Prints the verdict on test images, of seeds that tuning did not use."""
    _show(_compare(proof, collect([folder])), proof)


def write_verdict(folder: Path, proof: Proof) -> None:
    """Writes verdict.json and report.html, then prints the verdict.

    Files come first, as the reader of the output may close it (`… | head`).
    """
    from genrun.report.render import page_bytes

    found = collect([folder])
    verdict = _compare(proof, found)
    write_json(folder / layout.VERDICT, to_json(verdict))
    write_atomic(folder / layout.REPORT, page_bytes(found.records, verdict))
    _show(verdict, proof)
    print_line(os.path.relpath(folder / layout.REPORT))


def _compare(proof: Proof, found: Found) -> Verdict:
    return compare_runs(found.records, CompareOptions(by=(proof.over,)), found.damaged)


def _show(verdict: Verdict, proof: Proof) -> None:
    print_line("")
    print_verdict(verdict)
    for line in proof.warnings:
        print_line(f"note: {line}")
