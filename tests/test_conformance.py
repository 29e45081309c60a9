"""What every choice in `conf/` must do."""

from __future__ import annotations

import contextlib
import copy
import inspect
import json
import math
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from omegaconf import OmegaConf
from torch import nn
from torch.func import functional_call, stack_module_state

from genrun.config.compose import compose
from genrun.config.groups import conf_folder
from genrun.core import noise
from genrun.core.errors import ConfigError
from genrun.core.log_names import HIGH, LOW, STANDARD_ERROR, is_uncertainty
from genrun.core.noise import Key
from genrun.core.protocols.model import Encodes, Likelihood
from genrun.core.protocols.stopping import ComparesTrials
from genrun.core.types import StepReport
from genrun.evaluation.measure import SampleCounts, measure_model
from genrun.experiment.build import Built, build
from genrun.experiment.instantiate import find_class, instantiate
from genrun.experiment.metrics import build_sample_metrics
from genrun.experiment.optimizers import build_optimizer
from genrun.experiment.stopping import TrialStopper
from genrun.training.evaluation import sample
from genrun.training.loss import condition_on
from genrun.training.optimizers.closure import takes_closure
from genrun.training.state import join_optimizer_state, split_optimizer_state
from tests.conftest import SMALL, STOPPING_SETTINGS, choices, study_of

Make = Callable[..., Built]
BODIES = choices("backbone")
MODELS = choices("model")
LAYERS = "regularization=[batch_norm,dropout]"
REGULARIZATIONS = choices("regularization")
DRAWS = "draws from torch's global generators; use genrun.core.noise"


TINY = ["backbone.channels=[4,4,8]", "backbone.blocks=[0,0,1]"]  # milliseconds instead of seconds
OWN_SIZE = {"residual": TINY, "unet": TINY}


def body(backbone: str) -> list[str]:
    return [f"backbone={backbone}", *OWN_SIZE.get(backbone, [])]


def models_and_bodies() -> list[tuple[str, str]]:
    """Every model with the MLP; with each other backbone one of the models built the same way."""
    builders = {}
    for model in MODELS:
        settings = compose([f"model={model}"]).config["model"]
        builders.setdefault(find_class("model", settings, plugins=[]).build_networks, model)
    others = [body for body in BODIES if body != "mlp"]
    pairs = [(model, body) for model in builders.values() for body in others]
    return sorted([(model, "mlp") for model in MODELS] + pairs)


MODELS_AND_BODIES = models_and_bodies()


class LossModule(nn.Module):
    """A player's loss as a module's call, so that its parameters can be replaced."""

    def __init__(self, built: Built, player: str) -> None:
        super().__init__()
        self.nets, self.model, self.player = built.trial.nets, built.model, player
        self.penalties = built.step.hooks.penalties

    def forward(
        self, batch: torch.Tensor, labels: torch.Tensor | None, base: torch.Tensor
    ) -> torch.Tensor:
        key, model = Key(base), condition_on(self.model, labels)
        with noise.layer_keys(key):
            loss = model.loss(self.player, self.nets, batch, key.fold("loss"))[0]
            (player,) = (p for p in model.players() if p.name == self.player)
            for name, term in self.penalties.items():
                value = term.penalty(model, player, self.nets, batch, key.fold(name))
                loss = loss if value is None else loss + value
        return loss


def players(built: Built) -> list[str]:
    return [player.name for player in built.model.players()]


@pytest.mark.parametrize(("model", "backbone"), MODELS_AND_BODIES)
def test_every_step_moves_exactly_the_players_parameters(
    model: str, backbone: str, small: Make
) -> None:
    built = small(f"model={model}", *body(backbone), LAYERS)
    for player in built.model.players():
        before = copy.deepcopy(built.trial.nets.state_dict())
        built.step.begin(1)
        built.step.take_turn(player, 0)
        moved = {
            name.split(".")[0]
            for name, parameter in built.trial.nets.named_parameters()
            if not torch.equal(parameter, before[name])
        }
        without = [
            f"{network}.{name}"
            for network in player.networks
            for name, parameter in built.trial.nets[network].named_parameters()
            if parameter.grad is None
        ]
        assert without == [], f"these parameters get no gradient: {', '.join(without)}"
        assert moved == set(player.networks), f"a step of {player.name} moves exactly its networks"


