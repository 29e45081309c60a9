"""Whether samples are training images: nearest neighbours and exact copies."""

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
    """For each of some images the nearest training image, and whether one is its exact copy."""

    distances: Tensor  # (count,), Euclidean, in the features' space
    images: Tensor  # (count, channels, height, width)
    copied: Tensor  # (count,), boolean: equal to a training image in 8 bits, points exactly

    def part(self, rows: slice) -> Nearest:
        return Nearest(self.distances[rows], self.images[rows], self.copied[rows])


def nearest_training_images(
    images: Tensor, train: Iterable[Tensor], count: int, extract: Extract, points: bool = False
) -> Nearest:
    """`train` are the `count` training images in batches. Only one batch is held at a time.

    `points` are copies only where they are equal: 256 levels of two numbers are so few that
    points nobody copied share them.
    """
    features = extract(images)
    centre = features.mean(0)  # or distances would drown in the lengths
    features = features - centre
    lengths = features.square().sum(1)
    best = torch.full_like(lengths, torch.inf)
    found = images.clone()
    written = _exactly if points else _bytes
    copies, seen = [written(image) for image in images], set()
    with progress(f"comparing with {count} training images", count) as advance:
        for part in train:
            theirs = extract(part) - centre
            squared = theirs.square().sum(1) + lengths.unsqueeze(1) - 2 * features @ theirs.T
            least, place = squared.min(1)
            nearer = least < best
            best[nearer] = least[nearer]
            found[nearer.to(found.device)] = part[place[nearer].to(part.device)]
            seen |= {written(image) for image in part} & set(copies)
            advance(len(part))
    copied = torch.tensor([copy in seen for copy in copies])
    return Nearest(best.clamp(min=0).sqrt(), found, copied)


def memorization(samples: Nearest, held_out: Nearest) -> dict[str, Any]:
    """Held-out images are the measure: how near images are that nobody copied.

    A ratio far below 1 says that samples are nearer to training images than new images are:
    because they are copies, or because they are all alike and plain, which density tells apart.
    """
    made, real = float(samples.distances.mean()), float(held_out.distances.mean())
    return {
        "samples": len(samples.distances),
        "held_out": len(held_out.distances),
        "samples_distance": made,
        "held_out_distance": real,
        "ratio": made / real if real else None,
        "samples_copied": float(samples.copied.double().mean()),
        "held_out_copied": float(held_out.copied.double().mean()),
    }


def _bytes(image: Tensor) -> bytes:
    """The image as 8-bit levels."""
    return (image.clamp(0, 1) * 255).round().byte().cpu().numpy().tobytes()


def _exactly(point: Tensor) -> bytes:
    """Its float32 values, which is what points are kept as."""
    return point.float().cpu().numpy().tobytes()
