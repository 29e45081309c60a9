"""The page as a file: complete, self-contained, escaped, small."""

from __future__ import annotations

import base64
import hashlib
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from genrun.report.render import render
from tests.report.made_up import grey_png, noise_png, write_pictures, write_proof, write_run
from tests.report.page_reader import Page, html_of

ORDER = [
    "verdict",
    "curves",
    "swept",
    "tuning",
    "samples",
    "configurations",
    "compute",
    "reproduction",
]
HOSTILE = "<script>alert(1)</script>\"onmouseover='alert(2)'\u2028</style><!--"


@pytest.fixture(scope="module")
def html(sweep: Path) -> str:
    return html_of(sweep)


@pytest.fixture(scope="module")
def page(html: str) -> Page:
    return Page(html)


def test_sections_come_in_order_and_the_verdict_is_first(page: Page) -> None:
    keys = [attributes["id"] for attributes in page.having("section")]
    assert keys == ORDER
    place = page.words.index("Verdict", page.words.index("Verdict") + 1)  # behind the navigation
    assert re.search(r"adam.*rmsprop.*nats", page.words[place + 1])


def test_failures_are_shown_with_their_reason(page: Page) -> None:
    assert page.words.count("vae/loss was nan at step 250") == 4
    assert "4 diverged" in page.words
    assert "36 runs, 10 min of computing, 26.4 TFLOPs in training; 4 without a result" in page.text


def test_the_page_has_what_reproduces_the_runs(page: Page) -> None:
    command = "genrun -m optimizer=adam,rmsprop,sgd optimizer.lr=1e-4,1e-3,1e-2"
    for text in (command, "c0ffee" * 6, "d" * 64, "2.13.0", "0, 1, 2, 3"):
        assert text in page.words, text


def test_nothing_is_loaded_from_elsewhere(html: str, page: Page) -> None:
    for tag, attributes in page.tags:
        for name in ("src", "href", "srcset", "data", "action", "poster", "xlink:href"):
            if name in attributes:
                assert re.match(r"data:|#", attributes[name] or ""), (tag, attributes)
        assert not any(name.startswith("on") or name == "style" for name in attributes)
    style, script = page.inside["style"][0], page.inside["script"][-1]
    assert not re.search(r"url\(|@import", style)
    assert not re.search(r"fetch|XMLHttp|import\(|innerHTML|eval|document\.write", script)
    assert "://" not in re.sub(r"data:[\w/]+;base64,[\w+/=]+", "", html)


def test_its_policy_names_its_own_style_and_script(page: Page) -> None:
    (policy,) = [m["content"] or "" for m in page.having("meta") if "http-equiv" in m]
    assert policy.startswith("default-src 'none'")
    for text in (page.inside["style"][0], page.inside["script"][-1]):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy


def test_charts_have_names_and_tables(page: Page) -> None:
    charts = [attributes for attributes in page.having("svg") if attributes.get("role") == "img"]
    assert len(charts) > 10
    assert all(attributes.get("aria-label") for attributes in charts)
    identities = [own["id"] for _, own in page.tags if own.get("id")]
    assert len(identities) == len(set(identities))
    for attributes in charts:
        if "aria-describedby" in attributes:
            assert attributes["aria-describedby"] in identities
    assert page.words.count("These values as a table") >= 4


def test_the_same_runs_give_the_same_bytes(sweep: Path, html: str) -> None:
    assert html_of(sweep) == html


def test_untrusted_text_is_only_text(tmp_path: Path) -> None:
    names = {"vae": 1, HOSTILE: 2}
    environment = {"device": HOSTILE, "threads": 1, "genrun": HOSTILE}
    data = {"name": HOSTILE, "digest": HOSTILE, "shape": [1, 28, 28]}
    changes = {
        "overrides": [HOSTILE], "git_commit": HOSTILE, "started": HOSTILE, "parameters": names,
        "environment": environment, "data": data,
    }  # fmt: skip
    bad = "a<script>alert(1)<|script>'\"onmouseover=x"
    for seed in range(2):
        good, failed = (9.0, 5.0 + seed), (9.0, 8.0 + seed)
        write_run(tmp_path / f"{bad}{seed}", HOSTILE, 0.1, seed, good, changes=changes)
        folder = tmp_path / f"{bad}{seed + 2}"
        write_run(folder, "adam", 0.1, seed, failed, "failed", HOSTILE, changes)
    write_pictures(tmp_path / f"{bad}0", {0: grey_png(9)})
    html = html_of(tmp_path)
    page = Page(html)
    assert "<script>alert" not in html
    assert "\u2028" not in "".join(page.inside["script"])
    assert len(page.inside["style"]) == 1
    assert any(
        HOSTILE.split("\u2028")[0] in text for text in page.words
    )  # and yet it is on the page
    assert "alert(1)" in str(page.data)
    for _, attributes in page.tags:
        assert not any(name.startswith("on") for name in attributes)


def test_a_template_without_a_value_is_an_error() -> None:
    from jinja2 import UndefinedError

    with pytest.raises(UndefinedError):
        render({"title": "x"})


def test_a_sweep_of_a_hundred_runs_is_under_two_megabytes(tmp_path: Path) -> None:
    noise = np.random.default_rng(0)
    pictures = {100 * step: noise_png(step, 448) for step in range(8)}
    runs = 0
    for optimizer in ("adam", "sgd", "lion", "rmsprop", "adagrad"):
        for lr in (1e-4, 3e-4, 1e-3, 3e-3, 1e-2):
            for seed in range(4):
                values = 200 + 300 / np.arange(1, 201) + noise.normal(0, 3, 200)
                run = write_run(tmp_path / f"run-{runs:03d}", optimizer, lr, seed, values.tolist())
                write_pictures(run, pictures)
                runs += 1
    html = html_of(tmp_path)
    assert runs == 100
    assert len(html.encode()) < 2_000_000
    page = Page(html)
    assert "19 other configurations are left out" in page.text
    assert len(page.having("img")) == 6 * 6


def test_a_proof_shows_what_was_tuned_and_what_was_tested(tmp_path: Path) -> None:
    page = Page(html_of(write_proof(tmp_path / "proof"), by=()))
    assert re.search(r"adam beats sgd by 2[89][.0-9]* nats", page.text)
    assert "Judged by negative_elbo on test images" in page.text
    assert "adam lr=0.001 (fresh seeds)" in page.words
    assert "adam lr=0.0001" in page.words
    assert page.words.count("fresh seeds") == page.words.count("tuning") == 2
    assert "genrun prove 'contestants=[adam,sgd]' trials=2 seeds=3 model=vae" in page.words


def test_one_run_and_runs_that_failed_at_once_have_a_page(tmp_path: Path) -> None:
    write_run(tmp_path / "one")
    assert "differ in nothing but seeds" in Page(html_of(tmp_path / "one", by=())).text
    write_run(tmp_path / "two", "sgd", values=(500.0,), status="failed", reason="no memory")
    write_run(tmp_path / "three", "lion", values=(500.0,), status="diverged", reason="nan")
    page = Page(html_of(tmp_path, by=()))
    assert "no memory" in page.words
    shutil.rmtree(tmp_path / "one")
    assert "failed" in Page(html_of(tmp_path, by=())).words
