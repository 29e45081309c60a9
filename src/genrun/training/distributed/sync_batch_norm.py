"""Batch normalization over the whole batch, if each process has a shard of it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from genrun.training.distributed.process_group import ProcessGroup


class SharedBatchNorm(_BatchNorm):
    """BatchNorm with the mean and variance of all processes' shards, which are of equal size.

    Means and variances are combined as in Chan, Golub and LeVeque (1983), equation 2.1, in one
    all-reduce. torch's SyncBatchNorm works on GPUs only, and cannot be differentiated twice
    or by `torch.func`, which R1 needs.
    """

    def __init__(self, local: _BatchNorm, processes: ProcessGroup) -> None:
        super().__init__(local.num_features, local.eps, local.momentum)
        self.track_running_stats = local.track_running_stats
        self._parameters = local._parameters
        self._buffers = local._buffers
        self._processes = processes

    def _check_input_dim(self, inputs: Tensor) -> None:
        """Accepts every input that has channels."""

    def forward(self, inputs: Tensor) -> Tensor:
        if not self.training:
            return super().forward(inputs)
        wide = inputs.to(
            torch.promote_types(inputs.dtype, torch.float32)
        )  # as torch's own layer does
        reduced = [dimension for dimension in range(inputs.dim()) if dimension != 1]
        variance, mean = torch.var_mean(wide, reduced, correction=0)
        means, variances = _gather(torch.stack([mean, variance]), self._processes).unbind(1)
        mean = means.mean(0)
        variance = variances.mean(0) + (means - mean).square().mean(0)
        if self.track_running_stats:
            count = inputs.numel() // inputs.shape[1] * self._processes.world_size
            self._update_running_statistics(mean.detach(), variance.detach() * count / (count - 1))
        shape = [-1 if dimension == 1 else 1 for dimension in range(inputs.dim())]
        normalized = (wide - mean.view(shape)) * (variance + self.eps).rsqrt().view(shape)
        if self.weight is not None:
            normalized = normalized * self.weight.view(shape)
        if self.bias is not None:
            normalized = normalized + self.bias.view(shape)
        return normalized.to(inputs.dtype)

    def _update_running_statistics(self, mean: Tensor, variance: Tensor) -> None:
        assert self.num_batches_tracked is not None
        self.num_batches_tracked += 1
        momentum = self.momentum
        weight = 1 / float(self.num_batches_tracked) if momentum is None else momentum
        for running, batch in ((self.running_mean, mean), (self.running_var, variance)):
            assert running is not None
            running.lerp_(batch, weight)


def share_batch_statistics(nets: nn.Module, processes: ProcessGroup) -> None:
    """Replaces every BatchNorm in the networks; names in their state dicts stay the same."""
    for name, child in nets.named_children():
        if isinstance(child, nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d):
            setattr(nets, name, SharedBatchNorm(child, processes).train(child.training))
        else:
            share_batch_statistics(child, processes)


def _gather(local: Tensor, processes: ProcessGroup) -> Tensor:
    """Gathers (...) of each process to (processes, ...); differentiable any number of times."""
    index = torch.arange(processes.world_size, device=local.device).view(-1, *[1] * local.dim())
    return _sum((index == processes.rank).to(local.dtype) * local, processes)


def _sum(local: Tensor, processes: ProcessGroup) -> Tensor:
    summed: Tensor = _Sum.apply(local, processes)  # type: ignore[no-untyped-call]  # torch's own
    return summed


class _Sum(torch.autograd.Function):
    """The sum over the processes. Its gradient is summed too, as the losses of all ranks are."""

    @staticmethod
    def forward(local: Tensor, processes: ProcessGroup) -> Tensor:
        return processes.all_reduce_sum(local.clone())

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, ProcessGroup], output: Tensor) -> None:
        ctx.processes = inputs[1]

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return _sum(gradient.contiguous(), ctx.processes), None
