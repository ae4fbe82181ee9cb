"""Turns a family into one instruction: names, sentence frame, noise.

Three shapes: NAMED (the sentence names the function and its parameters),
DOCSTRING (a docstring; the signature is given to the model as the start of its
answer) and NAMELESS (neither; the model takes the family's first names).
"""

from dataclasses import dataclass

from .family import fill
from .grammar import expand
from .words import COMMON_WORDS, CONSONANTS, DROPPABLE, NAME_WORDS, ODD_PARAMS, RESERVED, TAILS, VERBS, VOWELS

NAMED, DOCSTRING, NAMELESS = "named", "docstring", "nameless"

# %S signature f(a, b), %F name, %A arguments, %R "returns ...", %I "return ...".
NAMED_FRAMES = (
    "[Write|Create|Make|Implement|Define|Build|Code|Please write|Write me|I need|Give me|I want] a [Python |small |simple |short ||||]function %S [that|which|that|to] %R",
    "[Write|Create|Make|Implement|Define|Please write|I need] a [Python |||]function [called|named|with the name] %F [that takes|taking|which takes|with|that accepts|with parameter] %A and %R",
    "[Write|Create|Make|Implement|Define|Build|Code|Please write] [the |a |]function %S[.|:|;] It [should|must|has to|needs to|will] %I",
    "[Write|Implement|Define|Create|Code|Make] %S [to|so that it will] %I",
    "[Write|Implement|Define|Create|Code|Make|Please implement] %S [that|which|so that it] %R",
    "[Define|Implement|Write] %S. [It should|The function should|It must] %I",
    "%S[:| should| must|:] %I",
    "%S %R",
    "[The function |Function |]%S %R",
    "Given %A, %I[. Name the function|. Call it|. Call the function| in a function called|. The name of the function is] %F",
    "[Given|For given|For] %A, [write a|implement a|make a] function %F that %R",
    "[Write|Implement] %F, which takes %A and %R",
    "[Create|Write] a function %F with [argument|parameter|input] %A. [It %R|The result is that it %R|Let it %I]",
    "def %S: %I",
    "In Python, [write|implement] %S [to|which will] %I",
    "Function %F takes %A and %R",
    "%I in a function %S",
    "[I'd like|I would like|We need|Need] a function %S that %R",
    "[Can|Could] you [write|code|implement] a function %S that %R",
    "[Complete|Fill in] %S so that it %R",
)
DOCSTRING_FRAMES = (
    "%I", "%I", "%I", "%R", "%R", "[This|The] function %R", "Given %A, %I", "[Take|Takes] %A and %I", "[A|] function that %R",
    "[It should|Should|Must] %I", "[Your task is to|Please] %I", "For [the given|given|a given] %A, %I", "%N", "%N",
)
NAMELESS_FRAMES = (
    "%I", "[Write|Create|Make|Implement|I need|Give me] [a [Python |]function that|a function which|code that] %R", "[Write|I need] [code|a function|a Python function] to %I",
    "[A function|Function|Code] [to %I|that %R]", "How [do I|can I] %I", "Please %I",
)
VALUE_VERBS = "return|return|return|return|compute|calculate|find|give|give back|produce|get|work out|output|determine"
CONDITION_VERBS = (
    "return True if", "return whether", "check if", "check whether", "tell whether", "test if", "test whether", "determine if", "determine whether",
    "decide whether", "return True when", "say whether", "find out if", "return True exactly when", "report whether", "see if",
)
GENERIC = {
    "s": ["string", "text", "word"], "n": ["number", "integer"], "z": ["number", "integer"],
    "l": ["list", "list of numbers", "list", "numbers"], "L": ["list of words", "list of strings", "words"], "d": ["dictionary", "dict"],
}
TYPED = {"s": ["the string", "the text", "the given string"], "n": ["the number", "the integer"], "z": ["the number", "the integer"], "i": ["the number"],
    "l": ["the list", "the list", "the given list", "the input list"], "L": ["the list", "the word list"], "d": ["the dictionary", "the dict"]}


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


