"""Samples answers from the network, batched, for evaluation."""

import torch
from tokenizers import Tokenizer

from network import Network
from tokenizer import CODE, END, PAD, USER

ANSWER_MAX = 160


class Model:
    """A checkpoint with its tokenizer, ready to answer."""

    def __init__(self, checkpoint, tokenizer):
        self.network = Network()
        self.network.load_state_dict(torch.load(checkpoint))
        self.network.eval()
        self.tokenizer = Tokenizer.from_file(tokenizer)

    def tokens(self, turns, prefix=""):
        """The chat's tokens. `turns` alternate request and answer, and end with
        a request; `prefix` is the given start of the answer."""
        tokens = []
        for i, text in enumerate(turns):
            ids = self.tokenizer.encode(text).ids
            tokens += ids + [END] if i % 2 else [USER] + ids + [CODE]
        return tokens + self.tokenizer.encode(prefix).ids

    def answer(self, chats, temperature=0.0, batch=64):
        """[(text, mean log-probability)] for (turns, prefix) pairs. The text
        begins with the prefix; the mean is over generated tokens, the end too."""
        rows = sorted(((self.tokens(*chat), i) for i, chat in enumerate(chats)), key=lambda row: len(row[0]))
        answers = [None] * len(chats)
        for start in range(0, len(rows), batch):
            part = rows[start : start + batch]
            for (_, i), (tokens, mean) in zip(part, self.generate([tokens for tokens, _ in part], temperature)):
                answers[i] = chats[i][1] + self.tokenizer.decode(tokens, skip_special_tokens=False), mean
        return answers

    @torch.inference_mode()
    def generate(self, prompts, temperature):
        """Left-padded batch with a cache; stops each row at its end token."""
        length = max(map(len, prompts))
        padding = torch.tensor([length - len(prompt) for prompt in prompts])
        tokens = torch.tensor([[PAD] * (length - len(prompt)) + prompt for prompt in prompts])
        hidden_keys = torch.arange(length)[None] < padding[:, None]
        caches = [[] for _ in self.network.blocks]
        positions = (torch.arange(length)[None] - padding[:, None]).clamp(min=0)
        mask = torch.zeros(len(prompts), 1, length, length)
        mask.masked_fill_(torch.ones(length, length, dtype=torch.bool).triu(1) | hidden_keys[:, None, None], -1e9)
        out, scores, done = [[] for _ in prompts], [0.0] * len(prompts), [False] * len(prompts)
        for step in range(ANSWER_MAX):
            state = self.network.hidden(tokens, positions, mask, caches)[:, -1]
            odds = torch.log_softmax(state @ self.network.embedding.weight.T, -1)
            chosen = odds.argmax(-1) if temperature == 0 else torch.multinomial((odds / temperature).softmax(-1), 1)[:, 0]
            for i, token in enumerate(chosen.tolist()):
                if not done[i]:
                    scores[i] += odds[i, token].item()
                    done[i] = token == END
                    out[i].append(token)
            if all(done):
                break
            hidden_keys = torch.cat((hidden_keys, torch.zeros(len(prompts), 1, dtype=torch.bool)), 1)
            tokens, positions = chosen[:, None], positions[:, -1:] + 1
            mask = torch.zeros(hidden_keys.shape).masked_fill_(hidden_keys, -1e9)[:, None, None]
        return [([token for token in row if token != END], score / len(row)) for row, score in zip(out, scores)]
