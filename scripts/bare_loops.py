"""The workloads of bench.py as hand-written training loops, without any framework."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from genrun.config.compose import compose
from genrun.experiment.build import build

BATCH = 128


def mlp(*widths: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for fan_in, fan_out in pairwise(widths):
        layers += [nn.Linear(fan_in, fan_out), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


class Images:
    """Batches of uint8 images in memory, in a new permutation each epoch."""

    def __init__(self, images: Tensor) -> None:
        self.images = images
        self.order = torch.empty(0)
        self.position = 0

    def batch(self) -> Tensor:
        if self.position + BATCH > len(self.order):
            self.order = torch.randperm(len(self.images)).to(self.images.device)
            self.position = 0
        rows = self.order[self.position : self.position + BATCH]
        self.position += BATCH
        return self.images.index_select(0, rows).to(torch.float32).div_(255)


def adam(*modules: nn.Module) -> torch.optim.Optimizer:
    parameters = [parameter for module in modules for parameter in module.parameters()]
    return torch.optim.Adam(parameters, lr=1e-3, fused=True)


class BareAutoencoder(nn.Module):
    def __init__(self, images: Images) -> None:
        super().__init__()
        self.images = images
        self.body = mlp(784, 256, 784)
        self.to(images.images.device)
        self.optimizer = adam(self.body)

    def step(self) -> None:
        x = self.images.batch().flatten(1)
        loss = F.mse_loss(torch.sigmoid(self.body(x)), x)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()


class BareVAE(nn.Module):
    def __init__(self, images: Images) -> None:
        super().__init__()
        self.images = images
        self.encoder, self.decoder = mlp(784, 512, 40), mlp(20, 512, 784)
        self.to(images.images.device)
        self.optimizer = adam(self.encoder, self.decoder)

    def step(self) -> None:
        x = self.images.batch().flatten(1)
        mean, log_variance = self.encoder(x).chunk(2, dim=1)
        z = mean + (0.5 * log_variance).exp() * torch.randn_like(mean)
        cross = F.binary_cross_entropy_with_logits(self.decoder(z), x, reduction="none").sum(1)
        kl = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(1)
        loss = cross.mean() + kl.mean()
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()


class BareGAN(nn.Module):
    def __init__(self, images: Images) -> None:
        super().__init__()
        self.images = images
        self.generator, self.discriminator = mlp(100, 256, 784), mlp(784, 256, 1)
        self.to(images.images.device)
        self.optimizer_g, self.optimizer_d = adam(self.generator), adam(self.discriminator)

    def step(self) -> None:
        x = self.images.batch().flatten(1)
        with torch.no_grad():
            fake = torch.tanh(self.generator(torch.randn(BATCH, 100, device=x.device)))
        real_logits = self.discriminator(2 * x - 1)
        loss = (F.softplus(-real_logits) + F.softplus(self.discriminator(fake))).mean()
        self.optimizer_d.zero_grad()
        loss.backward(inputs=list(self.discriminator.parameters()))
        self.optimizer_d.step()
        fake = torch.tanh(self.generator(torch.randn(BATCH, 100, device=x.device)))
        loss = F.softplus(-self.discriminator(fake)).mean()
        self.optimizer_g.zero_grad()
        loss.backward(inputs=list(self.generator.parameters()))
        self.optimizer_g.step()


class BareConvGAN(nn.Module):
    """DCGAN's layers at 28x28, with autocast around the losses as in genrun."""

    def __init__(self, images: Images, bf16: bool) -> None:
        super().__init__()
        self.images, self.bf16 = images, bf16
        self.generator = nn.Sequential(
            nn.Linear(100, 64 * 7 * 7),
            nn.ReLU(),
            nn.Unflatten(1, (64, 7, 7)),
            nn.ConvTranspose2d(64, 32, 4, 2, 1),
            nn.ReLU(),
            nn.ConvTranspose2d(32, 1, 4, 2, 1),
        )
        self.discriminator = nn.Sequential(
            nn.Conv2d(1, 32, 4, 2, 1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(32, 64, 4, 2, 1),
            nn.LeakyReLU(0.2),
            nn.Flatten(),
            nn.Linear(64 * 7 * 7, 1),
        )
        self.to(images.images.device)
        self.optimizer_g, self.optimizer_d = adam(self.generator), adam(self.discriminator)

    def step(self) -> None:
        x = 2 * self.images.batch() - 1
        device = x.device.type
        with torch.autocast(device, torch.bfloat16, enabled=self.bf16):
            with torch.no_grad():
                fake = torch.tanh(self.generator(torch.randn(BATCH, 100, device=x.device)))
            real_logits, fake_logits = self.discriminator(x), self.discriminator(fake)
            loss = (F.softplus(-real_logits) + F.softplus(fake_logits)).mean()
        self.optimizer_d.zero_grad()
        loss.backward(inputs=list(self.discriminator.parameters()))
        self.optimizer_d.step()
        with torch.autocast(device, torch.bfloat16, enabled=self.bf16):
            fake = torch.tanh(self.generator(torch.randn(BATCH, 100, device=x.device)))
            loss = F.softplus(-self.discriminator(fake)).mean()
        self.optimizer_g.zero_grad()
        loss.backward(inputs=list(self.generator.parameters()))
        self.optimizer_g.step()


class BareDiffusion(nn.Module):
    """EDM's training loss (2206.00364, table 1) on genrun's U-Net, called directly."""

    def __init__(self, images: Images, bf16: bool) -> None:
        super().__init__()
        self.images, self.bf16 = images, bf16
        words = ["model=diffusion", "backbone=unet", "data=fashion_mnist", "regularization=[]"]
        self.denoiser = build(compose(words).config, []).trial.nets["denoiser"]
        self.to(images.images.device)
        self.optimizer = adam(self.denoiser)

    def step(self) -> None:
        x = 2 * self.images.batch() - 1
        sigma = (1.2 * torch.randn(BATCH, 1, 1, 1, device=x.device) - 1.2).exp()
        total, weight = (sigma**2 + 0.25).sqrt(), (sigma**2 + 0.25) / (0.5 * sigma) ** 2
        with torch.autocast(x.device.type, torch.bfloat16, enabled=self.bf16):
            noisy = x + sigma * torch.randn_like(x)
            outputs = self.denoiser(noisy / total, sigma.flatten().log() / 4)
            denoised = noisy * (0.5 / total) ** 2 + outputs * (0.5 * sigma / total)
            loss = (weight * (denoised - x).square()).mean()
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
