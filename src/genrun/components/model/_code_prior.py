"""The distribution of an image's codes, position after position."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from genrun.core import noise
from genrun.core.noise import Key

WIDTH_OF_A_HEAD = 32


class CodePrior(nn.Module):
    """A causal transformer: codes, int64 of (batch, positions), to logits of each one's entry.

    The logits (batch, positions, codes) of a position see the codes before it only. Layers are
    normalized first (Xiong et al., 2002.04745).
    """

    def __init__(self, positions: int, codes: int, width: int, layers: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(codes, width)
        self.start = nn.Parameter(0.02 * torch.randn(width))
        self.places = nn.Parameter(0.02 * torch.randn(positions, width))
        self.blocks = nn.Sequential(*(CausalBlock(width) for _ in range(layers)))
        self.head = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, codes))

    def forward(self, codes: Tensor) -> Tensor:
        before = self.embedding(codes[:, :-1])
        start = self.start.expand(len(codes), 1, -1)
        seen = torch.cat((start, before), dim=1) + self.places[: codes.shape[1]]
        logits: Tensor = self.head(self.blocks(seen))
        return logits

    def draw(self, count: int, key: Key) -> Tensor:
        """Codes (count, positions), each drawn given those before it."""
        positions, entries = len(self.places), self.embedding.num_embeddings
        codes = torch.zeros(count, 0, dtype=torch.int64, device=self.start.device)
        unknown = codes.new_zeros(count, 1)
        for position in range(positions):
            logits = self(torch.cat((codes, unknown), dim=1))[:, -1]
            drawn = noise.uniform(key.fold(position), (count, entries), like=logits)
            # the largest of logits with Gumbel noise is a draw of the softmax
            gumbel = -(-drawn.clamp_min(torch.finfo(drawn.dtype).tiny).log()).log()
            codes = torch.cat((codes, (logits + gumbel).argmax(-1, keepdim=True)), dim=1)
        return codes


class CausalBlock(nn.Module):
    """Attention to earlier positions, then two dense layers, each added to what came in."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.heads = 1 if width % WIDTH_OF_A_HEAD else width // WIDTH_OF_A_HEAD
        self.before_attention = nn.LayerNorm(width)
        self.projections = nn.Linear(width, 3 * width)
        self.joined = nn.Linear(width, width)
        wide = 4 * width
        self.dense = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, wide), nn.GELU(), nn.Linear(wide, width)
        )

    def forward(self, seen: Tensor) -> Tensor:
        seen = seen + self.joined(self._attend(self.before_attention(seen)))
        transformed: Tensor = seen + self.dense(seen)
        return transformed

    def _attend(self, seen: Tensor) -> Tensor:
        """(batch, positions, width), each position a mean of values up to itself."""
        queries, keys, values = (
            part.unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for part in self.projections(seen).chunk(3, dim=-1)
        )  # each (batch, heads, positions, width of a head)
        # written out, as the fused kernel has no rule under torch.vmap
        scores = queries @ keys.transpose(-1, -2) / queries.shape[-1] ** 0.5
        later = torch.ones(scores.shape[-2:], dtype=torch.bool, device=seen.device).triu(1)
        attended: Tensor = scores.masked_fill(later, -torch.inf).softmax(-1) @ values
        return attended.transpose(1, 2).flatten(2)
