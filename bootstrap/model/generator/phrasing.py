"""Turns a family into one instruction: names, sentence, noise.

Three shapes: NAMED (the sentence names the function and its parameters),
DOCSTRING (a docstring; the signature is given to the model as the start of its
answer) and NAMELESS (neither; the model takes the family's first names).
"""

import re
from dataclasses import dataclass

from .family import fill
from .frames import (
    CLOSERS, CONDITION_ENDINGS, CONDITION_NOUNS, CONDITION_VERBS, DOCSTRING_FRAMES, NAMED_FRAMES, NAMELESS_FRAMES, OPENERS, QUESTION_FRAMES, VALUE_VERBS,
)
from .grammar import expand
from .synonyms import varied
from .words import COMMON_WORDS, CONSONANTS, DROPPABLE, NAME_WORDS, ODD_PARAMS, RESERVED, TAILS, VERBS, VOWELS

NAMED, DOCSTRING, NAMELESS = "named", "docstring", "nameless"

# What a parameter may be called without its name, and before its name.
GENERIC = {
    "s": ["string", "text", "word", "input string"], "n": ["number", "integer", "value"], "z": ["number", "integer", "value"],
    "l": ["list", "list of numbers", "list", "numbers", "list of integers", "list of ints", "array", "sequence of numbers"],
    "L": ["list of words", "list of strings", "words", "strings"], "d": ["dictionary", "dict", "mapping"],
}
TYPED = {
    "s": ["the string", "the text", "the given string", "string", "the input", "the provided string", "a string"],
    "n": ["the number", "the integer", "the given number", "the value"], "z": ["the number", "the integer", "the given number", "the value"],
    "i": ["the number", "the value"],
    "l": ["the list", "the list", "the given list", "the input list", "list", "the array", "the numbers", "a list", "the provided list", "the number list", "the ints in"],
    "L": ["the list", "the word list", "the strings", "the given list", "the list of words"], "d": ["the dictionary", "the dict", "the given dict", "the mapping"],
}
# Where a phrase says what the parameter is, the mention need not.
SAID = re.compile(r"((?:the )?\b(?:lists?|strings?|texts?|numbers?|integer|value|dictionary|dict|mapping|map|sentence|word|array)) \$(\d)")
VERB = re.compile(r"(.*?) (is|are|can|has|have|contains|contain|includes|holds|starts|begins|ends|finishes|reads|equals|lies|appears|occurs|divides|stays|repeats|exceeds) (.*)")
BASE_FORMS = {"has": "have", "lies": "lie", "reads": "read", "finishes": "finish", "divides": "divide"}
CLUMSY = ("whether", "how", "where", "which", "at which", "in which", "if", "True", "true")  # No nouns for "what is ...".


@dataclass(frozen=True)
class Prompt:
    """An instruction and the names the answer has to use."""

    text: str
    name: str
    params: tuple
    shape: str


def invented_name(rng):
    """A function name the model cannot know, so that it learns to copy."""
    roll = rng.random()
    if roll < 0.45:
        name = "_".join(rng.choice(NAME_WORDS) for _ in range(rng.choice([1, 2, 2, 3])))
    elif roll < 0.75:
        name = "".join(rng.choice(CONSONANTS) + rng.choice(VOWELS) for _ in range(rng.randint(1, 3))) + rng.choice(["", rng.choice(CONSONANTS), "_" + rng.choice(NAME_WORDS)])
    elif roll < 0.9:
        first, second = rng.choice(NAME_WORDS), rng.choice(NAME_WORDS)
        name = first + second.capitalize()
    else:
        name = rng.choice("fgh") + rng.choice(["", "1", "2", "x"])
    return name + (rng.choice("123") if rng.random() < 0.06 else "")


def function_name(rng, task):
    """The family's own name, decorated, or an invented one."""
    roll = rng.random()
    own = rng.choice(task.names)
    name = own if roll < 0.3 else f"{rng.choice(VERBS)}_{own}" if roll < 0.42 else f"{own}_{rng.choice(TAILS)}" if roll < 0.5 else invented_name(rng)
    return name if name not in RESERVED | task.taken else name + "_it"


def parameter_names(rng, task):
    """Distinct names that the body does not already use for something else."""
    names = []
    for pool in task.params:
        for _ in range(40):
            odd = rng.random() < 0.12
            name = rng.choice(ODD_PARAMS if odd else pool.split())
            if name not in RESERVED | task.taken and name not in names:
                break
        else:
            name = f"arg{len(names)}"
        names.append(name)
    return tuple(names)


def default_names(task):
    """The names the model is to choose by itself for a nameless request."""
    name = task.names[0] if task.names[0] != "process" else "solve"
    params = []
    for pool in task.params:
        params.append(next(word for word in pool.split() + ["arg"] if word not in RESERVED | task.taken and word not in params))
    return name, tuple(params)