def mention(rng, kind, name, shape):
    """How the text refers to one parameter."""
    roll = rng.random()
    if shape == NAMELESS and kind in GENERIC:
        return f"{rng.choice(['a', 'a', 'the', 'a given'])} {rng.choice(GENERIC[kind][:2])}"
    if shape == DOCSTRING and roll < 0.12 and kind in GENERIC:
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


def imperative(rng, task):
    """The request as ("return ...", noun phrase or None), still with `$0`."""
    moods = ["value"] * min(3, len(task.values)) + ["action"] * min(2, len(task.actions)) + ["condition"] * min(3, len(task.conditions))
    mood = rng.choice(moods)
    if mood == "action":
        return expand(rng, rng.choice(task.actions)), None
    if mood == "value":
        noun = expand(rng, rng.choice(task.values))
        verb = "return" if noun.startswith(("whether", "how", "$")) and rng.random() < 0.6 else expand(rng, f"[{VALUE_VERBS}]")
        return f"{verb} {noun}", noun
    condition = expand(rng, rng.choice(task.conditions))
    ending = rng.choice(["", "", "", "", ", else False", " and False otherwise", ", otherwise False", " or not"])
    verb = rng.choice(CONDITION_VERBS)
    return f"{verb} {condition}{ending}", rng.choice(["whether", "True if", "if"]) + f" {condition}"


def noisy(rng, text, names):
    """Light noise: case and final punctuation; names keep their case."""
    if rng.random() < 0.9 and not text.startswith(names):
        text = text[0].upper() + text[1:]
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


def swap_letters(rng, text):
    """A typing slip in one longer lower-case word."""
    spots = [i for i in range(1, len(text) - 2) if text[i - 1 : i + 3].isalpha() and text[i - 1 : i + 3].islower()]
    if not spots:
        return text
    i = rng.choice(spots)
    return text[:i] + text[i + 1] + text[i] + text[i + 2 :]


def listed(names):
    """ "a", "a and b", "a, b and c"."""
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]


def pick_shape(rng, task):
    """NAMED and DOCSTRING mostly; NAMELESS where generic nouns stay clear."""
    if len(set(task.kinds)) == len(task.kinds) and set(task.kinds) <= set(GENERIC) and rng.random() < 0.1:
        return NAMELESS
    return NAMED if rng.random() < 0.56 else DOCSTRING


def prompt_for(rng, task, clause="", shape=None):
    """Ask for the task; `clause` names a variant other than the usual one."""
    shape = shape or pick_shape(rng, task)
    name, params = default_names(task) if shape == NAMELESS else (function_name(rng, task), parameter_names(rng, task))
    order, noun = imperative(rng, task)
    if noun is not None or not order.startswith("for "):
        if rng.random() < 0.02:
            order = swap_letters(rng, order)
    addition = expand(rng, clause) if clause else ""
    if addition:
        joint = "" if addition.startswith(",") else " "
        order, noun = order + joint + addition, noun and noun + joint + addition
    mentions = [mention(rng, kind, param, shape) for kind, param in zip(task.kinds, params)]
    say = lambda text: fill(text, mentions)  # noqa: E731
    frames = {NAMED: NAMED_FRAMES, DOCSTRING: DOCSTRING_FRAMES, NAMELESS: NAMELESS_FRAMES}[shape]
    frame = rng.choice(frames)
    if "%N" in frame and noun is None:
        frame = "%I"
    frame = expand(rng, frame)
    order = distracted(rng, order)
    third = third_person(order)
    arguments = [f"{rng.choice(['a', 'the'])} {rng.choice(GENERIC[k])} {p}" if k in GENERIC and rng.random() < 0.35 else p for k, p in zip(task.kinds, params)]
    text = frame.replace(" to %R", " to %I").replace("%S", f"{name}({', '.join(params)})").replace("%F", name).replace("%A", listed(arguments))
    text = text.replace("%R", say(third)).replace("%I", say(order)).replace("%N", say(noun or ""))
    text = distracted(rng, text) if rng.random() < 0.4 else text
    text = text.replace("a integer", "an integer").replace("a even", "an even").replace("a odd", "an odd")
    return Prompt(noisy(rng, text, tuple(f"{word}{end}" for word in (name,) + params for end in " (.,")), name, params, shape)
