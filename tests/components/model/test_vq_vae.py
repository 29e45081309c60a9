"""The VQ-VAE's gradients, its bound, and the prior that it is sampled from."""

import math

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from genrun.components.backbone.mlp import MLP
from genrun.components.model._code_prior import CodePrior
from genrun.components.model.vq_vae import VQVAE, codebook_usage, get_codebook
from genrun.core.noise import Key
from genrun.core.types import DataSpec

pytestmark = pytest.mark.usefixtures("float64")
SPEC = DataSpec(1, 4, 4)
COMMITMENT = 0.25


def model_of(commitment: float = COMMITMENT) -> VQVAE:
    return VQVAE(
        positions=3, codes=5, code_dim=2, commitment=commitment, prior_width=8, prior_layers=1
    )


def start() -> tuple[VQVAE, nn.ModuleDict, Tensor]:
    torch.manual_seed(1)
    model = model_of()
    nets = model.build_networks(MLP([6], "relu"), SPEC)
    get_codebook(nets).entries.data.normal_(
        std=0.2
    )  # so that vectors have different nearest entries
    return model, nets, torch.rand(7, *SPEC.shape).round()


def test_codes_are_the_nearest_entries() -> None:
    model, nets, images = start()
    vectors, codes = model.encode(nets, images)
    assert torch.equal(vectors.flatten(1), nets["encoder"](images)), "cut position by position"
    distances = (vectors.unsqueeze(2) - get_codebook(nets).entries).norm(dim=-1)
    assert torch.equal(codes, distances.argmin(-1))
    assert len(codes.unique()) > 1


def test_gradients_are_those_of_equation_3() -> None:
    """The decoder's goes straight through to the encoder, the codebook's to the entries alone."""
    model, nets, images = start()
    vectors, codes = model.encode(nets, images)
    entries = get_codebook(nets).entries
    model.loss("autoencoder", nets, images, Key.from_seed(0))[0].backward()

    quantized = entries[codes].detach().requires_grad_()
    logits = nets["decoder"].body(quantized.flatten(1))
    nats = binary_cross_entropy_with_logits(logits, images, reduction="sum") / len(images)
    (at_code,) = torch.autograd.grad(nats, quantized)
    difference = (vectors - entries[codes]).detach()
    expected_of_vectors = at_code + COMMITMENT * 2 * difference / len(images)
    expected = torch.autograd.grad(
        vectors, list(nets["encoder"].parameters()), expected_of_vectors
    )
    for parameter, gradient in zip(nets["encoder"].parameters(), expected, strict=True):
        torch.testing.assert_close(parameter.grad, gradient)

    moved = torch.zeros_like(entries).index_add_(
        0, codes.flatten(), -2 * difference.flatten(0, 1) / len(images)
    )
    torch.testing.assert_close(entries.grad, moved)
    assert all(parameter.grad is None for parameter in nets["prior"].parameters())


def test_the_priors_loss_reaches_only_the_prior() -> None:
    model, nets, images = start()
    model.loss("prior", nets, images, Key.from_seed(0))[0].backward()
    for name, network in nets.items():
        assert all((p.grad is not None) == (name == "prior") for p in network.parameters()), name


def test_negative_elbo_is_the_pixels_cost_and_the_codes() -> None:
    model, nets, images = start()
    values = model.evaluate(nets, images, Key.from_seed(0))
    codes = model.encode(nets, images)[1]
    length = torch.zeros(len(images))
    for position in range(model.positions):
        before = codes.clone()
        before[:, position:] = 0  # what comes later must not matter
        chances = nets["prior"](before)[:, position].softmax(-1)
        length -= chances.gather(1, codes[:, position : position + 1]).log().squeeze(1)
    torch.testing.assert_close(values["code_length"], length)
    logits = nets["decoder"].body(get_codebook(nets).entries[codes].flatten(1))
    nats = binary_cross_entropy_with_logits(logits, images, reduction="none").sum((1, 2, 3))
    torch.testing.assert_close(values["negative_elbo"], nats + length)
    assert values["largest_code_share"].mean(0).sum() == pytest.approx(1)


def test_the_prior_samples_its_own_distribution() -> None:
    torch.manual_seed(0)
    prior = CodePrior(positions=2, codes=3, width=8, layers=1)
    prior.head[1].weight.data.mul_(5)  # far from uniform
    with torch.no_grad():
        drawn = prior.sample(60_000, Key.from_seed(3))
        pairs = torch.cartesian_prod(torch.arange(3), torch.arange(3))
        chances = prior(pairs).log_softmax(-1).gather(2, pairs.unsqueeze(-1)).sum((1, 2)).exp()
    assert chances.sum() == pytest.approx(1)
    found = (drawn[:, 0] * 3 + drawn[:, 1]).bincount(minlength=9) / len(drawn)
    torch.testing.assert_close(found, chances, atol=0.01, rtol=0)
    assert chances.max() > 2 * chances.min()


def test_usage_counts_entries_and_their_evenness() -> None:
    found = codebook_usage(torch.tensor([[0, 0], [2, 2], [0, 2]]), count=4, like=torch.zeros(()))
    assert found["codes_used"] == 2
    assert found["perplexity"] == pytest.approx(2)
    uneven = codebook_usage(torch.tensor([[0, 0, 0, 1]]), count=4, like=torch.zeros(()))
    entropy = -(0.75 * math.log(0.75) + 0.25 * math.log(0.25))
    assert uneven["perplexity"] == pytest.approx(math.exp(entropy))
