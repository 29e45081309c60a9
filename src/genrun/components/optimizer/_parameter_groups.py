"""Assignment of parameters to update rules: the first rule that matches applies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd

LINEAR_LAYERS = (nn.Linear, _ConvNd, nn.MultiheadAttention)
KINDS = ("first", "last", "embedding", "matrix", "any")


def classify_parameters(networks: Mapping[str, nn.Module]) -> dict[Tensor, set[str]]:
    """Returns the kinds of each parameter, in addition to `any`.

    `embedding` is the table of an `nn.Embedding`; `matrix` the weight of a linear layer or the
    kernel of a convolution, but no scale, shift or position embedding with two dimensions;
    `first` and `last` are the first and last matrix of a network in the order of its modules, if
    it has at least three.
    """
    kinds: dict[Tensor, set[str]] = {}
    for network in networks.values():
        tables = {m.weight for m in network.modules() if isinstance(m, nn.Embedding)}
        layers = [m for m in network.modules() if isinstance(m, LINEAR_LAYERS)]
        weights = {p for m in layers for p in m.parameters(recurse=False) if p.ndim >= 2}
        matrices = [p for p in network.parameters() if p in weights and p not in tables]
        for table in tables:
            kinds.setdefault(table, set()).add("embedding")
        for matrix in matrices:
            kinds.setdefault(matrix, set()).add("matrix")
        if len(matrices) > 2:
            kinds.setdefault(matrices[0], set()).add("first")
            kinds.setdefault(matrices[-1], set()).add("last")
    return kinds


def parse_rules(rules: Sequence[str], allowed: Sequence[str]) -> list[tuple[str, str]]:
    """Returns pairs of kind and update rule from texts `KIND:RULE`.

    Raises `ValueError` if a kind or rule is unknown.
    """
    pairs = []
    for text in rules:
        kind, _, rule = str(text).partition(":")
        if kind not in KINDS or rule not in allowed:
            raise ValueError(
                f"rules: {text} must be KIND:RULE, KIND one of {', '.join(KINDS)} and RULE "
                f"{' or '.join(allowed)}"
            )
        pairs.append((kind, rule))
    return pairs


def partition_parameters(
    parameters: Iterable[nn.Parameter],
    rules: Sequence[tuple[str, str]],
    networks: Mapping[str, nn.Module],
) -> dict[str, list[nn.Parameter]]:
    """Returns the parameters by the update rule of their first kind in `rules`.

    Raises `ValueError` if no rule matches a parameter.
    """
    kinds = classify_parameters(networks)
    names = {p: f"{n}/{k}" for n, net in networks.items() for k, p in net.named_parameters()}
    parts: dict[str, list[nn.Parameter]] = {rule: [] for _, rule in rules}
    for parameter in parameters:
        matching = kinds.get(parameter, set()) | {"any"}
        rule = next((rule for kind, rule in rules if kind in matching), None)
        if rule is None:
            shape = "x".join(map(str, parameter.shape)) or "a number"
            raise ValueError(
                f"rules: no rule matches {names.get(parameter, 'a parameter')} ({shape}); add "
                "any:RULE as the last one"
            )
        parts[rule].append(parameter)
    return parts
