"""Renders the page as one file with its style, script and pictures."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from genrun.comparison.verdict import Verdict
from genrun.core.plotting import BACKGROUND, COLORS, DARK_BACKGROUND, DARK_COLORS
from genrun.report.page import build_page
from genrun.results.record import RunRecord

TEMPLATES = Path(__file__).parent / "templates"


def render(page: Mapping[str, Any]) -> str:
    """Returns HTML whose content security policy allows only its own style, script and pictures.

    All text is escaped when it is inserted (autoescape), except for genrun's own style and
    script, which the policy names by their SHA-256.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style, script = _style(), _read("report.js")
    return environment.get_template("page.html").render(
        page,
        style=Markup(style),
        script=Markup(script),
        style_hash=_hash(style),
        script_hash=_hash(script),
    )


def page_bytes(records: Sequence[RunRecord], verdict: Verdict) -> bytes:
    """Returns the page of these runs as the content of its file."""
    return render(build_page(records, verdict)).encode("utf-8", "replace")


def _style() -> str:
    """report.css with the colours that all of genrun's pictures share."""
    light, dark = _colors(COLORS, BACKGROUND), _colors(DARK_COLORS, DARK_BACKGROUND)
    return _read("report.css").replace("/* DARK COLORS */", dark).replace("/* COLORS */", light)


def _colors(colors: Sequence[str], background: str) -> str:
    own = [f"--c{number}: {color};" for number, color in enumerate(colors)]
    return " ".join([*own, f"--grey: {background};"])


def _read(name: str) -> str:
    return (TEMPLATES / name).read_text("utf-8")


def _hash(text: str) -> str:
    return b64encode(hashlib.sha256(text.encode()).digest()).decode()
