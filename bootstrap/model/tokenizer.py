"""Trains the tokenizer: byte-level BPE that llama.cpp reads as `qwen2`.

Merges are learnt with newlines split off from punctuation, so that `):` and the
newline after it are separate tokens: a signature given as the start of an answer
then has the same tokens whether or not its newline is given too.
"""

import argparse
import random

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from generator.samples import training_sample

SPECIALS = ["<|pad|>", "<|user|>", "<|code|>", "<|end|>"]
PAD, USER, CODE, END = range(4)
VOCABULARY = 1024
SEED = 7
QWEN2 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
APART = QWEN2.replace(r"[^\s\p{L}\p{N}]+[\r\n]*", r"[^\s\p{L}\p{N}]+")


def splitter(pattern):
    """Split by the pattern, then map bytes to printable characters."""
    return pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(pattern), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )


def train(examples):
    """A tokenizer learnt from that many training examples."""
    rng = random.Random(SEED)
    texts = []
    for _ in range(examples):
        for turn in training_sample(rng):
            texts += [turn.ask, turn.answer]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = splitter(APART)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(
        texts,
        trainers.BpeTrainer(
            vocab_size=VOCABULARY, special_tokens=SPECIALS, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
        ),
    )
    tokenizer.pre_tokenizer = splitter(QWEN2)
    return tokenizer


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out")
    parser.add_argument("--examples", type=int, default=20000)
    options = parser.parse_args()
    tokenizer = train(options.examples)
    tokenizer.save(options.out)
    print("vocabulary", tokenizer.get_vocab_size())


if __name__ == "__main__":
    main()