def mention(rng, kind, name, shape, alone):
    """How the text refers to one parameter; `alone` if it is the only one."""
    roll = rng.random()
    if shape == NAMELESS and kind in GENERIC:
        return f"{rng.choice(['a', 'a', 'the', 'a given'])} {rng.choice(GENERIC[kind][:2])}"
    if shape == DOCSTRING and kind in GENERIC:
        if alone and roll < 0.02:
            return rng.choice(["the input", "the argument", "what is given"])
        if roll < 0.12:
            return f"the {rng.choice(['', '', 'given ', 'input '])}{rng.choice(GENERIC[kind])}"
    if roll < 0.3 and kind in TYPED:
        return f"{rng.choice(TYPED[kind])} {name}"
    return name


def third_person(clause):
    """ "count the words" becomes "counts the words"."""
    verb, _, rest = clause.partition(" ")
    comma = "," if verb.endswith(",") else ""
    verb = verb.rstrip(",")
    if verb.endswith(("s", "x", "ch", "sh", "o")):
        verb += "es"
    elif verb.endswith("y") and verb[-2] not in VOWELS:
        verb = verb[:-1] + "ies"
    else:
        verb = verb if verb == "for" else verb + "s"
    return f"{verb}{comma} {rest}".strip()


def question(condition):
    """ "$0 is even" becomes "is $0 even?"; None where that is not clear."""
    found = VERB.fullmatch(condition)
    if found is None or " that " in condition or " which " in condition or " and " in found[1] and found[2] not in ("are", "have", "contain"):
        return None
    subject, verb, rest = found.groups()
    if verb in ("is", "are", "can"):
        return f"{verb} {subject} {rest}?"
    plain = verb in ("have", "contain")
    return f"{'do' if plain else 'does'} {subject} {verb if plain else BASE_FORMS.get(verb, verb.removesuffix('s'))} {rest}?"


def imperative(rng, task):
    """The request as ("return ...", noun phrase or None), still with `$0`; a
    request that ends in a question mark is a question."""
    moods = ["value"] * min(3, len(task.values)) + ["action"] * min(2, len(task.actions)) + ["condition"] * min(3, len(task.conditions))
    mood = rng.choice(moods)
    if mood == "action":
        return varied(rng, expand(rng, rng.choice(task.actions))), None
    if mood == "value":
        noun = varied(rng, expand(rng, rng.choice(task.values)))
        wordy = noun.startswith(CLUMSY + ("what", "$"))
        verb = "return" if wordy and rng.random() < 0.6 else expand(rng, f"[{VALUE_VERBS}]")
        return f"{verb} {noun}", noun
    condition = varied(rng, expand(rng, rng.choice(task.conditions)))
    asked = question(condition)
    if asked and rng.random() < 0.15:
        return asked, None
    return f"{rng.choice(CONDITION_VERBS)} {condition}{rng.choice(CONDITION_ENDINGS)}", f"{rng.choice(CONDITION_NOUNS)} {condition}"


def noisy(rng, text, names):
    """Light noise: case and final punctuation; names keep their case."""
    if rng.random() < 0.9 and not text.startswith(names):
        text = text[0].upper() + text[1:]
    if not text.endswith("?"):
        text = text.rstrip(".") + rng.choice([".", ".", "", ".", "!" if rng.random() < 0.1 else "."])
    if rng.random() < 0.03:
        text = text.lower() if "(" not in text else text
    return text


def distracted(rng, text):
    """Now and then stray common words put in, or one common word left out, so
    that unknown wording around the known words does not derail the model. What
    stands between parentheses stays as it is."""
    roll = rng.random()
    if roll > 0.24:
        return text
    words = text.split(" ")
    if roll > 0.16:
        spots = [i for i, word in enumerate(words) if word in DROPPABLE]
        if spots:
            del words[rng.choice(spots)]
        return " ".join(words)
    for _ in range(rng.choice([1, 1, 2, 3])):
        depths = [" ".join(words[:i]).count("(") - " ".join(words[:i]).count(")") for i in range(len(words))]
        words.insert(rng.choice([i for i, depth in enumerate(depths) if depth == 0 and i > 0] or [len(words)]), rng.choice(COMMON_WORDS))
    return " ".join(words)


def slipped(rng, text):
    """A typing slip in one longer lower-case word: letters swapped, one left out or doubled."""
    spots = [i for i in range(1, len(text) - 2) if text[i - 1 : i + 3].isalpha() and text[i - 1 : i + 3].islower()]
    if not spots:
        return text
    i = rng.choice(spots)
    middle = rng.choice([text[i + 1] + text[i], text[i + 1] + text[i], text[i], text[i] + text[i] + text[i + 1]])
    return text[:i] + middle + text[i + 2 :]


def listed(names):
    """ "a", "a and b", "a, b and c"."""
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]


def pick_shape(rng, task):
    """NAMED and DOCSTRING mostly; NAMELESS where generic nouns stay clear."""
    if len(set(task.kinds)) == len(task.kinds) and set(task.kinds) <= set(GENERIC) and rng.random() < 0.1:
        return NAMELESS
    return NAMED if rng.random() < 0.46 else DOCSTRING


