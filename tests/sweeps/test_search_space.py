"""Tables of search spaces: what is accepted, what it means, and what is refused."""

from __future__ import annotations

import pytest

from genrun.core.errors import ConfigError
from genrun.sweeps.search.settings import SearchOverrides, check_settings, split_overrides
from genrun.sweeps.search.space import Choices, Range, parse_dimension
from genrun.sweeps.search.trial_configs import compose_corners, make_job_name

SETTINGS = {
    "_target_": "", "sampler": "tpe", "trials": 20, "seeds": 1, "seed": 0, "batch": 8,
    "space": {}, "params": None,
}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "low", "high", "log", "whole"),
    [
        ("log 1e-5..1e-1", 1e-5, 0.1, True, False),
        ("1e-5 .. 0.1", 1e-5, 0.1, False, False),
        ("-1..1", -1, 1, False, False),
        ("int 1..8", 1, 8, False, True),
        ("log int 1..100", 1, 100, True, True),
        ("int log 1..100", 1, 100, True, True),
        ("interval(1,8)", 1, 8, False, False),
        ("int(interval(1,8))", 1, 8, False, True),
        ("tag(log,interval(1e-5,1e-1))", 1e-5, 0.1, True, False),
        ("tag(log,int(interval(1,8)))", 1, 8, True, True),
        ("range(1,5)", 1, 4, False, True),
        ("range(5)", 0, 4, False, True),
    ],
)
def test_ranges(text: str, low: float, high: float, log: bool, whole: bool) -> None:
    given = parse_dimension("k", text)
    assert isinstance(given, Range)
    assert (given.low, given.high, given.log, given.integer) == (low, high, log, whole)
    assert parse_dimension("k", given.text) == given, "plan.json keeps the text"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a, b,c", ["a", "b", "c"]),
        ("1e-4,1e-3", ["0.0001", "0.001"]),
        ("choice(a,b)", ["a", "b"]),
        ("[x],[y,z]", ["[x]", "[y,z]"]),
        ("a,b,a", ["a", "b"]),
        ("range(0,1,0.25)", ["0.0", "0.25", "0.5", "0.75"]),
    ],
)
def test_choices(text: str, words: list[str]) -> None:
    given = parse_dimension("k", text)
    assert isinstance(given, Choices)
    assert given.values() == words
    assert parse_dimension("k", given.text) == given


def test_shuffled_choices_stay_as_they_were_planned() -> None:
    given = parse_dimension("k", "shuffle(1,2,3,4,5,6,7)")
    assert parse_dimension("k", given.text) == given


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("log 1e-5..1e-1/5", ["1e-05", "0.0001", "0.001", "0.01", "0.1"]),
        ("0..1/3", ["0.0", "0.5", "1.0"]),
        ("int 1..4", ["1", "2", "3", "4"]),
        ("int 1..10/4", ["1", "4", "7", "10"]),
        ("log int 1..1000/4", ["1", "10", "100", "1000"]),
        ("int 1..2/9", ["1", "2"]),
        ("0..1", None),
        ("int 0..100000", None),
    ],
)
def test_values_of_a_grid(text: str, values: list[str] | None) -> None:
    assert parse_dimension("k", text).values() == values


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("log 0..1", "above 0"),
        ("log -1..1", "above 0"),
        ("2..1", "lower bound"),
        ("1..1", "lower bound"),
        ("interval(2,1)", "lower bound"),
        ("int 1.5..3", "integers"),
        ("0..1e999", "finite"),
        ("1..8/1", "from 2 to 1000"),
        ("a", "is not a search space"),
        ("5", "is not a search space"),
        ("log a..b", "is not a search space"),
        ("nan..1", "is not a search space"),
        ("", "is not a search space"),
        ("[a,b]", "is not a search space"),
        ("{a", "is not a search space"),
        ("glob(*)", "is not a search space"),
        ("a,a", "different values"),
        ("range(0,1e9,0.5)", "different values"),
        ("range(0,1,0)", "zero"),
    ],
)
def test_an_invalid_space_names_its_key(text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said) as error:
        parse_dimension("optimizer.lr", text)
    assert f"optimizer.lr={text}" in str(error.value)


@pytest.mark.parametrize(
    ("text", "word", "bound"),
    [
        ("0..100", "0.9", "lower"),
        ("0..100", "1.1", None),
        ("0..100", "99.5", "upper"),
        ("log 1e-5..1e-1", "1.09e-5", "lower"),  # 0.94 % of four decades
        ("log 1e-5..1e-1", "1.12e-5", None),
        ("log 1e-5..1e-1", "0.09", None),
        ("log 1e-5..1e-1", "0.095", "upper"),
        ("int 1..8", "8", "upper"),
        ("int 1..8", "7", None),
        ("log 1e-5..1e-1/5", "0.1", "upper"),
    ],
)
def test_a_value_on_a_bound(text: str, word: str, bound: str | None) -> None:
    given = parse_dimension("k", text)
    assert isinstance(given, Range)
    assert given.find_bound(word) == bound


def test_overrides_are_split() -> None:
    words = [
        "model=vae", "optimizer=adam,rmsprop", "optimizer.lr=log 1e-5..1e-1", "seed=3,5",
        "hydra.sweeper.space.steps=int 1..4", "~metric",
    ]  # fmt: skip
    assert split_overrides(words) == SearchOverrides(
        ["model=vae", "hydra.sweeper.space.steps=int 1..4", "~metric"],
        {"optimizer": "adam,rmsprop", "optimizer.lr": "log 1e-5..1e-1"},
        ["3", "5"],
    )


