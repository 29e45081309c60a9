"""An autoregressive prior over an image's codes: a causal transformer (Vaswani, 1706.03762)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from genrun.core import noise
from genrun.core.noise import Key

HEAD_WIDTH = 32


class CodePrior(nn.Module):
    """A causal transformer from codes to the logits of each position's code.

    Takes int64 codes (batch, positions) and returns logits (batch, positions, codes), which depend
    on the codes of earlier positions only. Layer normalization precedes each sublayer (Xiong et
    al., 2002.04745).
    """

    def __init__(self, positions: int, codes: int, width: int, layers: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(codes, width)
        self.start = nn.Parameter(0.02 * torch.randn(width))
        self.places = nn.Parameter(0.02 * torch.randn(positions, width))
        self.blocks = nn.Sequential(*(CausalBlock(width) for _ in range(layers)))
        self.head = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, codes))

    def forward(self, codes: Tensor) -> Tensor:
        previous = self.embedding(codes[:, :-1])
        start = self.start.expand(len(codes), 1, -1)
        inputs = torch.cat((start, previous), dim=1) + self.places[: codes.shape[1]]
        logits: Tensor = self.head(self.blocks(inputs))
        return logits

    def sample(self, count: int, key: Key) -> Tensor:
        """Returns int64 codes (count, positions), each drawn given those before it."""
        positions, entries = len(self.places), self.embedding.num_embeddings
        codes = torch.zeros(count, 0, dtype=torch.int64, device=self.start.device)
        placeholder = codes.new_zeros(count, 1)
        for position in range(positions):
            logits = self(torch.cat((codes, placeholder), dim=1))[:, -1]
            drawn = noise.uniform(key.fold(position), (count, entries), like=logits)
            # the argmax of logits plus Gumbel noise is a draw from their softmax
            gumbel = -(-drawn.clamp_min(torch.finfo(drawn.dtype).tiny).log()).log()
            codes = torch.cat((codes, (logits + gumbel).argmax(-1, keepdim=True)), dim=1)
        return codes


class CausalBlock(nn.Module):
    """Causal self-attention and two dense layers, each with a residual connection.

    From and to (batch, positions, width).
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.heads = 1 if width % HEAD_WIDTH else width // HEAD_WIDTH
        self.before_attention = nn.LayerNorm(width)
        self.projections = nn.Linear(width, 3 * width)
        self.joined = nn.Linear(width, width)
        wide = 4 * width
        self.dense = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, wide), nn.GELU(), nn.Linear(wide, width)
        )

    def forward(self, inputs: Tensor) -> Tensor:
        attended = inputs + self.joined(self._attend(self.before_attention(inputs)))
        outputs: Tensor = attended + self.dense(attended)
        return outputs

    def _attend(self, inputs: Tensor) -> Tensor:
        """Returns weighted means of values up to each position, (batch, positions, width)."""
        queries, keys, values = (
            part.unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for part in self.projections(inputs).chunk(3, dim=-1)
        )  # each (batch, heads, positions, head width)
        # torch's fused attention has no batching rule for torch.vmap
        scores = queries @ keys.transpose(-1, -2) / queries.shape[-1] ** 0.5
        later = torch.ones(scores.shape[-2:], dtype=torch.bool, device=inputs.device).triu(1)
        attended: Tensor = scores.masked_fill(later, -torch.inf).softmax(-1) @ values
        return attended.transpose(1, 2).flatten(2)