def stacked_and_alone(runs: list[Built]) -> Iterator[tuple[torch.Tensor, ...]]:
    """Each player's losses in both runs: as one program, each alone, and each alone again."""
    images, labels = zip(*[built.step.batch(0) for built in runs], strict=True)
    batches = torch.stack(images)
    labelled = None if labels[0] is None else torch.stack(labels)
    bases = torch.tensor([11, 12])
    for player in players(runs[0]):
        modules = [LossModule(built, player) for built in runs]
        state = copy.deepcopy(stack_module_state(modules))
        stateless = copy.deepcopy(modules[0])

        def loss(parameters, buffers, *inputs, stateless=stateless):
            return functional_call(stateless, (parameters, buffers), inputs)

        in_dims = (0, 0, 0, None if labelled is None else 0, 0)
        vmapped = torch.vmap(loss, in_dims, randomness="error")
        try:
            stacked = vmapped(*state, batches, labelled, bases)
        except RuntimeError as error:
            if "random operation" not in str(error):
                raise
            pytest.fail(f"the loss of {player}: {DRAWS}")
        given_alone = list(zip(modules, images, labels, bases, strict=True))
        alone, again = (
            torch.stack([module(*inputs) for module, *inputs in given_alone]) for _ in range(2)
        )
        yield stacked, alone, again


@pytest.mark.parametrize(("model", "backbone"), MODELS_AND_BODIES)
@pytest.mark.usefixtures("float64")
def test_loss_is_pure_and_equal_under_vmap(model: str, backbone: str, small: Make) -> None:
    runs = [small(f"model={model}", *body(backbone), LAYERS, f"seed={s}") for s in (0, 1)]
    for stacked, alone, again in stacked_and_alone(runs):
        torch.testing.assert_close(stacked, alone, rtol=1e-10, atol=1e-10)
        torch.testing.assert_close(again, alone, rtol=1e-12, atol=0)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.usefixtures("float64")
def test_loss_draws_no_global_noise(model: str, small: Make) -> None:
    built = small(f"model={model}", LAYERS)
    before = torch.get_rng_state()
    for player in players(built):
        LossModule(built, player)(*built.step.batch(0), torch.tensor(3))
        assert torch.equal(torch.get_rng_state(), before), f"the loss of {player}: {DRAWS}"


@pytest.mark.parametrize(("model", "backbone"), MODELS_AND_BODIES)
def test_samples_have_the_datas_shape_and_range(model: str, backbone: str, small: Make) -> None:
    built = small(f"model={model}", *body(backbone), LAYERS, "optimizer.lr=0.003")
    for step in range(1, 21):
        built.step(step)
    built.evaluation.evaluate()  # calibrates what needs it
    images = sample(built.model, built.trial.nets, 10, seed=5)
    assert images.shape == (10, *built.data.spec.shape)
    assert images.min() >= 0
    assert images.max() <= 1
    assert images.std(dim=0).max() > 0, "not all the same"
    assert torch.equal(images, sample(built.model, built.trial.nets, 10, seed=5))
    assert not torch.equal(images, sample(built.model, built.trial.nets, 10, seed=6))


@pytest.mark.parametrize("model", MODELS)
def test_evaluation_measures_the_monitor_and_changes_nothing(model: str, small: Make) -> None:
    built = small(f"model={model}", LAYERS)
    first = built.evaluation.evaluate()
    before = copy.deepcopy(built.trial.nets.state_dict())
    assert built.evaluation.evaluate() == first
    assert built.model.monitor in first
    assert list(first) == built.evaluation.value_names()
    after = built.trial.nets.state_dict()
    assert all(torch.equal(after[name], before[name]) for name in before)
    assert built.trial.nets.training


