"""Which update rule moves which parameter: first match wins, and none is left over."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd

LINEAR_MAPS = (nn.Linear, _ConvNd, nn.MultiheadAttention)
KINDS = ("first", "last", "embedding", "matrix", "any")


def kinds_of_parameters(networks: Mapping[str, nn.Module]) -> dict[Tensor, set[str]]:
    """What each parameter is, beside one of `any` kind.

    `embedding`: the table of an `nn.Embedding`. `matrix`: what a linear map multiplies its inputs
    by, a convolution's kernel too; scales, shifts and places that are laid out in two dimensions
    are none. `first` and `last`: of the matrices of a network in the order of its modules, where
    it has at least three: with fewer there would be nothing between them.
    """
    kinds: dict[Tensor, set[str]] = {}
    for network in networks.values():
        tables = {m.weight for m in network.modules() if isinstance(m, nn.Embedding)}
        maps = [m for m in network.modules() if isinstance(m, LINEAR_MAPS)]
        own = {p for m in maps for p in m.parameters(recurse=False) if p.ndim >= 2}
        matrices = [p for p in network.parameters() if p in own and p not in tables]
        for table in tables:
            kinds.setdefault(table, set()).add("embedding")
        for matrix in matrices:
            kinds.setdefault(matrix, set()).add("matrix")
        if len(matrices) > 2:
            kinds.setdefault(matrices[0], set()).add("first")
            kinds.setdefault(matrices[-1], set()).add("last")
    return kinds


def read_rules(rules: Sequence[str], allowed: Sequence[str]) -> list[tuple[str, str]]:
    """Pairs of a kind and an update rule from texts `KIND:RULE`. Raises `ValueError`."""
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


def partition(
    parameters: Iterable[nn.Parameter],
    rules: Sequence[tuple[str, str]],
    networks: Mapping[str, nn.Module],
) -> dict[str, list[nn.Parameter]]:
    """The parameters by the update rule of the first kind that they are of.

    Raises `ValueError` naming a parameter that is of no kind in `rules`.
    """
    kinds = kinds_of_parameters(networks)
    names = {p: f"{n}/{k}" for n, net in networks.items() for k, p in net.named_parameters()}
    parts: dict[str, list[nn.Parameter]] = {rule: [] for _, rule in rules}
    for parameter in parameters:
        own = kinds.get(parameter, set())
        rule = next((rule for kind, rule in rules if kind in own or kind == "any"), None)
        if rule is None:
            shape = "x".join(map(str, parameter.shape)) or "a number"
            raise ValueError(
                f"rules: none matches {names.get(parameter, 'a parameter')} ({shape}); a last "
                "rule any:RULE takes what is left"
            )
        parts[rule].append(parameter)
    return parts
