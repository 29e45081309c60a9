"""The table below the verdict: values on one scale."""

from __future__ import annotations

from pathlib import Path

from genrun.comparison.compare import compare_runs
from genrun.comparison.options import CompareOptions
from genrun.report.page import build_page
from genrun.report.sections.ranking import Ranking
from genrun.results.collect import collect
from tests.report.made_up import write_run


def test_one_seed_that_went_wrong_leaves_the_others_apart(tmp_path: Path) -> None:
    """A mean of 2.5e8 next to means of 240 to 260: these keep their digits and their places."""
    for place, optimizer in enumerate(("adam", "rmsprop", "sgd")):
        for seed in range(4):
            value = 240.0 + 10 * place + seed
            bad = 1e9 if (optimizer, seed) == ("sgd", 3) else value
            write_run(tmp_path / f"{optimizer}-{seed}", optimizer, seed=seed, values=(bad, bad))
    records = collect([tmp_path]).records
    verdict = compare_runs(records, CompareOptions(by=("optimizer",)))
    page = build_page(records, verdict)
    (ranking,) = [one for one in page["rankings"] if isinstance(one, Ranking)]
    adam, rmsprop, sgd = ranking.rows
    assert adam.cells[0] == "242"
    assert float(rmsprop.mean.rstrip("%")) - float(adam.mean.rstrip("%")) > 5
    assert sgd.mean.startswith("100")
    assert "are drawn at the edge" in ranking.note