@pytest.mark.parametrize("name", choices("metric"))
def test_every_metric_measures_what_it_names(name: str, small: Make) -> None:
    """The same twice, with each value in its interval, and without moving the global generators.

    Samples that are not finite give values that are none, which end a run as diverged.
    """
    metrics = ",".join(dict.fromkeys(["sliced_wasserstein", name]))
    try:
        built = small("model=vae", f"metric=[{metrics}]")
    except ConfigError:  # it is of points
        others = [word for word in SMALL if not word.startswith("data")]
        points = ["data=ring", "data.count=64", "data.held_out=32", "data.batch_size=8"]
        built = build(compose([*others, *points, "model=gan", f"metric=[{metrics}]"]).config, [])
    comparison = built.evaluation.sample_metrics
    samples = sample(built.model, built.trial.nets, comparison.sample_count, seed=1)
    before = torch.get_rng_state()
    found = comparison.measure(samples)
    assert torch.equal(torch.get_rng_state(), before)
    assert list(found) == list(comparison.value_names())
    assert name in comparison.value_names().values()
    assert comparison.measure(samples) == found
    for value in found:
        if value + LOW in found:
            assert found[value + LOW] <= found[value] <= found[value + HIGH]
        if value + STANDARD_ERROR in found:
            assert 0 <= found[value + STANDARD_ERROR] < math.inf
    described = comparison.describe()
    assert json.loads(json.dumps(described)) == described
    spoiled = comparison.measure(torch.full_like(samples, torch.nan))
    measured = [value for value in spoiled if not is_uncertainty(value, found)]
    assert all(spoiled[value] != spoiled[value] for value in measured)


@pytest.mark.parametrize("model", MODELS)
def test_every_model_can_be_measured(model: str) -> None:
    """What it offers besides samples is measured, and each likelihood says what it is of."""
    words = [*SMALL, f"model={model}", "regularization=[]"]
    config = compose(words).config
    built = build(config, [])
    counts = SampleCounts(
        samples=8, resamples=2, neighbours=4, likelihood_images=2, importance_samples=2
    )
    needed = build_sample_metrics(config, built.data, [], needed=True)
    built.evaluation.evaluate()  # calibrates what needs it
    found = measure_model(built.model, built.trial.nets, built.data, needed, counts, seed=0).values
    offered = [protocol for protocol in (Likelihood, Encodes) if isinstance(built.model, protocol)]
    assert ("active_units" in found) == (Encodes in offered)
    assert (found["likelihood"] is not None) == (Likelihood in offered)
    for value in (found["likelihood"] or {"values": {}})["values"].values():
        assert math.isfinite(value["nats"])
    assert json.loads(json.dumps(found, allow_nan=False)) == found


@pytest.mark.parametrize("model", MODELS)
def test_every_model_learns_points_or_refuses_them(model: str) -> None:
    words = [word for word in SMALL if not word.startswith("data")]
    words += ["data=ring", "data.count=64", "data.held_out=32", "data.batch_size=8"]
    config = compose([*words, f"model={model}"]).config
    try:
        built = build(config, [])
    except ConfigError as error:
        refusal = str(error)
    else:
        refusal = ""
    if refusal:
        assert "for points use" in refusal
        return
    for step in (1, 2):
        assert all(value.isfinite() for value in built.step(step).values())
    assert built.model.monitor in built.evaluation.evaluate()
    points = built.evaluation.pictures()[""]
    assert points.background is not None
    assert points.images.shape[1:] == points.background.shape[1:] == (2, 1, 1)


def suited(name: str, small: Make, *words: str) -> tuple[str, Built]:
    """A model that the regularization applies to, a GAN if it does, and the experiment."""
    for model in sorted(MODELS, key=lambda model: model != "gan"):
        with contextlib.suppress(ConfigError):
            return model, small(f"model={model}", f"regularization={name}", *words)
    raise AssertionError(f"{name} applies to no model")


