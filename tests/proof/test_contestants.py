"""Who is compared, what is tuned of each, and what is refused before anything is made."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
import yaml

from genrun.config.compose import Composed, compose
from genrun.config.groups import LIST_GROUPS, conf_folder
from genrun.config.limits import bounds_of_choice
from genrun.config.validation import check_value
from genrun.core.errors import ConfigError
from genrun.proof.contestants import ContestantChoice, known_choices, read_contestants
from genrun.proof.options import read_options
from genrun.proof.search_spaces import parse_dimensions, read_space
from genrun.proof.trials import enter_contestants, job_with_seed, tuning_jobs
from genrun.sweeps.search.space import Choices, Range
from tests.conftest import SMALL, choices

OURS = ["contestants=[adam,sgd]", *SMALL]


def test_contestants_are_choices_or_lists_of_them() -> None:
    found = read_contestants("regularization", "[r1,[r1,ema],none]", None)
    assert [one.label for one in found] == ["r1", "r1+ema", "none"]
    assert [one.word.partition("=")[2] for one in found] == ["[r1]", "[r1,ema]", "[]"]
    found = read_contestants("optimizer", "[adam, lion]", None)
    assert [one.word for one in found] == ["optimizer=adam", "optimizer=lion"]


@pytest.mark.parametrize(
    ("over", "text", "said"),
    [
        ("optimizer", "[adam]", "at least two"),
        ("optimizer", "adam,sgd", "must be a list"),
        ("optimizer", "[adam,adam]", "adam is given twice"),
        ("optimizer", "[adam,sdg]", "did you mean sgd"),
        ("optimizer", "[adam,[sgd,adam]]", "is one choice"),
        ("optimizer", "[adam,none]", "no choice of optimizer"),
        ("regularization", "[[r1,ema],[ema,r1]]", "given twice"),
        ("regularization", "[[r1,r1],none]", "names a choice twice"),
    ],
)
def test_what_is_no_field_of_contestants(over: str, text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        read_contestants(over, text, None)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["model=vae"], "contestants: must be given"),
        ([*OURS, "over=nothing"], "over=nothing: must be one of"),
        ([*OURS, "trials=0"], "trials=0"),
        ([*OURS, "seeds=1"], "seeds=1: must be an integer of at least 2"),
        ([*OURS, "trials=501"], "at most 1000"),
        ([*OURS, "budget=abc"], "budget=abc"),
        ([*OURS, "budget=0.5 examples"], "budget=0.5 examples"),
        ([*OURS, "budget=5"], "steps=12: budget sets"),
        ([*OURS, "seed=1,2"], "one value must be given"),
        ([*OURS, "optimizer=adam"], "is set by contestants"),
        ([*OURS, "data.test=9"], "write test=9"),
        ([*OURS, "sweep=lr"], "draws its own trials"),
        ([*OURS, "hydra/sweeper=tpe"], "of Hydra's settings"),
        ([*OURS, "space.adm.optimizer.lr=1..2"], "did you mean adam"),
        ([*OURS, "dry=perhaps"], "dry=perhaps"),
        ([*OURS, "vae"], "takes KEY=VALUE"),
        ([*OURS, "--config-dir=nowhere"], "there is no such folder"),
    ],
)
def test_what_prove_does_not_take(words: list[str], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        read_options(words)


def plain(contestant: ContestantChoice, *words: str) -> Composed:
    return compose([*SMALL, *words, contestant.word])


def test_the_fixed_optimizer_is_tuned_for_each_contestant() -> None:
    r1 = ContestantChoice("regularization", ("r1",))
    found = read_space(r1, plain(r1, "optimizer=sgd"), {}, [], None)
    assert list(found) == ["regularization.r1.gamma", "optimizer.lr", "optimizer.momentum"]
    none = ContestantChoice("regularization", ())
    assert list(read_space(none, plain(none), {}, [], None)) == ["optimizer.lr"]


def test_the_command_line_adds_to_a_space_and_replaces_it() -> None:
    adam = ContestantChoice("optimizer", ("adam",))
    given = {"optimizer.lr": "log 1e-6..1e-5", "optimizer.weight_decay": "0.1"}
    found = read_space(adam, plain(adam), given, [], None)
    assert found == given
    dimensions = parse_dimensions(adam, found)
    assert isinstance(dimensions["optimizer.lr"], Range)
    assert dimensions["optimizer.weight_decay"] == Choices("0.1", ("0.1",))


def test_what_all_runs_share_is_not_tuned() -> None:
    sgd = ContestantChoice("optimizer", ("sgd",))
    shared = ["optimizer.lr=0.1"]
    assert list(read_space(sgd, plain(sgd), {}, shared, None)) == ["optimizer.momentum"]
    with pytest.raises(ConfigError, match="has one value for all runs too"):
        read_space(sgd, plain(sgd), {"optimizer.lr": "1..2"}, shared, None)


@pytest.mark.parametrize("key", ["steps", "seed", "data.held_out", "optimizer", "monitor"])
def test_what_would_change_the_task_is_no_hyperparameter(key: str) -> None:
    with pytest.raises(ConfigError, match="cannot be tuned"):
        parse_dimensions(ContestantChoice("optimizer", ("adam",)), {key: "1..2"})


def test_a_users_own_choices_have_spaces_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "space" / "optimizer").mkdir(parents=True)
    (tmp_path / "optimizer").mkdir()
    (tmp_path / "optimizer" / "own.yaml").write_text("_target_: torch.optim.SGD\nlr: 0.1\n")
    (tmp_path / "space" / "optimizer" / "own.yaml").write_text("optimizer.lr: log 1e-2..1\n")
    own, other = read_contestants("optimizer", "[own,adam]", str(tmp_path))
    assert other.label in known_choices("optimizer", None)
    assert read_space(own, plain(other), {}, [], str(tmp_path)) == {"optimizer.lr": "log 1e-2..1"}
    (tmp_path / "space" / "optimizer" / "own.yaml").write_text("- optimizer.lr\n")
    with pytest.raises(ConfigError, match=r"own.yaml:1: must be KEY: VALUE"):
        read_space(own, plain(other), {}, [], str(tmp_path))


def test_every_optimizer_has_a_space() -> None:
    stated = {path.stem for path in (conf_folder() / "space" / "optimizer").glob("*.yaml")}
    missing = sorted({*choices("optimizer")} - stated)
    assert missing == [], f"{missing[0]} needs conf/space/optimizer/{missing[0]}.yaml"
    assert stated == set(choices("optimizer")), "each file there is of an optimizer"


SPACES = sorted((conf_folder() / "space").glob("*/*.yaml"))


@pytest.mark.parametrize("path", SPACES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_both_ends_of_every_space_can_be(path: Path) -> None:
    """Its keys are those of its own choice, and what it spans is within their limits."""
    group, name = path.parent.name, path.stem
    settings = yaml.safe_load((conf_folder() / group / f"{name}.yaml").read_text())
    contestant, bounds = ContestantChoice(group, (name,)), bounds_of_choice(group, name)
    for key, given in parse_dimensions(contestant, yaml.safe_load(path.read_text())).items():
        prefix, _, own = key.rpartition(".")
        assert prefix == (f"{group}.{name}" if group in LIST_GROUPS else group)
        assert own in settings
        ends = (
            [given.value_at(0.0), given.value_at(1.0)]
            if isinstance(given, Range)
            else given.options
        )
        for word in ends:
            check_value(key, ast.literal_eval(word), bounds[own])


def test_a_key_that_a_contestant_has_not_is_named_with_it() -> None:
    options = read_options([*OURS, "trials=2", "space.adam.optimizer.momentum=0.1..0.5"])
    shared, entries, _ = enter_contestants(options)
    from genrun.proof.trials import compose_trials

    extra = {entry.contestant.label: [[]] * 2 for entry in entries}
    with pytest.raises(ConfigError, match=r"adam: optimizer.momentum: there is no such key"):
        compose_trials(entries, shared, extra, None)


def test_contestants_that_are_the_same_here_are_refused() -> None:
    words = ["over=regularization", "contestants=[usual,none]", "model=vae", *SMALL]
    with pytest.raises(ConfigError, match="usual and none are the same"):
        enter_contestants(read_options(words))


def test_trials_are_as_many_for_all_and_rates_of_the_fixed_optimizer_the_same() -> None:
    words = ["over=stopping", "contestants=[early,none]", "model=vae", "trials=3", *SMALL]
    _, entries, _ = enter_contestants(
        read_options([*words, "space.early.stopping.early.patience=int 1..2"])
    )
    early, none = (entry.trials for entry in entries)
    assert [len(early), len(none)] == [3, 3]
    rates = [[trial["optimizer.lr"] for trial in own] for own in (early, none)]
    assert rates[0] == rates[1]
    assert len(set(rates[0])) == 3
    (_, entries, _) = enter_contestants(read_options([*words, "optimizer.lr=0.01"]))
    assert [len(entry.trials) for entry in entries] == [3, 1]  # nothing of `none` is left to tune


def test_contestants_take_turns_and_trials_have_their_seeds() -> None:
    point = {label: plain(ContestantChoice("optimizer", (label,))) for label in ("adam", "sgd")}
    points = {"adam": [point["adam"]], "sgd": [point["sgd"], point["sgd"]]}
    jobs, names = tuning_jobs(points, [3, 4])
    assert [job.name for job in jobs] == [
        "adam-000-seed-3", "adam-000-seed-4", "sgd-000-seed-3", "sgd-000-seed-4",
    ]  # fmt: skip
    assert names["sgd"] == [["sgd-000-seed-3", "sgd-000-seed-4"]] * 2  # one drawn twice runs once
    again = job_with_seed(jobs[0], 9, "adam", named=False)
    assert again.configuration == jobs[0].configuration
    assert again.config["seed"] == 9
    assert [word for word in again.overrides if word.startswith("seed")] == ["seed=9"]
