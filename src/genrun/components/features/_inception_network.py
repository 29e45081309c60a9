"""Inception-v3 (Szegedy et al., 1512.00567) in the variant of TensorFlow's 2015 graph.

It differs from later variants in its poolings: averages exclude the padding, and the last block
takes a maximum. Names of modules are those of the PyTorch file `pt_inception-2015-12-05`.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, max_pool2d

Size = int | tuple[int, int]


class Convolution(nn.Module):
    """A convolution without bias, BatchNorm and ReLU; `same` pads it to keep the size."""

    def __init__(
        self, inputs: int, outputs: int, kernel: Size, stride: int = 1, same: bool = True
    ) -> None:
        super().__init__()
        sides = (kernel, kernel) if isinstance(kernel, int) else kernel
        padding = (sides[0] // 2, sides[1] // 2) if same else (0, 0)
        self.conv = nn.Conv2d(inputs, outputs, sides, stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(outputs, eps=0.001)

    def forward(self, images: Tensor) -> Tensor:
        return torch.relu(self.bn(self.conv(images)))


def average_pool(images: Tensor) -> Tensor:
    return avg_pool2d(images, 3, stride=1, padding=1, count_include_pad=False)


class BlockA(nn.Module):
    """A block of features of 35x35."""

    def __init__(self, inputs: int, pooled: int) -> None:
        super().__init__()
        self.branch1x1 = Convolution(inputs, 64, 1)
        self.branch5x5_1 = Convolution(inputs, 48, 1)
        self.branch5x5_2 = Convolution(48, 64, 5)
        self.branch3x3dbl_1 = Convolution(inputs, 64, 1)
        self.branch3x3dbl_2 = Convolution(64, 96, 3)
        self.branch3x3dbl_3 = Convolution(96, 96, 3)
        self.branch_pool = Convolution(inputs, pooled, 1)

    def forward(self, x: Tensor) -> Tensor:
        double = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        five = self.branch5x5_2(self.branch5x5_1(x))
        return torch.cat((self.branch1x1(x), five, double, self.branch_pool(average_pool(x))), 1)


class BlockB(nn.Module):
    """A block from 35x35 to 17x17."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.branch3x3 = Convolution(inputs, 384, 3, stride=2, same=False)
        self.branch3x3dbl_1 = Convolution(inputs, 64, 1)
        self.branch3x3dbl_2 = Convolution(64, 96, 3)
        self.branch3x3dbl_3 = Convolution(96, 96, 3, stride=2, same=False)

    def forward(self, x: Tensor) -> Tensor:
        double = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        return torch.cat((self.branch3x3(x), double, max_pool2d(x, 3, stride=2)), 1)


class BlockC(nn.Module):
    """A block of features of 17x17, with convolutions of 7x1 and 1x7."""

    def __init__(self, inner: int) -> None:
        super().__init__()
        self.branch1x1 = Convolution(768, 192, 1)
        self.branch7x7_1 = Convolution(768, inner, 1)
        self.branch7x7_2 = Convolution(inner, inner, (1, 7))
        self.branch7x7_3 = Convolution(inner, 192, (7, 1))
        self.branch7x7dbl_1 = Convolution(768, inner, 1)
        self.branch7x7dbl_2 = Convolution(inner, inner, (7, 1))
        self.branch7x7dbl_3 = Convolution(inner, inner, (1, 7))
        self.branch7x7dbl_4 = Convolution(inner, inner, (7, 1))
        self.branch7x7dbl_5 = Convolution(inner, 192, (1, 7))
        self.branch_pool = Convolution(768, 192, 1)

    def forward(self, x: Tensor) -> Tensor:
        seven = self.branch7x7_3(self.branch7x7_2(self.branch7x7_1(x)))
        double = self.branch7x7dbl_3(self.branch7x7dbl_2(self.branch7x7dbl_1(x)))
        double = self.branch7x7dbl_5(self.branch7x7dbl_4(double))
        return torch.cat((self.branch1x1(x), seven, double, self.branch_pool(average_pool(x))), 1)


