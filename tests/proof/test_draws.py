"""Trials are a function of the seed, the contestant and their number, and of nothing else."""

from __future__ import annotations

import math

from genrun.proof.trials import draw_trial
from genrun.sweeps.search.space import parse_dimension

RATE, MOMENTUM = "log 1e-4..1e-2", "0.0, 0.9, 0.99"
SPACE = {"lr": parse_dimension("lr", RATE), "momentum": parse_dimension("momentum", MOMENTUM)}


def test_neither_order_nor_other_dimensions_change_a_trial() -> None:
    forwards = [draw_trial(SPACE, 0, "sgd", number) for number in range(5)]
    backwards = [
        draw_trial(dict(reversed(SPACE.items())), 0, "sgd", n) for n in reversed(range(5))
    ]
    assert forwards == backwards[::-1]
    assert [draw_trial({"lr": SPACE["lr"]}, 0, "sgd", n)["lr"] for n in range(5)] == [
        trial["lr"] for trial in forwards
    ]


def test_seed_contestant_and_number_each_change_it() -> None:
    found = [
        draw_trial(SPACE, *key)["lr"]
        for key in ((0, "a", 0), (1, "a", 0), (0, "b", 0), (0, "a", 1))
    ]
    assert len(set(found)) == 4
    assert found[0] == "0.0021879866246"  # for ever: a proof of today is resumed tomorrow


def test_values_are_spread_over_the_whole_space() -> None:
    trials = [draw_trial(SPACE, 0, "sgd", number) for number in range(600)]
    shares = sorted((math.log10(float(trial["lr"])) + 4) / 2 for trial in trials)
    assert all(abs(share - (place + 0.5) / 600) < 0.06 for place, share in enumerate(shares))
    counts = [
        sum(trial["momentum"] == word for trial in trials) for word in ("0.0", "0.9", "0.99")
    ]
    assert min(counts) > 160


def test_ends_of_whole_numbers_are_as_likely_as_the_others() -> None:
    space = {"n": parse_dimension("n", "int 1..4")}
    drawn = [draw_trial(space, 0, "x", number)["n"] for number in range(800)]
    assert all(150 < drawn.count(word) < 250 for word in "1234")


def test_what_is_alike_for_all_does_not_depend_on_the_contestant() -> None:
    first, second = (draw_trial(SPACE, 0, label, 3, shared={"lr"}) for label in ("r1", "none"))
    assert first["lr"] == second["lr"] != draw_trial(SPACE, 0, "r1", 3)["lr"]
    momenta = [
        [draw_trial(SPACE, 0, a, n, {"lr"})["momentum"] for n in range(9)] for a in ("r1", "none")
    ]
    assert momenta[0] != momenta[1]
