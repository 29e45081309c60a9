"""What an HTML page holds, read strictly by the standard library."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from genrun.comparison.compare import compare_runs
from genrun.comparison.options import CompareOptions
from genrun.report.page import build_page
from genrun.report.render import render
from genrun.results.collect import collect

VOID = {"meta", "link", "input", "img", "br", "hr"}
DRAWN = {"line", "path", "circle", "rect", "use"}  # closed at once, as XML
TEXTS = {"script", "style"}


class Page(HTMLParser):
    """Raises `AssertionError` where a tag is closed that is not open, or none is."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.inside: dict[str, list[str]] = {name: [] for name in TEXTS}
        self.data: list[Any] = []
        self.feed(text)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attributes]
        assert len(names) == len(set(names)), (tag, names)
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        assert tag in DRAWN, tag
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open, tag
        assert self.open.pop() == tag, (tag, self.getpos())

    def handle_data(self, data: str) -> None:
        inner = self.open[-1] if self.open else ""
        if inner in TEXTS:
            self.inside[inner].append(data)
            if self.tags[-1] == ("script", {"type": "application/json"}):
                self.data.append(json.loads(data))
        elif data.strip():
            self.words.append(" ".join(data.split()))

    @property
    def text(self) -> str:
        return "\n".join(self.words)

    def having(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def html_of(*folders: Path, by: tuple[str, ...] = ("optimizer",), **asked: Any) -> str:
    """As the verb writes it."""
    found = collect(folders)
    verdict = compare_runs(
        found.records, CompareOptions(by=by, resamples=1000, **asked), found.damaged
    )
    return render(build_page(found.records, verdict))
