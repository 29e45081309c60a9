"""`genrun report`: one HTML page about runs, starting with the verdict."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from genrun.commands.arguments import merge_settings, parse_folders_and_settings
from genrun.commands.compare import DEFAULTS, collect_runs, parse_options
from genrun.core.formatting import format_bytes
from genrun.runs import layout
from genrun.runs.files import check_output_path

ENDINGS = (".html", ".htm")
MARKER = b'<meta name="generator" content="genrun report">'
LONGEST_HEAD = 4096  # bytes that contain the marker
USAGE = (
    "genrun report RUN… [out=report.html] [by=KEY|[KEY,…]] [metric=NAME]\n"
    "                   [budget=steps|seconds|examples|flops] [at=NUMBER]\n"
    "                   [target=NUMBER | baseline=NAME] [difference=NUMBER] [resamples=10000]\n"
    "                   [split=held_out|test]\n"
    "  The result of `genrun compare` with the same arguments as one self-contained page: the\n"
    "  verdict, curves, the swept values, tuning, samples through training, all configurations,\n"
    "  failures, compute, and how to reproduce it. Needs no network. Written to out=, by default\n"
    "  into the sweep's or proof's folder if only one is given, else into the current folder."
)


def run(words: Sequence[str]) -> int:
    """Writes the page and prints its path."""
    folders, settings = parse_folders_and_settings(USAGE, words)
    settings = merge_settings("report", settings, DEFAULTS)
    options = parse_options(settings)
    path = Path(settings["out"]) if settings["out"] else _folder(folders) / layout.REPORT
    out = check_output_path(path, ENDINGS, _is_page, "page of genrun report")

    from genrun.comparison.compare import compare_runs
    from genrun.report.render import page_bytes
    from genrun.runs.files import write_atomic
    from genrun.terminal.tables import print_line

    found = collect_runs(folders)
    verdict = compare_runs(found.records, options, found.damaged)
    content = page_bytes(found.records, verdict)
    write_atomic(out, content)
    print_line(f"{out}: {format_bytes(len(content))}, {len(found.records)} runs")
    return 0


def _is_page(path: Path) -> bool:
    """Whether a file is a page of genrun report, which may be replaced."""
    try:
        with path.open("rb") as file:
            return MARKER in file.read(LONGEST_HEAD)
    except OSError:
        return False


def _folder(folders: Sequence[str]) -> Path:
    """Returns the only folder if it is a sweep's or a proof's, else the current folder."""
    folder = Path(folders[0])
    has_plan = len(folders) == 1 and any(
        (folder / name).is_file() for name in (layout.PROOF, layout.PLAN)
    )
    return folder if has_plan else Path()
