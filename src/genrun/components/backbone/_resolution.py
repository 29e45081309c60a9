"""The sizes of repeatedly halved images, and the layer that doubles a size."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

from genrun.core.types import DataSpec

Size = tuple[int, int]


def halved_sizes(spec: DataSpec, levels: int, halve: Callable[[int], int]) -> list[Size]:
    """Returns (height, width) of the image and after each of `levels` halvings.

    Raises `ValueError` if the data are points, or the image is too small.
    """
    if spec.points:
        raise ValueError("the data are points, not images: use backbone=mlp")
    possible = min(spec.height, spec.width).bit_length() - 1
    if levels > possible:
        raise ValueError(
            f"channels halves the image {levels} times, but {spec.height}x{spec.width} images can "
            f"be halved {possible} times at most"
        )
    sizes = [(spec.height, spec.width)]
    for _ in range(levels):
        sizes.append((halve(sizes[-1][0]), halve(sizes[-1][1])))
    return sizes


def half_up(length: int) -> int:
    """Returns the output length of a 3x3 convolution of stride 2 and padding 1."""
    return (length + 1) // 2


class Upsample(nn.Module):
    """Doubles height and width by a transposed convolution, cropped to `size`."""

    def __init__(self, channels_in: int, channels_out: int, size: Size) -> None:
        super().__init__()
        self.patches = nn.ConvTranspose2d(channels_in, channels_out, kernel_size=2, stride=2)
        self.size = size

    def forward(self, features: Tensor) -> Tensor:
        doubled: Tensor = self.patches(features)
        return doubled[..., : self.size[0], : self.size[1]]
