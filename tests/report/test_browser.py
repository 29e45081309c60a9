"""The page in a real browser: what a reader sees, points at and types."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from tests.report.browser import BROWSER, DRIVER, Browser, browser
from tests.report.page_reader import html_of

pytestmark = [
    pytest.mark.skipif(not (BROWSER and DRIVER), reason="chromium or its driver is not installed"),
]


@pytest.fixture(scope="module")
def window() -> Iterator[Browser]:
    with browser() as found:
        yield found


@pytest.fixture(scope="module")
def page(sweep: Path) -> Path:
    path = sweep.parent / "page.html"
    path.write_text(html_of(sweep, baseline="rmsprop"), "utf-8")
    return path


@pytest.fixture(autouse=True)
def _opened(window: Browser, page: Path) -> Iterator[None]:
    """Every test begins with the page anew, and none makes it complain."""
    window.appearance("light")
    window.open(page)
    yield
    assert window.console() == []


def seen_pictures(window: Browser) -> list[str]:
    """By their captions."""
    return window.run(
        "return [...document.querySelectorAll('.samples .shot')].filter(s => s.offsetWidth)"
        ".map(s => s.querySelector('figcaption').textContent)"
    )


def tip(window: Browser, chart: str) -> str:
    shown = f"const tip = document.querySelector('#{chart} .pane .tip');"
    return window.run(f"{shown} return tip.offsetWidth ? tip.innerText : ''")


def test_the_slider_goes_through_training(window: Browser) -> None:
    assert set(seen_pictures(window)) == {"step 800"}
    shown = window.run("return document.querySelector('.samples .seen img').src")
    window.focus(".samples input")
    window.keys("Home")
    assert set(seen_pictures(window)) == {"step 0"}
    assert window.run("return document.querySelector('.samples .seen img').src") != shown
    window.keys("Right")
    assert set(seen_pictures(window)) == {"step 400"}
    assert window.run("return document.querySelector('.slider output').textContent") == "step 400"


def test_pictures_are_decoded(window: Browser) -> None:
    window.run("document.querySelector('#samples').scrollIntoView({behavior: 'instant'})")
    widths = window.run("return [...document.querySelectorAll('img.x, .seen img')]"
                        ".map(i => i.naturalWidth)")  # fmt: skip
    assert len(widths) == 6
    assert set(widths) == {32}


def test_hovering_shows_values(window: Browser) -> None:
    assert tip(window, "curves-w0") == ""
    window.point_at("#curves-w0 .cursor", 0.99, 0.5)
    text = tip(window, "curves-w0")
    assert text.startswith("800 steps")
    assert "adam lr=0.001" in text
    assert "rmsprop lr=0.001" in text
    window.point_at("#curves-w0 .cursor", 0.51, 0.5)
    assert tip(window, "curves-w0").startswith("400 steps")
    window.point_at("h1", 0.5, 0.5)
    assert tip(window, "curves-w0") == ""


def test_arrow_keys_move_the_cursor(window: Browser) -> None:
    window.focus("#curves-w0 .cursor")
    window.keys("Home")
    assert tip(window, "curves-w0").startswith("0 steps")
    window.keys("Right", "Right")
    assert tip(window, "curves-w0").startswith("200 steps")
    said = window.run(
        "return document.querySelector('#curves-w0 .cursor').getAttribute('aria-valuetext')"
    )
    assert said.startswith("200 steps, sgd lr=0.001, ")
    window.keys("Escape")
    assert tip(window, "curves-w0") == ""


def test_the_axis_is_switched_from_the_keyboard(window: Browser) -> None:
    def label() -> str:
        return window.run(
            "return [...document.querySelectorAll('#curves-w0 .x-label')]"
            ".filter(e => e.offsetWidth).map(e => e.textContent).join()"
        )

    assert label() == "steps"
    window.focus("#curves-w0-1")
    window.keys("Right")
    assert label() == "seconds of training"
    window.keys("Left", "Left")
    assert label() == "FLOPs"


def test_a_heading_sorts_the_table(window: Browser) -> None:
    def column(number: int) -> list[str]:
        return window.run(
            "return [...document.querySelectorAll('#configurations .sortable')][0]"
            f".querySelectorAll('tbody td:nth-child({number})').values()"
            ".map(c => c.textContent).toArray()"
        )

    means = column(4)
    assert means == sorted(means)
    assert means[-1] == "failed"
    heading = "#configurations th:nth-child(3) button"
    window.focus(heading)
    window.keys("Enter")
    assert column(3) == ["0.0001"] * 3 + ["0.001"] * 3 + ["0.01"] * 3
    window.keys("Enter")
    assert column(3)[0] == "0.01"
    state = "return document.querySelector('#configurations th[aria-sort]').ariaSort"
    assert window.run(state) == "descending"


def test_the_first_tab_skips_to_the_verdict_and_focus_is_seen(window: Browser) -> None:
    window.keys("Tab")
    assert window.run("return document.activeElement.className") == "skip"
    assert window.run("return document.activeElement.getBoundingClientRect().left") > 0
    assert window.run("return getComputedStyle(document.activeElement).outlineStyle") == "solid"
    window.keys("Enter")
    assert window.run("return document.activeElement.id") == "content"


@pytest.mark.parametrize("width", [320, 360, 768, 1200])
def test_nothing_runs_off_the_side(window: Browser, page: Path, width: int) -> None:
    window.open(page, width, 800)
    assert window.run("return document.documentElement.scrollWidth") == width
    smallest = window.run(
        "return Math.min(...[...document.querySelectorAll('body *')]"
        ".filter(e => e.offsetWidth || e.getBBox).filter(e => e.textContent.trim())"
        ".map(e => parseFloat(getComputedStyle(e).fontSize)))"
    )
    assert smallest >= 11


def test_it_is_light_and_dark(window: Browser, page: Path) -> None:
    for scheme, dark in (("light", False), ("dark", True)):
        window.appearance(scheme)
        window.open(page)
        image = Image.open(io.BytesIO(window.picture())).convert("L")
        assert (image.getpixel((5, 5)) < 60) == dark  # type: ignore[operator]
        assert len(image.getcolors() or [0] * 99) > 50  # something is drawn


def test_print_has_no_controls_and_every_stage(window: Browser, page: Path) -> None:
    window.appearance("light", "print")
    window.open(page, 700)
    for controls in (".switch", ".slider", "nav", ".cursor", ".skip"):
        shown = "return [...document.querySelectorAll(arguments[0])].filter(e => e.offsetWidth)"
        assert window.run(f"{shown}.length", controls) == 0, controls
    assert set(seen_pictures(window)) == {"step 0", "step 400", "step 800"}
    assert window.printed().startswith(b"%PDF")


def test_without_scripts_it_reads_too(window: Browser, page: Path) -> None:
    window.devtools("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        window.open(page)
        picture = Image.open(io.BytesIO(window.picture(whole=True))).convert("L")
    finally:
        window.devtools("Emulation.setScriptExecutionDisabled", {"value": False})
    assert picture.height > 2500
