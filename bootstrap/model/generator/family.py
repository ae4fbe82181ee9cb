"""What one family of programming tasks is.

A family is a small function together with many ways to ask for it. Text and
code refer to the parameters as `$0`, `$1`, ... Text may hold alternatives,
`[sum|total|]`, also nested. A family decides nothing: `phrasing` turns it into
sentences, `values` into inputs, `samples` into training examples.
"""

import re
import textwrap
from dataclasses import dataclass, field, replace

# Usual parameter names for each kind of value, by position.
PARAM_NAMES = {
    "s": ("s text word string line phrase txt name sentence msg", "t other second suffix"),
    "c": ("c ch char letter sub part", "c ch char letter sub part"),
    "n": ("n k num number x value m limit", "n k m num count times size"),
    "z": ("n k num number x value", "m k y other"),
    "i": ("a x first p m left", "b y second q n right"),
    "l": ("nums numbers values xs items arr data seq lst elements", "ys other second b others"),
    "L": ("words names strings tokens items texts", "words"),
    "d": ("d mapping table prices scores counts_by_name", "d"),
}

IDENTIFIER = re.compile(r"[A-Za-z_]\w*")


@dataclass(frozen=True)
class Variant:
    """One reading of an instruction: the body, and the clause that asks for it."""

    body: str
    clause: str = ""


@dataclass(frozen=True)
class Family:
    """A task: `values` are noun phrases after "return", `actions` imperatives,
    `conditions` clauses after "whether". `variants[0]` is what an instruction
    without a clause means; the others are what a failing test may ask for.
    `wrong` bodies are never right and only appear as first attempts."""

    key: str
    kinds: str
    variants: tuple
    names: tuple
    values: tuple = ()
    actions: tuple = ()
    conditions: tuple = ()
    params: tuple = ()
    wrong: tuple = ()
    taken: frozenset = field(default_factory=frozenset)
    plain: "Family | None" = None

    @property
    def has_requirements(self):
        return len(self.variants) > 1


def family(key, kinds, body, names="", values=(), actions=(), conditions=(), params=(), others=(), wrong=()):
    """Build a `Family`; `others` are (body, clause) pairs, `params` name lists."""
    variants = (Variant(body),) + tuple(Variant(*other) for other in others)
    bodies = [variant.body for variant in variants] + list(wrong)
    taken = frozenset(word for text in bodies for word in IDENTIFIER.findall(text))
    return Family(
        key=key,
        kinds=kinds,
        variants=variants,
        names=tuple(names.split()) or (key,),
        values=tuple(values),
        actions=tuple(actions),
        conditions=tuple(conditions),
        params=tuple(params) or default_params(kinds),
        wrong=tuple(wrong),
        taken=taken,
    )


def reworded(families, wording):
    """The families with more ways to ask for them. `wording` has a text for each
    key, one phrase a line: "= value", "! action" or "? condition"."""
    assert {task.key for task in families} == set(wording)
    return [with_phrases(task, wording[task.key].strip().splitlines()) for task in families]


def with_phrases(task, lines):
    """One family with these phrases added to its own."""
    marked = {mark: tuple(line[2:] for line in lines if line[0] == mark) for mark in "=!?"}
    assert sum(map(len, marked.values())) == len(lines), task.key
    return replace(
        task,
        values=balanced(task.values, marked["="]),
        actions=balanced(task.actions, marked["!"]),
        conditions=balanced(task.conditions, marked["?"]),
        plain=task,
    )


def balanced(own, added):
    """A family's own phrases, which are the plain ones, as often as all the added ones."""
    return own * max(1, round(len(added) / max(1, len(own)))) + added


def default_params(kinds):
    """The name pool of each parameter: a repeated kind takes its second pool."""
    return tuple(PARAM_NAMES[kind][min(kinds[:i].count(kind), 1)] for i, kind in enumerate(kinds))


def fill(template, arguments):
    """Replace `$0`, `$1`, ... by the arguments' texts."""
    return re.sub(r"\$(\d)", lambda match: arguments[int(match.group(1))], template)


def function_source(name, params, body):
    """A whole function from its name, parameter names and body template."""
    return f"def {name}({', '.join(params)}):\n" + textwrap.indent(fill(body, params), "    ") + "\n"