def pick_frame(rng, shape, order, noun):
    """A frame in which the request makes sense."""
    if order.endswith("?"):
        return rng.choice(QUESTION_FRAMES[shape])
    frame = rng.choice({NAMED: NAMED_FRAMES, DOCSTRING: DOCSTRING_FRAMES, NAMELESS: NAMELESS_FRAMES}[shape])
    if "%N" in frame and noun is None or "%V" in frame and (noun is None or noun.startswith(CLUMSY)):
        return {NAMED: "%S: %I", DOCSTRING: "%I", NAMELESS: "%I"}[shape]
    return frame


def with_clause(order, clause):
    """The request with its clause, before the question mark if there is one."""
    joint = "" if clause.startswith(",") else " "
    return f"{order[:-1]}{joint}{clause}?" if order.endswith("?") else order + joint + clause


def mentioned(text, mentions, params):
    """Fill in the parameters: "the list xs", but "xs" after "the list". Without
    names (`params` is None) "the list $0" becomes "a list"."""
    said = lambda match: f"{match[1]} {params[int(match[2])]}" if params else f"${match[2]}"  # noqa: E731
    return fill(SAID.sub(said, text), mentions)


def capital(text, names):
    """With a capital first letter, unless a name comes first."""
    return text if text.startswith(names) else text[:1].upper() + text[1:]


def sentences(rng, text, names):
    """Mostly a capital at the start of each further sentence."""
    first, *others = text.split(". ")
    return ". ".join([first] + [capital(other, names) if rng.random() < 0.8 else other for other in others])


def chatty(rng, text):
    """Now and then a few words around it that mean nothing."""
    roll = rng.random()
    if roll < 0.02:
        return rng.choice(OPENERS) + text
    return text + rng.choice(CLOSERS) if roll < 0.05 and not text.endswith("?") else text


PLAIN_SHARE = 0.16
PLAIN_NAMES = "f g h solve compute fn func".split()


def plain_prompt(rng, task, clause, shape):
    """A sentence as it stands in every tutorial: no noise, and the family's own words."""
    own = task.plain or task
    name, params = function_name(rng, task), parameter_names(rng, task)
    if rng.random() < 0.3:
        name = next((n for n in rng.sample(PLAIN_NAMES, 3) if n not in task.taken and n not in params), name)
    moods = [("return ", own.values), ("", own.actions), ("check whether ", own.conditions)]
    verb, phrases = rng.choice([mood for mood in moods if mood[1]][:1] * 3 + [mood for mood in moods if mood[1]])
    order = verb + expand(rng, rng.choice(phrases))
    if clause:
        order = with_clause(order, expand(rng, clause))
    order = fill(order, params)
    if shape == DOCSTRING:
        text = order[0].upper() + order[1:] + "."
    else:
        text = f"Write a function {name}({', '.join(params)}) that {third_person(order)}."
    return Prompt(text, name, params, shape)


def prompt_for(rng, task, clause="", shape=None):
    """Ask for the task; `clause` names a variant other than the usual one."""
    shape = shape or pick_shape(rng, task)
    if shape != NAMELESS and rng.random() < PLAIN_SHARE:
        return plain_prompt(rng, task, clause, shape)
    name, params = default_names(task) if shape == NAMELESS else (function_name(rng, task), parameter_names(rng, task))
    order, noun = imperative(rng, task)
    if not order.startswith("for ") and rng.random() < 0.03:
        order = slipped(rng, order)
    addition = expand(rng, clause) if clause else ""
    if addition:
        order, noun = with_clause(order, addition), noun and with_clause(noun, addition)
    mentions = [mention(rng, kind, param, shape, len(params) == 1) for kind, param in zip(task.kinds, params)]
    names = tuple(f"{word}{end}" for word in (name,) + params for end in " (.,")
    say = lambda text: mentioned(text, mentions, None if shape == NAMELESS else params)  # noqa: E731
    frame = expand(rng, pick_frame(rng, shape, order, noun))
    order, noun = distracted(rng, order), noun or ""
    if rng.random() < 0.15:
        noun = noun.removeprefix("the ")
    arguments = [f"{rng.choice(['a', 'the'])} {rng.choice(GENERIC[k])} {p}" if k in GENERIC and rng.random() < 0.35 else p for k, p in zip(task.kinds, params)]
    text = frame.replace(" to %R", " to %I").replace("%S", f"{name}({', '.join(params)})").replace("%F", name).replace("%A", listed(arguments))
    text = text.replace("%R", say(third_person(order))).replace("%I", say(order)).replace("%J", capital(say(order), names))
    text = text.replace("%N", say(noun)).replace("%V", say(noun))
    text = distracted(rng, text) if rng.random() < 0.4 else text
    text = text.replace("a integer", "an integer").replace("a even", "an even").replace("a odd", "an odd").replace(" a array", " an array")
    return Prompt(noisy(rng, chatty(rng, sentences(rng, text, names)), names), name, params, shape)
