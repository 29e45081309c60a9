"""Whether samples repeat training images: nearest neighbours and exact copies."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from genrun.core.progress_bar import progress

Extract = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Nearest:
    """For each image the nearest training image, and whether it is an exact copy of one."""

    distances: Tensor  # (count,), Euclidean, in the features' space
    images: Tensor  # (count, channels, height, width)
    copied: Tensor  # (count,), boolean: equal to a training image in 8 bits; points: exactly

    def part(self, rows: slice) -> Nearest:
        return Nearest(self.distances[rows], self.images[rows], self.copied[rows])


def nearest_training_images(
    images: Tensor, train: Iterable[Tensor], count: int, extract: Extract, points: bool = False
) -> Nearest:
    """Searches the `count` training images in `train`, one batch at a time.

    `points` count as copies only if they are equal: independent points often share the 256 levels
    of their two coordinates.
    """
    features = extract(images)
    centre = features.mean(0)  # or distances would be lost in rounding
    features = features - centre
    lengths = features.square().sum(1)
    best = torch.full_like(lengths, torch.inf)
    found = images.clone()
    to_bytes = _exact if points else _eight_bit
    copies, seen = [to_bytes(image) for image in images], set()
    with progress(f"comparing with {count} training images", count) as advance:
        for part in train:
            theirs = extract(part) - centre
            squared = theirs.square().sum(1) + lengths.unsqueeze(1) - 2 * features @ theirs.T
            least, place = squared.min(1)
            nearer = least < best
            best[nearer] = least[nearer]
            found[nearer.to(found.device)] = part[place[nearer].to(part.device)]
            seen |= {to_bytes(image) for image in part} & set(copies)
            advance(len(part))
    copied = torch.tensor([copy in seen for copy in copies])
    return Nearest(best.clamp(min=0).sqrt(), found, copied)


def memorization(samples: Nearest, held_out: Nearest) -> dict[str, Any]:
    """Compares distances to training images of samples and of held-out images.

    A ratio far below 1 means that samples are nearer to training images than new images are: they
    are copies, or all similar and simple, which the metric `density` distinguishes.
    """
    of_samples, of_held_out = float(samples.distances.mean()), float(held_out.distances.mean())
    return {
        "samples": len(samples.distances),
        "held_out": len(held_out.distances),
        "samples_distance": of_samples,
        "held_out_distance": of_held_out,
        "ratio": of_samples / of_held_out if of_held_out else None,
        "samples_copied": float(samples.copied.double().mean()),
        "held_out_copied": float(held_out.copied.double().mean()),
    }


def _eight_bit(image: Tensor) -> bytes:
    """The image as 8-bit levels."""
    return (image.clamp(0, 1) * 255).round().byte().cpu().numpy().tobytes()


def _exact(point: Tensor) -> bytes:
    """The float32 values in which points are stored."""
    return point.float().cpu().numpy().tobytes()
