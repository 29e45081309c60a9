"""The arithmetic of a training step, counted."""

from __future__ import annotations

import torch
from torch.utils.flop_counter import FlopCounterMode

from genrun.training.optimizers.closure import takes_closure
from genrun.training.step import TrainingStep


class FlopsUnknown(Exception):
    """Why the FLOPs of a step are not known."""


def count_step_flops(step: TrainingStep) -> int:
    """Floating-point operations of one training step, of all processes together.

    torch's counter knows matrix products, convolutions and attention, forward and backward, a
    multiplication with its addition as two; nothing else is counted: no elementwise operation,
    no normalization, no decomposition of a matrix, no operator of others without a formula of its
    own. All players' turns count with their penalties, and the products in an optimizer's update
    (Muon's are more than the gradient's); evaluation does not. It is that of the second step, as
    optimizers set themselves up in the first; what one does every so many steps (SOAP's
    eigenbases) is left out. Where an optimizer evaluates the loss as often as it finds it needs
    to, there is no such number.

    A copy takes the two steps, so the experiment is left as it was; its first step takes as long
    as ever. Several processes must count together. Raises `FlopsUnknown`.
    """
    for optimizer in step.optimizers.values():
        if takes_closure(type(optimizer)):
            raise FlopsUnknown(f"no two steps of {type(optimizer).__name__} evaluate alike")
    device = step.settings.device
    seeds = [device] if device.type == "cuda" else []
    try:
        with torch.random.fork_rng(devices=seeds):
            copied = step.uncompiled_copy()
            copied(1)
            with FlopCounterMode(display=False) as counter:
                copied(2)
    except Exception as error:  # training in earnest will say what is wrong with it
        first_line = (str(error) or type(error).__name__).splitlines()[0]
        raise FlopsUnknown(first_line) from error
    flops = int(counter.get_total_flops())
    if flops == 0:
        raise FlopsUnknown("it has no operation that torch's counter knows")
    share = step.settings.shard
    return flops * (1 if share is None else share.count)
