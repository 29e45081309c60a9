"""Which update rule moves which parameter: first match wins, and none is left over."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from torch import Tensor, nn

KINDS = ("first", "last", "embedding", "matrix", "any")


def kinds_of_parameters(networks: Mapping[str, nn.Module]) -> dict[Tensor, set[str]]:
    """What each parameter is beside its shape.

    `embedding`: the table of an `nn.Embedding`. `first` and `last`: of the matrices (two or more
    dimensions) of a network in the order of its modules, where it has at least three: with fewer
    there would be nothing between them.
    """
    kinds: dict[Tensor, set[str]] = {}
    for network in networks.values():
        tables = {m.weight for m in network.modules() if isinstance(m, nn.Embedding)}
        matrices = [p for p in network.parameters() if p.ndim >= 2 and p not in tables]
        for table in tables:
            kinds.setdefault(table, set()).add("embedding")
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
        own = kinds.get(parameter, set()) | ({"matrix"} if parameter.ndim >= 2 else set())
        rule = next((rule for kind, rule in rules if kind in own or kind == "any"), None)
        if rule is None:
            shape = "x".join(map(str, parameter.shape)) or "a number"
            raise ValueError(
                f"rules: none matches {names.get(parameter, 'a parameter')} ({shape}); a last "
                "rule any:RULE takes what is left"
            )
        parts[rule].append(parameter)
    return parts
