"""Trains the network on generated examples, on one CPU thread, seeded.

Matrices inside the blocks use Muon (orthogonalised momentum), everything else
AdamW. The run ends after `--steps`, or when the process has used `--cpu-seconds`
of processor time, whichever is first; the learning rate falls with the nearer
of the two. A checkpoint is written every minute.
"""

import argparse
import os
import random
import time

import torch
from tokenizers import Tokenizer

from generator.samples import training_sample
from network import Network
from tokenizer import CODE, END, PAD, USER

SEED = 11
BATCH_TOKENS = 4096
POOL = 768  # Examples that are sorted by length together, to waste little on padding.
CPU_SECONDS_MAX = 1800
MUON_RATE, ADAM_RATE = 0.02, 3e-3
HOLD = 0.25  # Part of the run at the full rate, before it falls linearly.


def encode(tokenizer, turns):
    """(tokens, weights): the chat and how much each token counts for the loss."""
    tokens, weights = [], []
    for turn in turns:
        ask = [USER] + tokenizer.encode(turn.ask).ids + [CODE]
        answer = tokenizer.encode(turn.answer)
        cut = len(turn.answer) + 1 if turn.learn_from is None else turn.learn_from
        tokens += ask + answer.ids + [END]
        weights += [0.0] * len(ask) + [turn.weight * (start >= cut) for start, _ in answer.offsets]
        weights.append(0.0 if turn.learn_from is None else turn.weight)
    return tokens, weights


def batches(tokenizer, rng, context):
    """Endless batches of about `BATCH_TOKENS` tokens of similar length."""
    while True:
        rows = [encode(tokenizer, training_sample(rng)) for _ in range(POOL)]
        rows = sorted((row for row in rows if len(row[0]) <= context), key=lambda row: len(row[0]))
        groups, group = [], []
        for row in rows:
            if group and len(row[0]) * (len(group) + 1) > BATCH_TOKENS:
                groups.append(group)
                group = []
            group.append(row)
        groups.append(group)
        rng.shuffle(groups)
        yield from (collate(group) for group in groups)


def collate(group):
    """(inputs, targets, weights), padded to the longest."""
    length = max(len(tokens) for tokens, _ in group) - 1
    inputs = torch.full((len(group), length), PAD)
    targets = torch.full((len(group), length), PAD)
    weights = torch.zeros(len(group), length)
    for i, (row, row_weights) in enumerate(group):
        inputs[i, : len(row) - 1] = torch.tensor(row[:-1])
        targets[i, : len(row) - 1] = torch.tensor(row[1:])
        weights[i, : len(row) - 1] = torch.tensor(row_weights[1:])
    return inputs, targets, weights


def orthogonalise(matrix):
    """Five Newton-Schulz steps towards the nearest orthogonal matrix."""
    a, b, c = 3.4445, -4.7750, 2.0315
    x = matrix.bfloat16()
    tall = x.shape[0] > x.shape[1]
    x = x.T if tall else x
    x = x / (x.norm() + 1e-7)
    for _ in range(5):
        gram = x @ x.T
        x = torch.addmm(x, torch.addmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return (x.T if tall else x).float()


class Muon(torch.optim.Optimizer):
    """Momentum whose update is orthogonalised, for matrices."""

    def __init__(self, params, lr, momentum=0.95, decay=0.01):
        super().__init__(params, {"lr": lr, "momentum": momentum, "decay": decay})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for weight in group["params"]:
                velocity = self.state[weight].setdefault("velocity", torch.zeros_like(weight))
                velocity.mul_(group["momentum"]).add_(weight.grad)
                update = orthogonalise(weight.grad + group["momentum"] * velocity)
                scale = max(1, weight.shape[0] / weight.shape[1]) ** 0.5
                weight.mul_(1 - group["lr"] * group["decay"]).add_(update, alpha=-group["lr"] * scale)


def optimizers(network):
    """Muon for the blocks' matrices, AdamW for embedding and norms."""
    matrices = [weight for weight in network.blocks.parameters() if weight.dim() > 1]
    others = [weight for name, weight in network.named_parameters() if weight.dim() == 1 or name.startswith("embedding")]
    return [Muon(matrices, MUON_RATE), torch.optim.AdamW(others, lr=ADAM_RATE, betas=(0.9, 0.95), weight_decay=0.01)]


def set_rate(optimizer, base, step, progress):
    """Warm up, hold, fall linearly to nothing."""
    factor = min(1, (step + 1) / 40) * max(0.005, min(1, (1 - progress) / (1 - HOLD)))
    for group in optimizer.param_groups:
        group["lr"] = base * factor


def compile_network(network, batch):
    """Fuse the element-wise work: 1.36 times the speed (measured). Needs a C++
    compiler; the time it takes is not counted as training."""
    network.hidden = torch.compile(network.hidden, dynamic=True)
    for rows in (len(batch[0]), max(2, len(batch[0]) // 2)):
        with torch.autocast("cpu", torch.bfloat16):
            network.loss(*(part[:rows] for part in batch)).backward()
    network.zero_grad()


def save(network, path):
    """Write the checkpoint so that a cut leaves the previous one whole."""
    torch.save(network.state_dict(), path + ".part")
    os.replace(path + ".part", path)


def run(options):
    """The training loop."""
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    rng = random.Random(SEED)
    network = Network()
    tokenizer = Tokenizer.from_file(options.tokenizer)
    pair = optimizers(network)
    if options.compile:
        compile_network(network, next(batches(tokenizer, random.Random(0), network.shape.context)))
    print("parameters", sum(weight.numel() for weight in network.parameters()), flush=True)
    begun = time.process_time()
    saved, tokens, examples, smooth = begun, 0, 0, None
    for step, (inputs, targets, weights) in enumerate(batches(tokenizer, rng, network.shape.context)):
        used = time.process_time() - begun
        progress = max(step / options.steps, used / options.cpu_seconds)
        if progress >= 1:
            break
        with torch.autocast("cpu", torch.bfloat16):
            loss = network.loss(inputs, targets, weights)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        for optimizer, base in zip(pair, (MUON_RATE, ADAM_RATE)):
            set_rate(optimizer, base, step, progress)
            optimizer.step()
            optimizer.zero_grad()
        tokens, examples = tokens + inputs.numel(), examples + len(inputs)
        smooth = loss.item() if smooth is None else 0.97 * smooth + 0.03 * loss.item()
        if step % 20 == 0:
            print(f"step {step} cpu {used:.0f} s examples {examples} tokens {tokens} loss {smooth:.4f}", flush=True)
        if time.process_time() - saved > 60:
            saved = time.process_time()
            save(network, options.out)
    save(network, options.out)
    print(f"done: steps {step} cpu {time.process_time() - begun:.0f} s examples {examples} tokens {tokens} loss {smooth:.4f}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tokenizer")
    parser.add_argument("out")
    parser.add_argument("--steps", type=int, default=100000)
    parser.add_argument("--cpu-seconds", type=float, default=1500)
    parser.add_argument("--compile", action=argparse.BooleanOptionalAction, default=True)
    options = parser.parse_args()
    options.cpu_seconds = min(options.cpu_seconds, CPU_SECONDS_MAX)
    run(options)


if __name__ == "__main__":
    main()
