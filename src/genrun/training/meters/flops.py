"""Counting the floating-point operations of a training step."""

from __future__ import annotations

import torch
from torch.utils.flop_counter import FlopCounterMode

from genrun.training.optimizers.closure import takes_closure
from genrun.training.step import TrainingStep


class FlopsUnknown(Exception):
    """The FLOPs of a step cannot be counted; the message says why."""


def count_step_flops(step: TrainingStep) -> int:
    """Returns the floating-point operations of one training step, of all processes together.

    torch's counter covers matrix products, convolutions and attention, forward and backward, with
    a multiply-add as two operations; elementwise operations, normalization, decompositions of
    matrices and third-party operators without a formula are not counted. All players' turns count,
    with their penalties and the products in an optimizer's update (Muon's are more than the
    gradient's); evaluation does not. The second step is counted, as optimizers set themselves up
    in the first; what one does only every so many steps (SOAP's eigenbases) is left out.

    A copy takes the two steps, so the experiment is unchanged. Several processes must count
    together. Raises `FlopsUnknown` if a step fails, or if an optimizer evaluates the loss as often
    as it needs to.
    """
    for optimizer in step.optimizers.values():
        if takes_closure(type(optimizer)):
            raise FlopsUnknown(
                f"steps of {type(optimizer).__name__} evaluate the loss a varying number of times"
            )
    device = step.settings.device
    devices = [device] if device.type == "cuda" else []
    try:
        with torch.random.fork_rng(devices=devices):
            copied = step.uncompiled_copy()
            copied(1)
            with FlopCounterMode(display=False) as counter:
                copied(2)
    except Exception as error:  # the real training step will report it
        first_line = (str(error) or type(error).__name__).splitlines()[0]
        raise FlopsUnknown(first_line) from error
    flops = int(counter.get_total_flops())
    if flops == 0:
        raise FlopsUnknown("it has no operation that torch's counter knows")
    shard = step.settings.shard
    return flops * (1 if shard is None else shard.count)
