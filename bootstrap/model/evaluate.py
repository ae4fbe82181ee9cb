"""Measures a checkpoint: held-out tasks, repairs, written tests, declining.

Usage: evaluate.py CHECKPOINT TOKENIZER [compositions|phrasings|repairs|tests|decline|all]
Answers run in child processes with few builtins, a time limit and a memory
limit. "pass@1" is the greedy answer; "pass@10" lets the task's tests choose
among the greedy answer and nine samples at temperature 1.1.
"""

import argparse
import builtins
import gzip
import json
import multiprocessing
import random
import resource
import signal
from pathlib import Path

import torch

from decoding import Model
from generator.samples import code_sample, mistake_repair, requirement_repair, signature_length, tests_case

HELDOUT = Path(__file__).parent / "heldout"
SAFE = (
    "abs all any bin bool chr dict divmod enumerate filter float frozenset int isinstance len list map max min ord pow print range "
    "repr reversed round set sorted str sum tuple zip ArithmeticError AssertionError Exception IndexError KeyError TypeError ValueError ZeroDivisionError"
).split()
SECONDS_MAX, MEMORY_MAX = 2, 2**31
SAMPLES, TEMPERATURE = 10, 1.1
ACCEPTED = 0.97
SEED = 20


def read(name):
    """One held-out set."""
    with gzip.open(HELDOUT / f"{name}.jsonl.gz", "rt") as file:
        return [json.loads(line) for line in file]


def passes(job):
    """Whether the code does what the test asks; runs in a child process."""
    source, test, entry_point = job
    scope = {"__builtins__": {name: getattr(builtins, name) for name in SAFE}}
    signal.setitimer(signal.ITIMER_REAL, SECONDS_MAX)
    try:
        exec(source, scope)
        exec(test, scope)
        if entry_point:
            scope["check"](scope[entry_point])
        return True
    except BaseException:  # Whatever the code does, it only means "failed".
        return False
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def expire(*_):
    """Ends code that runs too long."""
    raise TimeoutError


def limit_child():
    """Set up a child: no more memory than needed, an exception on time out."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_MAX, MEMORY_MAX))
    signal.signal(signal.SIGALRM, expire)


def judge(jobs):
    """Run all jobs in one replaceable child."""
    with multiprocessing.get_context("spawn").Pool(1, limit_child, maxtasksperchild=2000) as pool:
        return pool.map(passes, jobs, chunksize=50)


def split_prompt(prompt):
    """(instruction, signature line) of a prompt in HumanEval's shape."""
    signature, docstring = prompt.split("\n", 1)
    return docstring.strip().strip('"'), signature


def heldout(model, name):
    """pass@1 and pass@10 of a held-out set, signature given."""
    tasks = read(name)
    chats = [(lambda text, signature: ([text], signature))(*split_prompt(task["prompt"])) for task in tasks]
    rounds = [model.answer(chats)] + [model.answer(chats, TEMPERATURE) for _ in range(SAMPLES - 1)]
    jobs = [(answer[0], task["test"], task["entry_point"]) for answers in rounds for answer, task in zip(answers, tasks)]
    results = judge(jobs)
    columns = [results[i :: len(tasks)] for i in range(len(tasks))]
    greedy = sum(column[0] for column in columns) / len(tasks)
    best = sum(map(any, columns)) / len(tasks)
    print(f"{name}: pass@1 {greedy:.3f} pass@{SAMPLES} {best:.3f} (n={len(tasks)})", flush=True)
    return [(task, answer[0], column) for task, answer, column in zip(tasks, rounds[0], columns)]


def repairs(model, fresh=300):
    """Repair rates: the stored set, and fresh ones of each kind."""
    stored = read("repairs")
    chats = [([task["instruction"], task["bad"], task["failure"]], "") for task in stored]
    results = judge([(answer[0], task["tests"], task["entry_point"]) for answer, task in zip(model.answer(chats), stored)])
    print(f"repairs, stored: {sum(results) / len(results):.3f} (n={len(results)})", flush=True)
    rng = random.Random(SEED)
    for name, make in (("requirement", requirement_repair), ("mistake", mistake_repair)):
        made = [repair for repair in (make(rng) for _ in range(4 * fresh)) if repair][:fresh]
        for given in (False, True):
            chats = [([r.prompt.text, r.bad, r.failure], r.fixed[: signature_length(r.fixed)] if given else "") for r in made]
            answers = model.answer(chats)
            exact = sum(answer[0] == repair.fixed for answer, repair in zip(answers, made)) / len(made)
            how = "signature given" if given else "whole answer"
            print(f"repairs, {name}, fresh, {how}: exactly right {exact:.3f} (n={len(made)})", flush=True)


def written_tests(model, count=300):
    """How often a written assertion holds for the right code."""
    rng = random.Random(SEED + 1)
    cases = [tests_case(rng) for _ in range(count)]
    answers = [answer for answer, _ in model.answer([([ask], "") for ask, _, _ in cases])]
    sources = [source for _, _, source in cases]
    lines = [(source, line, "") for source, answer in zip(sources, answers) for line in answer.splitlines()]
    single = judge(lines)
    whole = judge([(source, answer, "") for source, answer in zip(sources, answers)])
    print(
        f"written tests: assertions right {sum(single) / len(single):.3f} (n={len(single)}), "
        f"all three right {sum(whole) / count:.3f} (n={count})",
        flush=True,
    )


def fresh_prompts(count):
    """Fresh prompts of the training distribution, as chats."""
    rng = random.Random(SEED + 2)
    chats = []
    for _ in range(count):
        turn = code_sample(rng)[0]
        chats.append(([turn.ask], turn.answer[: turn.learn_from]))
    return chats


def decline(model):
    """Choose the threshold so that every in-language set is accepted at the
    wanted rate; report what each set, and foreign requests, get."""
    sets = {"fresh": fresh_prompts(400)}
    for name in ("compositions", "phrasings"):
        sets[name] = [([text], signature) for text, signature in (split_prompt(task["prompt"]) for task in read(name))]
    means = {name: [mean for _, mean in model.answer(chats)] for name, chats in sets.items()}
    threshold = min(sorted(values)[int(len(values) * (1 - ACCEPTED))] for values in means.values())
    foreign = json.loads((HELDOUT / "foreign.json").read_text())
    sets = {
        "foreign": [([text], "") for text in foreign],
        "foreign, signature given": [([text], "def solve(data):") for text in foreign],
        "foreign, function named": [([f"Write a function solve(data): {text}"], "") for text in foreign],
    }
    means.update({name: [mean for _, mean in model.answer(chats)] for name, chats in sets.items()})
    print(f"decline_below {threshold:.5f}")
    for name, values in means.items():
        print(f"declined, {name}: {sum(value < threshold for value in values) / len(values):.3f} (n={len(values)})", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint")
    parser.add_argument("tokenizer")
    parser.add_argument("what", nargs="?", default="all")
    parser.add_argument("--show", type=int, default=0, help="print that many failures of each held-out set")
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    model = Model(options.checkpoint, options.tokenizer)
    for name in ("compositions", "phrasings"):
        if options.what in (name, "all"):
            failed = [row for row in heldout(model, name) if not row[2][0]]
            for task, answer, _ in failed[: options.show]:
                print(task["prompt"], answer, "WANTED\n" + task["canonical_solution"])
    for name, part in (("repairs", repairs), ("tests", written_tests), ("decline", decline)):
        if options.what in (name, "all"):
            part(model)


if __name__ == "__main__":
    main()
