"""KL annealing and free bits against their papers' formulas."""

from collections.abc import Callable

import pytest
import torch

from genrun.components.model._variational import gaussian_kl
from genrun.components.regularization.free_bits import FreeBits
from genrun.components.regularization.kl_annealing import KLAnnealing
from genrun.core.errors import ConfigError
from genrun.core.noise import Key
from genrun.experiment.build import Built

Make = Callable[..., Built]
pytestmark = pytest.mark.usefixtures("float64")


def weight(anneal_steps: int, cycle_steps: int | None, step: int) -> float:
    layer = KLAnnealing(anneal_steps, cycle_steps).build_kl_layer()
    layer.begin_step(step)
    return layer(torch.ones(3, 2)).unique().item()


def test_weight_rises_linearly_and_stays() -> None:
    found = [weight(4, None, step) for step in range(1, 8)]
    assert found == [0, 0.25, 0.5, 0.75, 1, 1, 1]


def test_cycles_are_equations_6_and_7() -> None:
    total, cycles, share = 40, 4, 0.5  # T, M, R of the paper
    for step in range(1, total + 1):
        tau = (step - 1) % (total / cycles) / (total / cycles)
        expected = tau / share if tau <= share else 1
        assert weight(5, 10, step) == pytest.approx(expected), step


def test_a_cycle_is_not_shorter_than_the_rise(small: Make) -> None:
    key = "regularization.kl_annealing"
    with pytest.raises(ConfigError, match=f"{key}: cycle_steps=9: must be at least anneal_steps"):
        small("model=vae", "regularization=kl_annealing", f"{key}.cycle_steps=9")


def test_free_bits_are_equation_15() -> None:
    kl = torch.rand(7, 5).square()
    term = FreeBits(nats=0.3).build_kl_layer()(kl).sum(1).mean()
    expected = sum(max(0.3, kl[:, j].mean().item()) for j in range(5))
    assert term.item() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("order", ["kl_annealing,free_bits", "free_bits,kl_annealing"])
def test_the_vaes_loss_has_the_changed_term_whatever_the_order(order: str, small: Make) -> None:
    built = small(
        "model=beta_vae",
        f"regularization=[{order}]",
        "regularization.kl_annealing.anneal_steps=8",
        "regularization.free_bits.nats=0.004",
    )
    nets, model, batch = built.trial.nets, built.model, built.data.batch(0)
    for network in nets["kl"]:
        if hasattr(network, "begin_step"):
            network.begin_step(3)
    loss, metrics = model.loss("vae", nets, batch, Key.from_seed(1))
    mean, log_variance = nets["encoder"](batch).chunk(2, dim=1)
    kl = gaussian_kl(mean, log_variance)
    term = kl.mean(0).clamp(min=0.004).sum()
    assert (kl.mean(0) < 0.004).any()
    assert (kl.mean(0) > 0.004).any()
    expected = metrics["reconstruction"] + 4.0 * (2 / 8) * term
    torch.testing.assert_close(loss, expected, rtol=1e-12, atol=0)
    torch.testing.assert_close(metrics["kl"], kl.sum(1).mean(), rtol=1e-12, atol=0)


def test_the_weight_follows_the_step_and_held_out_bounds_have_none(small: Make) -> None:
    words = ["model=vae", "optimizer=sgd", "optimizer.lr=0.0"]
    built = small(
        *words, "regularization=kl_annealing", "regularization.kl_annealing.anneal_steps=2"
    )
    plain = small(*words, "regularization=[]")
    kl_weights = []
    for step in (1, 2, 3):
        row = built.step(step)
        kl_weights.append(((row["vae/loss"] - row["vae/reconstruction"]) / row["vae/kl"]).item())
    assert kl_weights == pytest.approx([0, 0.5, 1], abs=1e-6)
    assert built.evaluation.evaluate() == plain.evaluation.evaluate()


def test_the_vae_gans_encoder_has_the_changed_term(small: Make) -> None:
    built = small("model=vae_gan", "regularization=free_bits", "regularization.free_bits.nats=3.0")
    row = built.step(1)
    term = row["encoder/loss"] - row["encoder/feature_distance"]
    torch.testing.assert_close(term, torch.tensor(3.0 * built.model.latent_dim), rtol=1e-9, atol=0)


@pytest.mark.parametrize("name", ["kl_annealing", "free_bits"])
@pytest.mark.parametrize("model", ["iwae", "gan", "autoencoder"])
def test_without_a_kl_term_it_is_refused(name: str, model: str, small: Make) -> None:
    with pytest.raises(ConfigError, match=f"regularization={name} needs a model whose loss has"):
        small(f"model={model}", f"regularization={name}")
