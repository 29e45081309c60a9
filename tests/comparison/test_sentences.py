"""Pairs in plain words, on cases worked by hand."""

from __future__ import annotations

import itertools
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest

from genrun.comparison.compare import compare_runs
from genrun.comparison.naming import short_names, with_unit
from genrun.comparison.options import CompareOptions
from genrun.comparison.pairwise import Side, compare_pairs
from genrun.comparison.quality import summarize_quality
from genrun.comparison.sentences import describe_pairs
from genrun.comparison.verdict import ContestantResult, Pair, Verdict
from genrun.core.formatting import format_aligned, format_fixed
from tests.results.made_up import made_record

COUNTER = itertools.count()


def compared(
    tmp_path: Path, values: dict[str, list[float | str]], monitor: str = "negative_elbo",
    difference: float | None = None,
) -> Verdict:  # fmt: skip
    """Of runs with these best values, by seed from 0; text is a status without one."""
    records = [
        made_record(
            tmp_path / f"{next(COUNTER)}", [400, 300 if isinstance(value, str) else value], seed,
            status=value if isinstance(value, str) else "finished", reason="why",
            choices={"optimizer": name}, monitor=monitor,
        )
        for name, own in values.items()
        for seed, value in enumerate(own)
    ]  # fmt: skip
    return compare_runs(records, CompareOptions(difference=difference))


def pair_of(verdict: Verdict) -> Pair:
    (pair,) = verdict.workloads[0].pairs
    return pair


def test_a_win_with_its_interval(tmp_path: Path) -> None:
    """Differences 3.0, 3.2, 2.8, 3.0: deviation 0.1633, t(3) = 3.182, half width 0.260."""
    adam, others = [100.0, 101, 102, 103], [103.0, 104.2, 104.8, 106]
    verdict = compared(tmp_path, {"rmsprop": others, "adam": adam})
    assert verdict.sentences == [
        "adam beats rmsprop by 3.0 nats (95 % interval 2.7 to 3.3, 4 paired seeds)"
    ]
    pair = pair_of(verdict)
    assert pair.difference.value == pytest.approx(3.0)
    assert pair.difference.low == pytest.approx(3 - 3.1824 * 0.1633 / 2, abs=1e-3)
    assert pair.decided
    assert [one.name for one in verdict.workloads[0].standings] == ["adam", "rmsprop"]


def test_of_paired_seeds_the_pairs_say_who_is_lower(tmp_path: Path) -> None:
    """adam is lower with each seed that both have; one more seed makes its mean the higher."""
    values: dict[str, list[float | str]] = {
        "adam": [100.0, 101.1, 102.0, 200.0],
        "sgd": [103.0, 104.0, 105.2],
    }
    pair = pair_of(compared(tmp_path, values))
    assert (pair.first, pair.pairs) == ("optimizer=adam", 3)
    assert pair.difference.value == pytest.approx(9.1 / 3)


def test_undecided_and_what_would_decide_it(tmp_path: Path) -> None:
    """Differences -1, 1, 2, -1, 1: mean 0.4, deviation 1.342, t(4) = 2.776, half width 1.666.

    A difference of 1 at deviation 1.342 takes 17 pairs for a power of 0.8: 12 more than 5.
    """
    first, second = [100.0] * 5, [99.0, 101, 102, 99, 101]
    verdict = compared(tmp_path, {"adam": first, "rmsprop": second}, difference=1)
    assert verdict.sentences == [
        "undecided between adam and rmsprop: 0.4 nats (-1.3 to 2.1, 5 paired seeds); "
        "about 12 more seeds would decide a difference of 1 nat"
    ]
    pair = pair_of(verdict)
    assert pair.improvement.value == pytest.approx(0.6)
    own = compared(tmp_path, {"adam": first, "rmsprop": second})
    assert own.sentences[0].endswith("more seeds would decide a difference of 0.4 nats")
    small = compared(tmp_path, {"adam": first, "rmsprop": second}, difference=0.01)
    assert (
        "no practical number of seeds (up to 1,000) would decide 0.01 nats" in small.sentences[0]
    )
    large = compared(tmp_path, {"adam": first, "rmsprop": second}, difference=50)
    assert "50 nats would have shown with these seeds" in large.sentences[0]


def test_holm_makes_a_pair_undecided(tmp_path: Path) -> None:
    """A p below 0.05 alone is above it as one of three."""
    values: dict[str, list[float | str]] = {
        "adam": [100.0, 101, 102, 103],
        "rmsprop": [101.0, 101.5, 104, 104.3],
        "sgd": [100.4, 101.9, 101.4, 104.6],
    }
    verdict = compared(tmp_path, values)
    pairs = {(pair.first, pair.second): pair for pair in verdict.workloads[0].pairs}
    pair = pairs["optimizer=adam", "optimizer=rmsprop"]
    assert pair.p_value is not None
    assert pair.adjusted is not None
    assert pair.p_value < 0.05 < pair.adjusted
    assert not pair.decided
    sentence = describe_pairs(verdict.workloads[0])[[*pairs].index((pair.first, pair.second))]
    assert "by Holm over 3 pairs" in sentence
    assert sentence.startswith("undecided between adam and rmsprop")


