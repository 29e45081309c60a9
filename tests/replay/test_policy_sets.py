"""Sets of policies parsed from the command line."""

from __future__ import annotations

import pytest

from genrun.components.stopping.early import Early
from genrun.components.stopping.plateau import Plateau
from genrun.core.errors import ConfigError
from genrun.replay.policies import parse_policies
from tests.conftest import choices


def test_values_give_the_product_and_apply_to_the_sets_that_have_the_policy() -> None:
    words = ["stopping=[early],[plateau,early]", "stopping.early.patience=3,5"]
    found = parse_policies([*words, "stopping.plateau.window=7"])
    assert [policies.label for policies in found.sets] == [
        "early patience=3",
        "early patience=5",
        "plateau window=7 + early patience=3",
        "plateau window=7 + early patience=5",
    ]
    stoppers = [[policy.stopper for policy in policies.policies] for policies in found.sets]
    assert stoppers[0] == [Early(3, 0.001, None)]
    assert stoppers[3] == [Plateau(7, 0.01, None), Early(5, 0.001, None)]
    assert found.sets[0].policies[0] is found.sets[2].policies[1], "it is replayed once"


def test_all_leaves_out_policies_with_a_missing_required_setting() -> None:
    found = parse_policies(["stopping=all", "stopping.target.value=1,2"])
    labels = [policies.label for policies in found.sets]
    assert {label.split(" ")[0] for label in labels} == set(choices("stopping")) - {"budget"}
    assert labels.count("target value=1") == labels.count("target value=2") == 1
    (note,) = found.notes
    assert note == "left out: stopping.budget: set at least one of seconds, examples and flops"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], r"needs stopping=\[POLICY\]; the policies are budget, early"),
        (["stopping=earl"], "stopping=earl: there is no such choice of stopping .*mean early"),
        (["stopping=early", "stopping.early.patience=-1"], "patience=-1: must be at least 1"),
        (["stopping=early", "stopping.early.patienc=1"], "no such key in stopping.early"),
        (["stopping=early", "stopping.plateau.window=5"], "plateau is not among the policies"),
        (["stopping=early", "stopping.plato.window=5"], "no such policy; did you mean plateau"),
        (["stopping=target"], "stopping.target.value: must be given"),
        (["stopping=budget"], "stopping.budget: set at least one of seconds"),
        (["stopping=all", "stopping.budget.examples=-1"], "stopping.budget.examples=-1"),
        (["stopping=[]"], "names no policy"),
        (["stopping=early", "stopping=plateau"], "given twice"),
        (["stopping=[early"], "brackets"),
        (["stopping=../early"], "a name, not a path"),
    ],
)
def test_invalid_words(words: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as error:
        parse_policies(words)
    assert "\n" not in str(error.value)