class BlockD(nn.Module):
    """A block from 17x17 to 8x8."""

    def __init__(self) -> None:
        super().__init__()
        self.branch3x3_1 = Convolution(768, 192, 1)
        self.branch3x3_2 = Convolution(192, 320, 3, stride=2, same=False)
        self.branch7x7x3_1 = Convolution(768, 192, 1)
        self.branch7x7x3_2 = Convolution(192, 192, (1, 7))
        self.branch7x7x3_3 = Convolution(192, 192, (7, 1))
        self.branch7x7x3_4 = Convolution(192, 192, 3, stride=2, same=False)

    def forward(self, x: Tensor) -> Tensor:
        three = self.branch3x3_2(self.branch3x3_1(x))
        seven = self.branch7x7x3_3(self.branch7x7x3_2(self.branch7x7x3_1(x)))
        return torch.cat((three, self.branch7x7x3_4(seven), max_pool2d(x, 3, stride=2)), 1)


class BlockE(nn.Module):
    """A block of features of 8x8; with `maximum`, the pooling of one branch is a maximum."""

    def __init__(self, inputs: int, maximum: bool) -> None:
        super().__init__()
        self.maximum = maximum
        self.branch1x1 = Convolution(inputs, 320, 1)
        self.branch3x3_1 = Convolution(inputs, 384, 1)
        self.branch3x3_2a = Convolution(384, 384, (1, 3))
        self.branch3x3_2b = Convolution(384, 384, (3, 1))
        self.branch3x3dbl_1 = Convolution(inputs, 448, 1)
        self.branch3x3dbl_2 = Convolution(448, 384, 3)
        self.branch3x3dbl_3a = Convolution(384, 384, (1, 3))
        self.branch3x3dbl_3b = Convolution(384, 384, (3, 1))
        self.branch_pool = Convolution(inputs, 192, 1)

    def forward(self, x: Tensor) -> Tensor:
        three = self.branch3x3_1(x)
        double = self.branch3x3dbl_2(self.branch3x3dbl_1(x))
        pooled = max_pool2d(x, 3, stride=1, padding=1) if self.maximum else average_pool(x)
        parts = (
            self.branch1x1(x),
            self.branch3x3_2a(three),
            self.branch3x3_2b(three),
            self.branch3x3dbl_3a(double),
            self.branch3x3dbl_3b(double),
            self.branch_pool(pooled),
        )
        return torch.cat(parts, 1)


class InceptionNetwork(nn.Sequential):
    """From images (count, 3, 299, 299) in [-1, 1] to features (count, 2048)."""

    def __init__(self) -> None:
        super().__init__()
        pool = nn.MaxPool2d(3, stride=2)
        layers: dict[str, nn.Module] = {
            "Conv2d_1a_3x3": Convolution(3, 32, 3, stride=2, same=False),
            "Conv2d_2a_3x3": Convolution(32, 32, 3, same=False),
            "Conv2d_2b_3x3": Convolution(32, 64, 3),
            "pool_1": pool,
            "Conv2d_3b_1x1": Convolution(64, 80, 1),
            "Conv2d_4a_3x3": Convolution(80, 192, 3, same=False),
            "pool_2": pool,
            "Mixed_5b": BlockA(192, 32),
            "Mixed_5c": BlockA(256, 64),
            "Mixed_5d": BlockA(288, 64),
            "Mixed_6a": BlockB(288),
            "Mixed_6b": BlockC(128),
            "Mixed_6c": BlockC(160),
            "Mixed_6d": BlockC(160),
            "Mixed_6e": BlockC(192),
            "Mixed_7a": BlockD(),
            "Mixed_7b": BlockE(1280, maximum=False),
            "Mixed_7c": BlockE(2048, maximum=True),
            "pool_3": nn.AdaptiveAvgPool2d(1),
            "flat": nn.Flatten(),
        }
        for name, layer in layers.items():
            self.add_module(name, layer)