def two_steps(built: Built) -> tuple[list[torch.Tensor], set[str]]:
    """The weights to evaluate after them, and the names of what was logged."""
    for step in (1, 2):
        outputs = built.step(step)
        built.trial.average.update(step)
    assert all(value.isfinite() for value in outputs.values())
    return list(built.trial.average.nets.parameters()), set(outputs)


def differ(
    ours: tuple[list[torch.Tensor], set[str]], plain: tuple[list[torch.Tensor], set[str]]
) -> bool:
    same = all(torch.equal(*pair) for pair in zip(ours[0], plain[0], strict=False))
    return not same or ours[1] != plain[1]


@pytest.mark.parametrize("name", REGULARIZATIONS)
@pytest.mark.parametrize("backbone", [body for body in BODIES if body != "mlp"])
def test_every_regularization_does_something(name: str, backbone: str, small: Make) -> None:
    model, built = suited(name, small, *body(backbone))
    plain = small(f"model={model}", *body(backbone), "regularization=[]")
    assert differ(two_steps(built), two_steps(plain))


@pytest.mark.parametrize("model", MODELS)
def test_a_regularization_changes_a_model_or_is_refused(model: str, small: Make) -> None:
    words = [f"model={model}", "backbone.hidden=[16]"]
    plain = two_steps(small(*words, "regularization=[]"))
    every = compose([*SMALL, *words, f"regularization=[{','.join(REGULARIZATIONS)}]"]).config
    every["regularization"]["gradient_clip"]["max_norm"] = 1e-6  # most gradients are under 1
    for name in REGULARIZATIONS:
        own = {name: every["regularization"][name]}
        try:
            built = build({**every, "regularization": own}, [])
        except ConfigError as error:
            refusal = str(error)
        else:
            assert differ(two_steps(built), plain), name
            continue
        assert f"regularization={name} needs" in refusal


