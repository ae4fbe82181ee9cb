"""Writes the held-out sets in HumanEval's format, seeded.

`compositions`: filter/map/reduce triples that training never sees, in the
generator's words. `phrasings`: the hand-written sentences of
`heldout/phrasings.json`, which generator and trainer never read. `repairs`:
failed attempts with the failing test.
"""

import ast
import gzip
import json
import random
from pathlib import Path

from generator import pipelines
from generator.family import fill, function_source
from generator.mutation import mutate
from generator.phrasing import DOCSTRING, parameter_names, prompt_for
from generator.samples import SIMPLE, mistake_repair, requirement_repair
from generator.values import RAISED, arguments, load, outcome

HELDOUT = Path(__file__).parent / "heldout"
TASKS, REPAIRS, CHECKS = 300, 200, 8
PIPELINE_SHARE = 75  # Of the 300 phrasing tasks; the families' sentences fill the rest.
SEED = 999


def checks(rng, task, name, source, wanted=CHECKS):
    """(arguments, result) pairs, varied, that tell off most small mistakes."""
    right = load(source, name)
    rivals = rival_functions(rng, task, name, source)
    found, seen, caught = [], set(), set()
    for attempt in range(400):
        values = arguments(rng, task)
        kind, value = outcome(right, values)
        text = ", ".join(map(repr, values))
        if kind == RAISED or text in seen or len(text) + len(value) > 160:
            continue
        new = {i for i, rival in enumerate(rivals) if i not in caught and outcome(rival, values) != (kind, value)}
        repeated = sum(value == other for _, other in found) > len(found) // 2 if len(found) > 1 else False
        if new or (attempt > 150 and not repeated) or attempt > 330:
            seen.add(text)
            caught |= new
            found.append((text, value))
        if len(found) == wanted:
            break
    return found


def rival_functions(rng, task, name, source):
    """Wrong functions the checks should catch: slips and other families."""
    if "while" in source:
        bodies = []
    else:
        bodies = {mutate(rng, source) for _ in range(30)}
    bodies = [body for body in bodies if body]
    params = source[source.index("(") + 1 : source.index(")")].split(", ")
    for other in rng.sample(SIMPLE, 60):
        if other.kinds == task.kinds and other.key != task.key and "while" not in other.variants[0].body:
            bodies.append(function_source(name, params, other.variants[0].body))
    functions = []
    for body in bodies:
        try:
            functions.append(load(body, name))
        except (SyntaxError, KeyError):
            continue
    return functions


def humaneval(rng, task_id, task, instruction, name, params):
    """One task in HumanEval's format."""
    source = function_source(name, params, task.variants[0].body)
    head, body = source.split("\n", 1)
    lines = [f"    assert candidate({text}) == {value}" for text, value in checks(rng, task, name, source)]
    return {
        "task_id": task_id,
        "prompt": f'{head}\n    """{instruction}"""\n',
        "canonical_solution": body,
        "test": "def check(candidate):\n" + "\n".join(lines) + "\n",
        "entry_point": name,
    }


def compositions(rng):
    """Held-out triples, asked as docstrings."""
    tasks, seen = [], set()
    while len(tasks) < TASKS:
        triple = pipelines.HELD_OUT[len(tasks) % len(pipelines.HELD_OUT)]
        task = pipelines.pipeline_family(rng, triple)
        prompt = prompt_for(rng, task, shape=DOCSTRING)
        if prompt.text not in seen:
            seen.add(prompt.text)
            tasks.append(humaneval(rng, f"compositions/{len(tasks)}", task, prompt.text, prompt.name, prompt.params))
    return tasks


def family_tasks(rng, phrases):
    """(task, sentence) for every hand-written family sentence."""
    by_key = {task.key: task for task in SIMPLE}
    return [(by_key[key], sentence) for key, sentences in phrases.items() for sentence in sentences]


def pipeline_tasks(rng, spec):
    """(task, sentence) for hand-written pipeline frames around training triples."""
    made = []
    for i in range(PIPELINE_SHARE):
        while True:
            filter_, map_, reduce_ = rng.choice(pipelines.TRAINING)
            if filter_.key != "none" and map_.key != "none":
                break
        constants = {"N": str(rng.randint(2, 12)), "M": str(rng.randint(2, 12))}
        body = settle(pipelines.body(filter_, map_, reduce_), constants)
        sentence = spec["frames"][i % len(spec["frames"])]
        sentence = sentence.replace("%F", settle(spec["filters"][filter_.key], constants))
        action = settle(spec["maps"][map_.key], constants)
        sentence = sentence.replace("%M", action).replace("%R", spec["reduces"][reduce_.key])
        sentence = ". ".join(part[0].upper() + part[1:] if part and not part.startswith("$") else part for part in sentence.split(". "))
        made.append((pipelines.family("pipeline", "l", body, "solve process task answer"), sentence))
    return made


def settle(text, constants):
    """Put the constants in the place of N and M."""
    return "".join(constants.get(char, char) if pipelines.is_constant(text, i) else char for i, char in enumerate(text))


def phrasings(rng):
    """The hand-written sentences with fresh names."""
    spec = json.loads((HELDOUT / "phrasings.json").read_text())
    pairs = family_tasks(rng, spec["families"]) + pipeline_tasks(rng, spec["pipelines"])
    tasks = []
    for i, (task, sentence) in enumerate(pairs[:TASKS]):
        params = parameter_names(rng, task)
        name = rng.choice(["solve", "answer", "task", "result_of", "compute", "work"])
        tasks.append(humaneval(rng, f"phrasings/{i}", task, fill(sentence, params), name, params))
    return tasks


def repairs(rng):
    """Requirement repairs and mistakes, half and half, with all the tests."""
    rows = []
    while len(rows) < REPAIRS:
        repair = (requirement_repair if len(rows) % 2 == 0 else mistake_repair)(rng)
        if repair is None or equal_results(repair.failure):
            continue
        name = repair.prompt.name
        lines = [f"    assert candidate({text}) == {value}" for text, value in checks(rng, repair.task, name, repair.fixed)]
        lines.append(failing_assert(repair))
        rows.append(
            {
                "instruction": repair.prompt.text,
                "bad": repair.bad,
                "failure": repair.failure,
                "tests": "def check(candidate):\n" + "\n".join(lines) + "\n",
                "entry_point": name,
            }
        )
    return rows


def equal_results(failure):
    """Whether the two results differ in type only, which `==` does not see."""
    got = failure.rsplit(", expected ", 1)
    if " returned " not in got[0]:
        return False
    return ast.literal_eval(got[0].rsplit(" returned ", 1)[1]) == ast.literal_eval(got[1])


def failing_assert(repair):
    """The failing test of a repair, as an assertion."""
    call, wanted = repair.failure.rsplit(", expected ", 1)
    for word in (" returned ", " raised "):
        if word in call:
            call = call[: call.rindex(word)]
            break
    ast.parse(call)
    return f"    assert candidate{call[len(repair.prompt.name):]} == {wanted}"


def write(name, rows):
    """One JSON object per line, compressed without a time stamp."""
    text = "".join(json.dumps(row) + "\n" for row in rows)
    with open(HELDOUT / f"{name}.jsonl.gz", "wb") as raw, gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as file:
        file.write(text.encode())
    print(name, len(rows))


def main():
    for name, make in (("compositions", compositions), ("phrasings", phrasings), ("repairs", repairs)):
        write(name, make(random.Random(SEED)))


if __name__ == "__main__":
    main()
