"""The workloads of bench.py in Lightning and in pythae, as in their documentation."""

from __future__ import annotations

import importlib.util
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import torch
from bare_loops import BATCH, Images, mlp
from torch import Tensor, nn
from torch.nn import functional as F

StepTimer = Callable[[int], float]  # trains for some steps and returns the seconds
BareLoop = Callable[[Images], nn.Module]


def lightning_timer(bare: BareLoop, images: Tensor, folder: Path) -> StepTimer | None:
    """Returns a timer of the same model in Lightning with its default logger and checkpoints.

    None if Lightning is not installed.
    """
    if importlib.util.find_spec("lightning") is None:
        return None
    from lightning import LightningModule, Trainer
    from torch.utils.data import DataLoader, TensorDataset

    warnings.filterwarnings("ignore", module="lightning")

    class Module(LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.automatic_optimization = False
            self.images = Images(images)
            self.model = bare(self.images)

        def training_step(self, batch: list[Tensor], index: int) -> None:
            x = batch[0].to(torch.float32).div_(255)
            self.images.batch = lambda: x  # type: ignore[method-assign]
            self.model.step()

        def configure_optimizers(self) -> list[torch.optim.Optimizer]:
            return [v for v in vars(self.model).values() if isinstance(v, torch.optim.Optimizer)]

    module = Module()
    loader = DataLoader(TensorDataset(images), batch_size=BATCH, shuffle=True, drop_last=True)

    def time_steps(steps: int) -> float:
        batches = min(steps, len(loader))  # at most one epoch
        epochs = max(1, round(steps / batches))
        trainer = Trainer(
            max_epochs=epochs,
            limit_train_batches=batches,
            default_root_dir=folder,
            accelerator="gpu" if images.is_cuda else "cpu",
            enable_model_summary=False,
        )
        started = time.perf_counter()
        trainer.fit(module, loader)
        return (time.perf_counter() - started) * steps / (epochs * batches)

    return time_steps


def pythae_model(job: str) -> nn.Module:
    """Returns pythae's autoencoder or VAE with the widths of the bare loop."""
    from pythae.models import AE, VAE, AEConfig, VAEConfig
    from pythae.models.base.base_utils import ModelOutput
    from pythae.models.nn import BaseDecoder, BaseEncoder

    latent, hidden = (256, 0) if job == "autoencoder" else (20, 512)

    class Encoder(BaseEncoder):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.body = nn.Sequential(*([nn.Linear(784, hidden), nn.ReLU()] if hidden else []))
            self.mean = nn.Linear(hidden or 784, latent)
            self.log_variance = nn.Linear(hidden, latent) if hidden else None

        def forward(self, x: Tensor) -> ModelOutput:
            features = self.body(x.flatten(1))
            if self.log_variance is None:
                return ModelOutput(embedding=F.relu(self.mean(features)))
            return ModelOutput(
                embedding=self.mean(features), log_covariance=self.log_variance(features)
            )

    class Decoder(BaseDecoder):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            widths = (latent, hidden, 784) if hidden else (latent, 784)
            self.body = mlp(*widths)

        def forward(self, z: Tensor) -> ModelOutput:
            return ModelOutput(reconstruction=torch.sigmoid(self.body(z)).view(-1, 1, 28, 28))

    config, model_class = (AEConfig, AE) if job == "autoencoder" else (VAEConfig, VAE)
    keywords = {} if job == "autoencoder" else {"reconstruction_loss": "bce"}
    return model_class(
        config(input_dim=(1, 28, 28), latent_dim=latent, **keywords), Encoder(), Decoder()
    )


def pythae_timer(job: str, images: Tensor, folder: Path) -> StepTimer | None:
    """Returns a timer of pythae's trainer on its autoencoder or VAE of the same widths.

    None for other workloads, or if pythae is not installed.
    """
    if job not in ("autoencoder", "vae") or importlib.util.find_spec("pythae") is None:
        return None
    from pythae.data.datasets import BaseDataset
    from pythae.trainers import BaseTrainer, BaseTrainerConfig

    model = pythae_model(job)

    def time_steps(steps: int) -> float:
        subset = images[: steps * BATCH].to(torch.float32).div(255)
        settings = BaseTrainerConfig(
            output_dir=str(folder), num_epochs=1, per_device_train_batch_size=BATCH,
            train_dataloader_num_workers=0, no_cuda=images.device.type == "cpu",
        )  # fmt: skip
        trainer = BaseTrainer(
            model=model,
            train_dataset=BaseDataset(subset, torch.zeros(len(subset))),
            training_config=settings,
        )
        started = time.perf_counter()
        trainer.train()
        return (time.perf_counter() - started) * steps / -(-len(subset) // BATCH)

    return time_steps
