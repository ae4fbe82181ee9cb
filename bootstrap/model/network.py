"""The network: a llama of 3.2 million parameters, with tied embeddings.

Rotary positions are interleaved, as llama.cpp's `llama` architecture expects,
so that the export needs no permutation.
"""

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional


@dataclass(frozen=True)
class Shape:
    vocabulary: int = 1024
    width: int = 224
    layers: int = 5
    heads: int = 7
    hidden: int = 576
    context: int = 768
    rope_base: float = 10000.0
    epsilon: float = 1e-5


class Block(nn.Module):
    def __init__(self, shape):
        super().__init__()
        self.heads = shape.heads
        self.attention_norm = nn.RMSNorm(shape.width, eps=shape.epsilon)
        self.feed_norm = nn.RMSNorm(shape.width, eps=shape.epsilon)
        self.query, self.key, self.value, self.output = (nn.Linear(shape.width, shape.width, bias=False) for _ in range(4))
        self.gate, self.up = (nn.Linear(shape.width, shape.hidden, bias=False) for _ in range(2))
        self.down = nn.Linear(shape.hidden, shape.width, bias=False)

    def forward(self, x, rope, mask=None, cache=None):
        """`mask` is None for plain causal attention; `cache` is a list holding
        the keys and values so far, which is extended in place."""
        batch, length, width = x.shape
        normed = self.attention_norm(x)
        split = lambda t: t.view(batch, length, self.heads, -1).transpose(1, 2)  # noqa: E731
        query, key, value = rotate(split(self.query(normed)), rope), rotate(split(self.key(normed)), rope), split(self.value(normed))
        if cache is not None:
            if cache:
                key, value = torch.cat((cache[0], key), 2), torch.cat((cache[1], value), 2)
            cache[:] = [key, value]
        mixed = attend(query, key, value, mask)
        x = x + self.output(mixed.transpose(1, 2).reshape(batch, length, width))
        normed = self.feed_norm(x)
        return x + self.down(functional.silu(self.gate(normed)) * self.up(normed))


def attend(query, key, value, mask):
    """Plain attention. For such short chats its backward pass is three times
    as fast on a CPU as the fused kernel's (measured)."""
    scores = query @ key.transpose(-1, -2) * query.shape[-1] ** -0.5
    if mask is None:
        length = query.shape[2]
        mask = torch.full((length, length), float("-inf"), dtype=scores.dtype).triu(1)
    return functional.softmax(scores + mask, -1, dtype=scores.dtype) @ value


def rotate(t, rope):
    """Turn neighbouring pairs by the angles of their positions."""
    cos, sin = (part.to(t.dtype) for part in rope)
    even, odd = t[..., 0::2], t[..., 1::2]
    return torch.stack((even * cos - odd * sin, even * sin + odd * cos), -1).flatten(-2)


class Network(nn.Module):
    def __init__(self, shape=Shape()):
        super().__init__()
        self.shape = shape
        self.embedding = nn.Embedding(shape.vocabulary, shape.width)
        self.blocks = nn.ModuleList(Block(shape) for _ in range(shape.layers))
        self.norm = nn.RMSNorm(shape.width, eps=shape.epsilon)
        self.initialise()
        size = shape.width // shape.heads
        rates = shape.rope_base ** (-torch.arange(0, size, 2) / size)
        angles = torch.outer(torch.arange(shape.context), rates)
        self.register_buffer("cos", angles.cos(), persistent=False)
        self.register_buffer("sin", angles.sin(), persistent=False)

    def initialise(self):
        """Small normal weights; residual outputs smaller with depth."""
        for name, weight in self.named_parameters():
            if weight.dim() > 1:
                residual = name.endswith(("output.weight", "down.weight"))
                nn.init.normal_(weight, std=0.02 / ((2 * self.shape.layers) ** 0.5 if residual else 1))

    def hidden(self, tokens, positions=None, mask=None, caches=None):
        """Final hidden states; `positions` default to 0, 1, 2, ..."""
        if positions is None:
            rope = self.cos[: tokens.shape[1]], self.sin[: tokens.shape[1]]
        else:
            rope = self.cos[positions][:, None], self.sin[positions][:, None]
        x = self.embedding(tokens)
        for i, block in enumerate(self.blocks):
            x = block(x, rope, mask, None if caches is None else caches[i])
        return self.norm(x)

    def loss(self, tokens, targets, weights):
        """Mean cross entropy, weighted; targets of weight 0 cost nothing."""
        learnt = weights > 0
        logits = self.hidden(tokens)[learnt] @ self.embedding.weight.T
        losses = functional.cross_entropy(logits.float(), targets[learnt], reduction="none")
        return (losses * weights[learnt]).sum() / weights.sum()
