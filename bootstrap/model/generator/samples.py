"""Training examples: code, repairs and tests, as lists of chat turns."""

from dataclasses import dataclass

from . import list_families, number_families, pipelines, text_families
from .family import function_source
from .mutation import mutate
from .outside import outside_sample
from .phrasing import DOCSTRING, NAMED, prompt_for
from .values import RAISED, arguments, call_text, load, outcome

SIMPLE = text_families.FAMILIES + number_families.FAMILIES + list_families.FAMILIES
OPEN = [task for task in SIMPLE if task.has_requirements]
TESTS_PREFIX = "Write tests: "
TESTS_WEIGHT, OUTSIDE_WEIGHT = 0.3, 0.3
REPR_MAX = 48  # Longer values make failure lines the context cannot afford.


@dataclass(frozen=True)
class Turn:
    """One request and its answer; `learn_from` is where the loss begins in the
    answer (past a signature that is given), or None for an answer not learnt.
    `weight` scales the loss where much of the answer cannot be predicted."""

    ask: str
    answer: str
    learn_from: int | None = 0
    weight: float = 1.0


@dataclass(frozen=True)
class Repair:
    """A failed attempt, the failing test in words, and the fix."""

    prompt: object
    task: object
    bad: str
    failure: str
    fixed: str


def pick_task(rng):
    """A simple family or a training pipeline."""
    if rng.random() < 0.36:
        return pipelines.pipeline_family(rng, rng.choice(pipelines.TRAINING))
    return rng.choice(SIMPLE)


def signature_length(source):
    """Where the body begins: past the `def` line."""
    return source.index(":\n") + 1


def code_sample(rng):
    """An instruction and its code; sometimes the clause of another variant."""
    task = pick_task(rng)
    variant = task.variants[0]
    asked = [variant for variant in task.variants if variant.clause]
    if asked and rng.random() < 0.3:
        variant = rng.choice(asked)
    prompt = prompt_for(rng, task, variant.clause)
    source = function_source(prompt.name, prompt.params, variant.body)
    return [Turn(prompt.text, source, signature_length(source) if prompt.shape == DOCSTRING else 0)]


def distinguishing(rng, task, name, right, others, tries=40):
    """An input on which `right` differs from every one of `others`, if found."""
    for _ in range(tries):
        values = arguments(rng, task)
        kind, wanted = outcome(right, values)
        text = call_text(name, values)
        if kind == RAISED or len(wanted) > REPR_MAX or len(text) > 2 * REPR_MAX:
            continue
        results = [outcome(other, values) for other in others]
        if all(result != (kind, wanted) for result in results) and len(results[0][1]) <= REPR_MAX:
            return text, results[0], wanted
    return None


def failure_line(call, got, wanted):
    """The failing test in the daemon's words."""
    return f"{call} {got[0]} {got[1]}, expected {wanted}"


def requirement_repair(rng, task=None):
    """The instruction left something open; the failing test settles it."""
    if task is None:
        task = rng.choice(OPEN) if rng.random() < 0.75 else open_pipeline(rng)
    prompt = prompt_for(rng, task)
    bodies = [variant.body for variant in task.variants]
    wanted = rng.choice(bodies[1:]) if rng.random() < 0.85 else bodies[0]
    first = rng.choice(task.wrong) if task.wrong and rng.random() < 0.2 else bodies[0]
    if first == wanted:
        first = rng.choice([body for body in bodies + list(task.wrong) if body != wanted])
    others = [first] + [body for body in bodies if body not in (first, wanted)]
    return repair_from(rng, task, prompt, first, wanted, others)


def open_pipeline(rng):
    """A pipeline whose answer for nothing left is open."""
    while True:
        task = pipelines.pipeline_family(rng, rng.choice(pipelines.TRAINING))
        if task.has_requirements:
            return task


def mistake_repair(rng):
    """The first attempt is wrong: a small slip, or an answer to another task."""
    task = pick_task(rng)
    prompt = prompt_for(rng, task)
    right = task.variants[0].body
    if rng.random() < 0.75:
        bad = mutate(rng, right) if "while" not in right else None
    else:
        other = pick_task(rng)
        bad = other.variants[0].body if other.kinds == task.kinds and "while" not in other.variants[0].body else None
    if bad is None or bad == right or set(prompt.params) & set(bad.replace("(", " ").split()):
        return None
    return repair_from(rng, task, prompt, bad, right, [bad])


def repair_from(rng, task, prompt, bad, right, others):
    """Run both, find the failing test and put the words together."""
    sources = [function_source(prompt.name, prompt.params, body) for body in [right] + others]
    try:
        functions = [load(source, prompt.name) for source in sources]
    except SyntaxError:
        return None
    found = distinguishing(rng, task, prompt.name, functions[0], functions[1:])
    if found is None:
        return None
    return Repair(prompt, task, function_source(prompt.name, prompt.params, bad), failure_line(*found), sources[0])


def repair_sample(rng):
    """Two turns. The fix is learnt, and so is a first attempt that is what the
    instruction by itself asks for."""
    while True:
        repair = requirement_repair(rng) if rng.random() < 0.6 else mistake_repair(rng)
        if repair is not None:
            cut = 0 if rng.random() < 0.5 else signature_length(repair.fixed)
            usual = function_source(repair.prompt.name, repair.prompt.params, repair.task.variants[0].body)
            first = None if repair.bad != usual else signature_length(repair.bad) if repair.prompt.shape == DOCSTRING else 0
            return [Turn(repair.prompt.text, repair.bad, first), Turn(repair.failure, repair.fixed, cut)]


def tests_case(rng):
    """(instruction, three assertions with small inputs, the right code)."""
    while True:
        task = pick_task(rng)
        prompt = prompt_for(rng, task, shape=NAMED)
        source = function_source(prompt.name, prompt.params, task.variants[0].body)
        function = load(source, prompt.name)
        lines = []
        for _ in range(12):
            values = arguments(rng, task, small=True)
            kind, value = outcome(function, values)
            line = f"assert {call_text(prompt.name, values)} == {value}\n"
            if kind != RAISED and len(line) < 72 and line not in lines and "." not in value:
                lines.append(line)
        if len(lines) >= 3:
            return TESTS_PREFIX + prompt.text, "".join(lines[:3]), source


def training_sample(rng):
    """One example of the mixture."""
    roll = rng.random()
    if roll < 0.68:
        return code_sample(rng)
    if roll < 0.92:
        return repair_sample(rng)
    if roll < 0.965:
        return [Turn(*tests_case(rng)[:2], weight=TESTS_WEIGHT)]
    return [Turn(*outside_sample(rng), weight=OUTSIDE_WEIGHT)]