def settings(*words: str, **sweeper: object) -> tuple[dict[str, str], int]:
    return check_settings({**SETTINGS, **sweeper}, split_overrides(words))


def test_a_space_can_be_nested_flat_lists_or_words() -> None:
    space = {"optimizer": {"lr": "0..1"}, "model.latent_dim": "int 1..4", "data": ["a", "b"]}
    found, trials = settings("seed=1,2", "steps=1,2", space=space, params={"epochs": "1,2"})
    assert found == {
        "epochs": "1,2", "optimizer.lr": "0..1", "model.latent_dim": "int 1..4", "data": "a,b",
        "steps": "1,2",
    }  # fmt: skip
    assert trials == 20


@pytest.mark.parametrize(
    ("words", "sweeper", "trials"),
    [
        (["a=1,2", "b=int 1..3"], {"trials": None}, 6),
        (["a=1,2", "b=0..1/5"], {"trials": None}, 10),
        (["a=1,2", "b=0..1/5"], {"trials": 4}, 4),
        (["a=1,2"], {"trials": 50}, 2),
    ],
)
def test_trials_of_a_grid(words: list[str], sweeper: dict[str, object], trials: int) -> None:
    assert settings(*words, sampler="grid", **sweeper)[1] == trials


@pytest.mark.parametrize(
    ("words", "sweeper", "said"),
    [
        ([], {}, "space: is empty"),
        (["a=0..1"], {"trials": 0}, "trials=0"),
        (["a=0..1"], {"trials": None}, "trials=None"),
        (["a=0..1"], {"trials": True}, "trials=True"),
        (["a=0..1"], {"seeds": 0}, "seeds=0"),
        (["a=0..1"], {"batch": 1.5}, "batch=1.5"),
        (["a=0..1"], {"seed": -1}, "seed=-1"),
        (["a=0..1"], {"sampler": "cma"}, "sampler=cma: must be random, qmc"),
        (["a=0..1"], {"foo": 1}, "hydra.sweeper.foo"),
        (["a=0..1", "seed=0,1"], {"seeds": 2}, "lists the seeds already"),
        (["a=0..1", "seed=0..5"], {}, "seed=0..5: must be integers"),
        (["a=0..1"], {"trials": 600, "seeds": 2}, "more than 1000 runs"),
        (["a=0..1/5"], {}, "A..B/N works only with hydra/sweeper=grid"),
        (["a=0..1"], {"sampler": "grid"}, "append /5 for five"),
        (["a=int 0..99", "b=int 0..99"], {"sampler": "grid"}, "more than 1000 points"),
        (["plugins=[a],[b]"], {}, "cannot be searched"),
        (["b=1"], {"space": {"b": "0..1"}}, "also sets it to one value"),
        (["a=0..1"], {"space": {"hydra.x": "0..1"}}, "cannot be searched"),
        (["hydra.sweeper.space.a=1,2"], {}, "a setting of Hydra has one value"),
    ],
)
def test_invalid_settings(words: list[str], sweeper: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError, match=said.replace(".", r"\.").replace("[", r"\[")):
        settings(*words, **sweeper)


@pytest.mark.parametrize(
    ("space", "said"),
    [
        ({"optimizer.lr": "-1..1"}, "optimizer.lr=-1.0: must be at least 0"),
        ({"regularization.dropout.p": "0.5..1"}, "regularization.dropout.p=1.0: must be"),
        ({"optimizer.lrr": "0..1"}, "optimizer.lrr: there is no such key.*did you mean lr"),
        ({"data.batch_size": "8..16"}, "data.batch_size=8.0: must be an integer"),
        ({"optimizer": "adam,addam"}, "optimizer=addam: there is no such choice.*mean adam"),
        ({"optimizer": "adam,sgd", "optimizer.betas": "[0.9,0.99],[0.5,0.9]"}, "optimizer.betas"),
    ],
)
def test_the_ends_of_ranges_and_every_choice_are_composed(
    space: dict[str, str], said: str
) -> None:
    dimensions = {key: parse_dimension(key, text) for key, text in space.items()}
    base = ["regularization=dropout"] if "regularization.dropout.p" in space else []
    with pytest.raises(ConfigError, match=said):
        compose_corners(base, dimensions, None)


def test_many_choices_are_each_composed_once() -> None:
    texts = {"data.batch_size": "8,16,32,64,128,0", "optimizer": "adam,sgd,rmsprop,adamw"}
    with pytest.raises(ConfigError, match=r"data\.batch_size=0"):
        compose_corners([], {key: parse_dimension(key, text) for key, text in texts.items()}, None)


def test_names_of_runs_are_short_safe_and_list_what_is_searched() -> None:
    values = {
        "optimizer.lr": "0.00031622776601683794",
        "data.root": "../a b/ü",
        "steps": "1000000",
    }
    name = make_job_name(7, values, 3)
    assert name == "0007,seed=3,optimizer.lr=0.0003162,data.root=.._a_b_,steps=1000000"
    assert len(make_job_name(7, {"key": "x" * 300}, None)) <= 100