def test_a_contestant_that_always_failed(tmp_path: Path) -> None:
    failed: list[float | str] = ["diverged"] * 5
    verdict = compared(tmp_path, {"adam": [100.0, 101, 102, 103, 104], "sgd": failed})
    assert verdict.sentences == [
        "sgd failed in all 5 runs: diverged: why",
        "adam beats sgd, which failed in all 5 runs",
    ]
    assert pair_of(verdict).improvement.value == 1
    both = compared(tmp_path, {"adam": failed, "sgd": failed})
    assert both.sentences[-1] == "undecided between adam and sgd: both failed in all their runs"
    assert pair_of(both).improvement.value == 0.5


def test_failures_in_a_mean_are_told(tmp_path: Path) -> None:
    values: list[float | str] = [100.0, 101, 102, "failed"]
    verdict = compared(tmp_path, {"adam": [100.0, 101, 102, 103], "sgd": values})
    assert "1 of sgd's 4 runs failed and count as worst" in verdict.sentences[0]
    worst = "in means a failure counts as 400 nats, the worst that any run ever had"
    assert worst in verdict.notes
    assert pair_of(verdict).improvement.value == pytest.approx((3.5 + 2.5 + 1.5 + 1) / 16)


def test_one_seed_each(tmp_path: Path) -> None:
    verdict = compared(tmp_path, {"adam": [100.0], "sgd": [103.0]})
    assert verdict.sentences == [
        "undecided between adam and sgd: 3.0 nats (one seed each); an interval needs "
        "at least two seeds of each"
    ]
    three = compared(tmp_path, {"adam": [100.0], "sgd": [103.0], "rmsprop": [101.0]})
    assert len(three.sentences) == 1
    assert three.sentences[0].startswith("undecided between 3 contestants: one seed each")


def test_a_metric_without_a_unit_and_few_common_seeds(tmp_path: Path) -> None:
    values: dict[str, list[float | str]] = {
        "adam": [0.1, 0.101, 0.102],
        "sgd": ["running", "running", 0.15, 0.16, 0.17, 0.15],
    }
    verdict = compared(tmp_path, values, "sliced_wasserstein")
    assert "in sliced_wasserstein (95 % interval" in verdict.sentences[0]
    assert verdict.sentences[0].endswith("3 and 4 seeds, unpaired)")


def test_equals(tmp_path: Path) -> None:
    verdict = compared(tmp_path, {"adam": [100.0, 101], "sgd": [100.0, 101]})
    assert verdict.sentences[0].endswith("no number of seeds would decide between equals")


def test_nobody_to_compare_with(tmp_path: Path) -> None:
    verdict = compared(tmp_path, {"adam": [100.0, 102]})
    assert verdict.sentences == [
        "the runs differ in nothing but seeds, so nothing can be compared; the mean is 101 nats "
        "(95 % interval 88 to 114, 2 seeds)"
    ]


