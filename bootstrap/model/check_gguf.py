"""Loads the exported file in llama.cpp and compares it with the network.

For held-out tasks and repairs it generates greedily with both and reports how
often tokens of the prompt and whole answers agree, and the pass rate of the
file itself. Uses the PyPI build of llama.cpp's server, in process.
"""

import argparse
import json

import torch
import xllamacpp

from decoding import ANSWER_MAX, Model
from evaluate import judge, read, split_prompt


def serve(path):
    """A llama.cpp server in this process, on one thread."""
    params = xllamacpp.CommonParams()
    params.model.path = path
    params.n_ctx, params.n_parallel, params.n_gpu_layers = 768, 1, 0
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    params.warmup = False
    return xllamacpp.Server(params)


def complete(server, prompt, temperature=0.0):
    """The greedy completion and the number of prompt tokens."""
    reply = server.handle_completions({"prompt": prompt, "max_tokens": ANSWER_MAX, "temperature": temperature, "n_probs": 0})
    reply = json.loads(reply) if isinstance(reply, str) else reply
    return reply["choices"][0]["text"], reply["usage"]["prompt_tokens"]


def chat_text(turns, prefix):
    """The chat with its special tokens written out."""
    parts = [text + "<|end|>" if i % 2 else f"<|user|>{text}<|code|>" for i, text in enumerate(turns)]
    return "".join(parts) + prefix


def cases(count):
    """(turns, prefix, test, entry point) from the three held-out sets."""
    rows = []
    for name in ("compositions", "phrasings"):
        for task in read(name)[:: 300 // count]:
            text, signature = split_prompt(task["prompt"])
            rows.append(([text], signature, task["test"], task["entry_point"]))
    for task in read("repairs")[:: 200 // count]:
        rows.append(([task["instruction"], task["bad"], task["failure"]], "", task["tests"], task["entry_point"]))
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("gguf")
    parser.add_argument("checkpoint")
    parser.add_argument("tokenizer")
    parser.add_argument("--count", type=int, default=50)
    options = parser.parse_args()
    torch.set_num_threads(1)
    server, model = serve(options.gguf), Model(options.checkpoint, options.tokenizer)
    rows = cases(options.count)
    wanted = [answer for answer, _ in model.answer([(turns, prefix) for turns, prefix, _, _ in rows])]
    same_answers = same_tokens = 0
    jobs = []
    for (turns, prefix, test, entry_point), expected in zip(rows, wanted):
        text, size = complete(server, chat_text(turns, prefix))
        same_answers += prefix + text == expected
        same_tokens += size == len(model.tokens(turns, prefix))
        jobs.append((prefix + text, test, entry_point))
    passed = judge(jobs)
    print(f"n={len(rows)}: prompt token counts equal {same_tokens}, answers equal {same_answers}, pass {sum(passed) / len(passed):.3f}")


if __name__ == "__main__":
    main()
