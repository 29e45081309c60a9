"""Private interfaces of torch: no other file names `torch._C` or `torch._library`.

What genrun needs of them, and what to do when an upgrade of torch moves one, which
tests/core/test_torch_internals.py notices:

- `torch._C._functorch.peek_interpreter_stack` returns the innermost `torch.func` transform that is
  being traced (`vmap`, `grad`, ...), or None, in 0.1 µs. There is no public equivalent. Look for
  its successor in `torch/_functorch/pyfunctorch.py`, which calls it. Without one, let
  `is_transformed` return True: noise stays the same, and a draw takes about twice the time.
- `torch._library.custom_ops.CustomOpDef`, the class of what `torch.library.custom_op` returns, is
  used in annotations only. Look for its successor in the source of `torch/library.py`, or use
  `Any`.
"""

from __future__ import annotations

import torch
from torch._library.custom_ops import CustomOpDef as CustomOpDef

_peek_transform = torch._C._functorch.peek_interpreter_stack


def is_transformed() -> bool:
    """Whether `torch.compile` or a `torch.func` transform traces the running code.

    Both need custom operators; elsewhere the plain functions do the same in half the time.
    """
    in_transform = _peek_transform() is not None
    return torch.compiler.is_compiling() or in_transform