def test_of_many_contestants_the_best_are_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those left out still count in the correction: 6 pairs, of which 1 is made."""

    from genrun.comparison import notes, pairwise

    monkeypatch.setattr(pairwise, "MOST_CONTESTANTS", 2)
    monkeypatch.setattr(notes, "MOST_CONTESTANTS", 2)
    values: dict[str, list[float | str]] = {
        "a": [100.0, 101.1, 102.0],
        "b": [101.05, 102.35, 103.05],
        "c": [150.0, 151.0, 152.0],
        "d": [160.0, 161.0, 162.0],
    }
    verdict = compared(tmp_path, values)
    pair = pair_of(verdict)
    assert (pair.first, pair.second) == ("optimizer=a", "optimizer=b")
    assert pair.p_value is not None
    assert pair.adjusted == pytest.approx(6 * pair.p_value)
    assert "of 4 contestants the best 2 were compared in pairs" in verdict.notes


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        (["optimizer=adam", "optimizer=sgd"], ["adam", "sgd"]),
        (["optimizer=adam optimizer.lr=0.1", "optimizer=adam optimizer.lr=0.2"],
         ["adam lr=0.1", "adam lr=0.2"]),
        (["regularization=none", "regularization=r1, ema"], ["regularization=none", "r1, ema"]),
        (["a.lr=0.1 b.lr=0.2", "a.lr=0.2 b.lr=0.1"], ["lr=0.1 lr=0.2", "lr=0.2 lr=0.1"]),
        (["a.lr=0.1", "b.lr=0.1"], ["a.lr=0.1", "b.lr=0.1"]),
        (["optimizer.lr=0.00012345678901", "optimizer.lr=0.1"], ["lr=0.0001235", "lr=0.1"]),
        (["all runs"], ["all runs"]),
    ],
)  # fmt: skip
def test_short_names(labels: list[str], names: list[str]) -> None:
    assert list(short_names(labels).values()) == names


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        ((3.14, 2.2, 4.0), ["3.1", "2.2", "4.0"]),
        ((0.3, -0.5, 1.1), ["0.3", "-0.5", "1.1"]),
        ((120.4, 118.2, 122.6), ["120", "118", "123"]),
        ((5.123, 5.113, 5.133), ["5.12", "5.11", "5.13"]),
        ((0.0, -0.0000001, 0.02), ["0.000", "0.000", "0.020"]),
        ((1e-9, None, None), ["1e-09", "-", "-"]),
        ((0.0, 0.0, 0.0), ["0.0", "0.0", "0.0"]),
        ((1.5e12, 1e12, 2e12), ["1.5e+12", "1e+12", "2e+12"]),
    ],
)
def test_numbers_that_are_read_together(
    values: tuple[float | None, ...], texts: list[str]
) -> None:
    assert format_aligned(*values) == texts


def test_units() -> None:
    assert with_unit("1", "importance_weighted_bound") == "1 nat"
    assert with_unit("0.3", "negative_elbo") == "0.3 nats"
    assert with_unit("0.012", "sliced_wasserstein") == "0.012 in sliced_wasserstein"


def test_failures_decide_by_rank_too(tmp_path: Path) -> None:
    """All of 2 against none of 2 is 1 of 3 ways to divide them; of equals, t found 11 % so."""
    failed: list[float | str] = ["diverged"] * 2
    verdict = compared(tmp_path, {"adam": [100.0, 101], "sgd": failed})
    assert verdict.sentences[-1] == (
        "undecided between adam and sgd, which failed in all 2 runs: too few runs to be sure"
    )
    (pair,) = verdict.workloads[0].pairs
    assert pair.p_value == pytest.approx(1 / 3)
    assert pair.more_seeds is None


def test_equals_half_of_whose_runs_fail_are_seldom_told_apart() -> None:
    generator = np.random.default_rng(0)
    for seeds in (2, 10):
        wrong = 0
        for _ in range(400):
            sides = []
            for name in "abc":
                fails, sound = generator.random(seeds) < 0.5, generator.normal(200, 3, seeds)
                values = dict(enumerate(np.where(fails, np.inf, sound).tolist()))
                quality = summarize_quality(values, 551.0, 1000)
                assert quality is not None
                sides.append(Side(cast(ContestantResult, SimpleNamespace(label=name)), quality))
            wrong += any(pair.decided for pair in compare_pairs(sides, 551.0, None))
        assert wrong <= 20, seeds


def test_what_only_the_stand_in_of_failures_shows_is_undecided(tmp_path: Path) -> None:
    """Differences 195, 200, 205: t says p = 0.0002; ranks say 1 in 10, twice the tail 1 / 20."""
    values: list[float | str] = ["failed", "failed", 400.0]
    verdict = compared(tmp_path, {"adam": [205.0, 200, 195], "sgd": values})
    pair = pair_of(verdict)
    assert pair.difference.low is not None
    assert pair.difference.low > 0
    assert not pair.decided
    assert verdict.sentences[-1] == (
        "undecided between adam and sgd: 200 nats (188 to 212, 3 paired seeds; p = 0.1 by rank); "
        "2 of sgd's 3 runs failed and count as worst; too few runs for a verdict with failures"
    )


def test_a_long_reason_is_cut(tmp_path: Path) -> None:
    records = [
        made_record(tmp_path / str(seed), [400.0], seed, status="failed", reason="x" * 10**6)
        for seed in range(2)
    ]
    assert len(compare_runs(records, CompareOptions()).sentences[0]) < 400


def test_a_value_beyond_decimals_takes_none_from_those_beside_it() -> None:
    """One run at 2.5e8 among means of some hundred."""
    assert format_fixed((2.55e8, -3e8, 243.746), 2) == ["2.55e+08", "-3e+08", "243.75"]


def test_what_student_would_call_just_significant_is_undecided(tmp_path: Path) -> None:
    """Differences 1 to 5 less 1.0277: t(4) = 1.9723 / 0.7071 = 2.789, p = 0.0494."""
    others = [101.0 + seed - 1.0277 for seed in range(5)]
    verdict = compared(tmp_path, {"adam": [100.0] * 5, "sgd": others})
    pair = pair_of(verdict)
    assert pair.p_value == pytest.approx(0.0494, abs=2e-4)
    assert not pair.decided
    assert "p = 0.049, and a verdict takes 0.045" in verdict.sentences[0]
