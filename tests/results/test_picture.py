"""The content of a sweep's picture, and that any sweep can be drawn."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.etree import ElementTree

import pytest
from PIL import Image

from genrun.core.formatting import shorten
from genrun.results.grouping import Configuration
from genrun.results.record import read_job_records
from genrun.results.summary.chart import SweepPanel, build_panels
from genrun.results.summary.configurations import group_jobs
from genrun.results.summary.plot import draw
from genrun.sweeps.plan import read_plan
from tests.sweeps.made_up import Outcome, make_sweep

RATES = ["1e-4", "1e-3", "1e-2"]


def configurations(
    folder: Path, swept: Mapping[str, Sequence[str]], values: Sequence[Outcome]
) -> list[Configuration]:
    """A sweep whose jobs have these values in turn, repeated."""
    given = iter(values * 1000)
    make_sweep(folder, swept, lambda **_: next(given))
    return group_jobs(read_job_records(folder, read_plan(folder).jobs))


def panels(folder: Path, swept: Mapping[str, Sequence[str]], *values: Outcome) -> list[SweepPanel]:
    return build_panels(configurations(folder, swept, values or (1.0, 2.0, 3.0)), "loss")


def test_the_axis_has_the_key_with_most_numbers(tmp_path: Path) -> None:
    swept = {"optimizer": ["adam", "sgd", "a", "b"], "optimizer.lr": RATES, "seed": ["0", "1"]}
    (panel,) = panels(tmp_path, swept)
    assert (panel.key, panel.log, panel.numeric, panel.connected) == (
        "optimizer.lr", True, True, True,
    )  # fmt: skip
    assert [text for _, text in panel.ticks] == RATES
    assert [place for place, _ in panel.ticks] == [1e-4, 1e-3, 1e-2]
    assert [line.label for line in panel.lines] == [
        "optimizer=a", "optimizer=adam", "optimizer=b", "optimizer=sgd",
    ]  # fmt: skip
    assert all(len(mark.values) == 2 for mark in panel.marks)


@pytest.mark.parametrize(
    ("values", "log"),
    [
        (["1e-4", "3e-4", "1e-3"], True),
        (["32", "64", "128", "256", "512"], True),
        (["1", "2", "5"], False),
        (["0.0", "0.001", "0.1"], False),
        (["-1", "1", "100"], False),
        ([str(number) for number in range(1, 40)], False),
        (["1e-4", "1e-3", "5e-3", "1e-2"], True),
    ],
)
def test_a_logarithmic_axis_where_values_are_spread_by_factors(
    values: list[str], log: bool, tmp_path: Path
) -> None:
    (panel,) = panels(tmp_path, {"key": values})
    assert panel.log is log


def test_choices_stand_side_by_side_best_first_and_no_line_joins_them(tmp_path: Path) -> None:
    (panel,) = panels(tmp_path, {"optimizer": ["adam", "sgd", "rmsprop"]}, 3.0, 1.0, 2.0)
    assert (panel.key, panel.numeric, panel.connected) == ("optimizer", False, False)
    assert panel.ticks == [(0.0, "sgd"), (1.0, "rmsprop"), (2.0, "adam")]


def test_a_value_that_is_no_number_makes_choices_of_all(tmp_path: Path) -> None:
    (panel,) = panels(tmp_path, {"key": ["1", "null", "3"]}, 1.0, 2.0, 3.0)
    assert not panel.numeric
    assert [text for _, text in panel.ticks] == ["1", "null", "3"]


def test_few_lines_are_preferred_to_a_numeric_axis(tmp_path: Path) -> None:
    swept = {"data.batch_size": ["32", "64"], "optimizer": [f"o{n}" for n in range(12)]}
    (panel,) = panels(tmp_path, swept)
    assert panel.key == "optimizer"
    assert [line.label for line in panel.lines] == ["data.batch_size=32", "data.batch_size=64"]


def test_too_many_lines_are_drawn_key_by_key(tmp_path: Path) -> None:
    numbers = [str(number) for number in range(10)]
    found = panels(tmp_path, {"a": numbers, "b": numbers})
    assert [panel.key for panel in found] == ["a", "b"]
    assert all(len(panel.lines) == 1 and not panel.connected for panel in found)
    assert all(len(list(panel.marks)) == 100 for panel in found)


def test_nothing_but_seeds(tmp_path: Path) -> None:
    (panel,) = panels(tmp_path, {"seed": ["0", "1", "2"]})
    assert panel.key == "configuration"
    ((mark,),) = [line.marks for line in panel.lines]
    assert sorted(mark.values) == [1.0, 2.0, 3.0]


def test_failures_are_marks_without_a_value(tmp_path: Path) -> None:
    (panel,) = panels(tmp_path, {"optimizer.lr": RATES}, 1.0, 2.0, "diverged")
    marks = {mark.place: mark for mark in panel.marks}
    assert (marks[1e-2].mean, marks[1e-2].failed) == (None, 1)
    assert (marks[1e-4].mean, marks[1e-4].failed) == (1.0, 0)
    (text,) = svg_texts(draw([panel], "title", "")["svg"], "failed or diverged")
    assert text


def svg_texts(svg: bytes, wanted: str) -> list[str]:
    root = ElementTree.fromstring(svg)
    texts = ["".join(e.itertext()) for e in root.iter("{http://www.w3.org/2000/svg}text")]
    return [text for text in texts if wanted in text]


@pytest.mark.parametrize(
    "text",
    [
        "$a_b$",
        "$",
        "\\frac{1}{0}",
        "\U0001f600",
        "<b>&\"'",
        "two\nlines",
        "\x1b[31m",
        "٣漢字",
        "%s {0}",
    ],
)
def test_untrusted_text_is_only_text(text: str, tmp_path: Path) -> None:
    found = configurations(
        tmp_path, {text: ["1", "2"], "other": [text, "b"]}, [1.0, 2.0, "failed"]
    )
    drawn = draw(build_panels(found, text), shorten(text, 40), shorten(text, 40))
    assert svg_texts(drawn["svg"], text.replace("\n", "\\n").replace("\x1b", "\\x1b"))
    with Image.open(io.BytesIO(drawn["png"])) as image:
        assert image.width == 1200
        assert image.convert("L").getextrema() == (0, 255)


@pytest.mark.parametrize(
    "values",
    [[1.0], [0.0], [-5.0, 3.0], [1e-300, 1e300], [1.7e308, -1.7e308], [5e-324], [1.0, "failed"]],
)
def test_any_values_can_be_drawn(values: list[Outcome], tmp_path: Path) -> None:
    swept = {"optimizer.lr": ["1", "2", "3", "4"], "optimizer": ["a", "b"], "seed": ["0", "1"]}
    drawn = draw(panels(tmp_path, swept, *values), "title", "")
    assert drawn["png"].startswith(b"\x89PNG")


@pytest.mark.parametrize(
    "values", [["1e-300", "1", "1e300"], ["0", "1e308", "-1e308"], ["5", "5.0"]]
)
def test_any_swept_number_can_be_drawn(values: list[str], tmp_path: Path) -> None:
    drawn = draw(panels(tmp_path, {"key": values}), "title", "")
    assert drawn["png"].startswith(b"\x89PNG")


def test_the_same_sweep_gives_the_same_bytes(tmp_path: Path) -> None:
    swept = {"optimizer.lr": RATES, "optimizer": ["adam", "sgd"], "seed": ["0", "1"]}
    found = panels(tmp_path, swept, 1.0, 2.5, "failed")
    assert draw(found, "title", "subtitle") == draw(found, "title", "subtitle")


@pytest.mark.slow
def test_drawn_where_home_cannot_be_written_and_matplotlibrc_is_hostile(tmp_path: Path) -> None:
    sweep = make_sweep(tmp_path / "sweep", {"optimizer.lr": RATES}, lambda optimizer_lr: 1.0)
    reference = subprocess.run(show(sweep), cwd=tmp_path, capture_output=True, text=True)
    assert reference.returncode == 0, reference.stderr
    expected = (sweep / "summary.png").read_bytes()
    for path in sweep.glob("summary.*"):
        path.unlink()
    (tmp_path / "matplotlibrc").write_text("text.usetex: True\nfont.size: 80\nbackend: TkAgg\n")
    done = subprocess.run(
        show(sweep), cwd=tmp_path, capture_output=True, text=True,
        env={**os.environ, "HOME": "/proc/nowhere", "XDG_CACHE_HOME": "/proc/nowhere",
             "XDG_CONFIG_HOME": "/proc/nowhere"},
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert (sweep / "summary.png").read_bytes() == expected


def show(sweep: Path) -> list[str]:
    return [sys.executable, "-m", "genrun", "show", str(sweep)]