@pytest.mark.parametrize("name", REGULARIZATIONS)
@pytest.mark.usefixtures("float64")
def test_every_regularized_loss_is_equal_under_vmap(name: str, small: Make) -> None:
    model, first = suited(name, small)
    runs = [first, small(f"model={model}", f"regularization={name}", "seed=1")]
    for stacked, alone, _ in stacked_and_alone(runs):  # a second call may see moved statistics
        torch.testing.assert_close(stacked, alone, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", choices("updates"))
def test_all_updates_train_every_model_or_are_refused(name: str, small: Make) -> None:
    for model in MODELS:
        try:
            built = small(f"model={model}", f"updates={name}", "regularization=[]")
        except ConfigError as error:
            refusal = str(error)
        else:
            refusal = ""
        if refusal:
            assert f"updates={name}: " in refusal
            continue
        before = copy.deepcopy(built.trial.nets.state_dict())
        for step in (1, 2):
            assert all(value.isfinite() for value in built.step(step).values()), model
        for player in built.model.players():
            for network in player.networks:
                for key, weight in built.trial.nets[network].named_parameters(network):
                    assert not torch.equal(weight, before[key]) or not weight.grad.any(), key


@pytest.mark.parametrize("name", choices("optimizer"))
@pytest.mark.usefixtures("float64")
def test_every_optimizer_reduces_a_quadratic_and_round_trips(name: str) -> None:
    settings = compose([f"optimizer={name}"]).config["optimizer"]

    def start() -> tuple[nn.Parameter, torch.optim.Optimizer]:
        network = nn.Linear(4, 3, bias=False)
        network.weight = nn.Parameter(torch.linspace(-1, 1, 12).view(3, 4))
        return network.weight, build_optimizer(settings, [network.weight], [], {"map": network})

    def step(parameter: nn.Parameter, optimizer: torch.optim.Optimizer) -> float:
        def closure() -> torch.Tensor:
            loss = parameter.square().sum()
            parameter.grad = torch.autograd.grad(loss, parameter)[0]
            return loss.detach()

        loss = closure()
        optimizer.step(*[closure] * takes_closure(type(optimizer)))
        return float(loss)

    parameter, optimizer = start()
    losses = [step(parameter, optimizer) for _ in range(30)]
    assert losses[-1] < losses[0]

    tensors, rest = split_optimizer_state(optimizer.state_dict())
    copied = {path: tensor.clone() for path, tensor in tensors.items()}
    other, restored = start()
    other.data.copy_(parameter.data)
    restored.load_state_dict(join_optimizer_state(copied, json.loads(json.dumps(rest))))
    for _ in range(5):
        step(parameter, optimizer)
        step(other, restored)
    assert torch.equal(parameter, other)
    kept, _ = split_optimizer_state(restored.state_dict())
    given = {tensor.data_ptr() for tensor in copied.values()}
    assert not given & {tensor.data_ptr() for tensor in kept.values()}, "copies, not aliases"


@pytest.mark.parametrize("name", choices("stopping"))
def test_every_stopper_replays_and_survives_json(name: str, tmp_path: Path) -> None:
    words = [f"stopping={name}", *STOPPING_SETTINGS.get(name, [])]
    if name == "pruner":
        study_of(tmp_path / "search.jsonl", [dict.fromkeys(range(1, 60), 0.0)] * 5)
        words += [
            f"stopping.pruner.study='{tmp_path / 'search.jsonl'}'",
            "stopping.pruner.trial=5",
        ]
    stopper = instantiate("stopping", compose(words).config["stopping"][name], [])
    told = {"monitor": "mse", "player": "vae"}
    told = {key: value for key, value in told.items() if hasattr(stopper, key)}
    stopper = type(stopper)(**{**vars(stopper), **told})
    if isinstance(stopper, ComparesTrials):
        stopper = TrialStopper.from_settings(stopper)
    generator = random.Random(0)
    reports = []
    for step in range(1, 60):
        measured = {"mse": 1000 * generator.random(), "mse_standard_error": 10.0}
        held_out = measured if step % 2 else {}
        losses = {"vae/loss": 1 + 1 / step} if step % 2 else {}
        reports.append(StepReport(step, step * 8, step * 0.1, held_out, losses, step * 1000))
    first, second = stopper.start(), stopper.start()
    reasons = []
    for report in reports:
        before = json.dumps(first)
        following, reason = stopper.observe(first, report)
        assert json.dumps(first) == before, "the given state is not changed"
        second, again = stopper.observe(json.loads(json.dumps(second)), report)
        first = following
        assert (first, reason) == (second, again)
        assert isinstance(stopper.describe(first), str)
        reasons.append(reason)
    assert any(reasons), (
        f"{name} never stops here; give settings with which it stops in 59 steps in "
        "STOPPING_SETTINGS of tests/conftest.py"
    )


FILES = [
    (group, name)
    for group in (
        "data", "model", "backbone", "optimizer", "schedule", "regularization", "stopping",
        "metric", "updates", "features", "tracker",
    )
    for name in choices(group)
]  # fmt: skip
NOT_THE_CLASS = {"data": {"batch_size", "held_out", "test"}, "schedule": {"warmup_steps"}}


@pytest.mark.parametrize(("group", "name"), FILES)
def test_yaml_keys_are_the_targets_arguments(group: str, name: str) -> None:
    settings = OmegaConf.to_container(OmegaConf.load(conf_folder() / group / f"{name}.yaml"))
    keys = set(settings) - {"_target_"} - NOT_THE_CLASS.get(group, set())
    signature = inspect.signature(find_class(group, settings, plugins=[]))
    given_by_us = {"optimizer": {"params", "networks"}, "schedule": {"optimizer"}}.get(
        group, set()
    )
    assert keys <= set(signature.parameters) - given_by_us
    required = {
        argument.name
        for argument in signature.parameters.values()
        if argument.default is inspect.Parameter.empty
        and argument.kind is not inspect.Parameter.VAR_KEYWORD
    }
    assert required - given_by_us <= keys, "every argument without a default stands in the YAML"
