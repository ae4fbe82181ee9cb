"""Filter / map / reduce tasks over one list of numbers.

A pipeline is a triple; `HELD_OUT` triples are never emitted in training, so
that the held-out compositions measure combining parts that were only ever seen
in other combinations.
"""

import hashlib
from dataclasses import dataclass

from .family import Family, Variant, family, fill
from .grammar import expand

NOUNS = "numbers elements values integers entries items".split()
ADJECTIVE, AFTER = "adjective", "after"


@dataclass(frozen=True)
class Filter:
    key: str
    test: str
    style: str
    phrases: tuple


@dataclass(frozen=True)
class Map:
    key: str
    code: str
    nouns: tuple
    verbs: tuple


@dataclass(frozen=True)
class Reduce:
    key: str
    nouns: tuple
    endings: tuple


FILTERS = [
    Filter("none", "", ADJECTIVE, ("",)),
    Filter("even", "x % 2 == 0", ADJECTIVE, ("even", "even-valued")),
    Filter("odd", "x % 2 == 1", ADJECTIVE, ("odd", "odd-valued")),
    Filter("positive", "x > 0", ADJECTIVE, ("positive", "strictly positive", "above zero", "greater than zero")),
    Filter("negative", "x < 0", ADJECTIVE, ("negative", "below zero", "less than zero")),
    Filter("nonzero", "x != 0", ADJECTIVE, ("nonzero", "non-zero", "different from zero", "not zero")),
    Filter("greater", "x > N", AFTER, ("[greater|larger|bigger|higher|more] than N", "above N", "over N", "exceeding N")),
    Filter("less", "x < N", AFTER, ("[less|smaller|lower] than N", "below N", "under N")),
    Filter("divisible", "x % N == 0", AFTER, ("[divisible|evenly divisible] by N", "multiples of N", "that are multiples of N")),
    Filter("indivisible", "x % N != 0", AFTER, ("not divisible by N", "not multiples of N", "that are not multiples of N")),
    Filter("at_least", "x >= N", AFTER, ("[greater|larger|bigger] than or equal to N", "at least N", "of at least N", "no less than N", "N or more")),
]
MAPS = [
    Map("none", "x", (), ()),
    Map("square", "x * x", ("squares", "squared values"), ("square",)),
    Map("cube", "x ** 3", ("cubes", "cubed values"), ("cube",)),
    Map("double", "x * 2", ("doubles", "doubled values"), ("double",)),
    Map("negate", "-x", ("negations", "negated values", "negatives"), ("negate", "flip the sign of")),
    Map("absolute", "abs(x)", ("absolute values", "magnitudes"), ("take the absolute value of",)),
    Map("plus", "x + M", ("values plus M", "results of adding M to", "sums with M"), ("add M to", "increase by M")),
    Map("times", "x * M", ("results of multiplying by M", "multiples by M", "M-fold values"), ("multiply by M",)),
]
REDUCES = [
    Reduce("sum", ("the sum of", "the total of", "the result of adding up", "the combined total of"), ("[return|give] [the|their] [sum|total]", "add them [all |]up", "sum [them|the results]")),
    Reduce("list", ("a list of", "the list of", "a new list with", "all", ""), ("return [a list|the list|them|the results as a list]", "collect them in a list")),
    Reduce("count", ("the number of", "the count of", "how many there are of"), ("[return|give] how many there are", "count them", "return [the|their] [count|number]")),
    Reduce("max", ("the maximum of", "the largest of", "the biggest of", "the biggest among", "the highest of", "the greatest of"), ("return the [largest|maximum|biggest|highest] [one|]", "take the [maximum|largest]")),
    Reduce("min", ("the minimum of", "the smallest of", "the least of", "the lowest of", "the smallest among"), ("return the [smallest|minimum|lowest] [one|]", "take the [minimum|smallest]")),
    Reduce("sorted", ("a sorted list of", "the sorted list of", "the ascending list of"), ("[sort them|return them sorted] [in ascending order|from low to high|]", "return a sorted list")),
    Reduce("descending", ("a descending list of", "the list sorted from high to low of", "a list sorted in descending order of"), ("[sort them|return them sorted] [in descending order|from high to low]", "return them in descending order")),
    Reduce("distinct", ("the number of distinct", "the number of unique", "the count of different", "how many distinct"), ("return how many distinct ones there are", "count the [distinct|different|unique] ones")),
    Reduce("average", ("the average of", "the mean of", "the arithmetic mean of", "the average value of"), ("return [the|their] [average|mean]", "average them")),
    Reduce("product", ("the product of", "the result of multiplying together", "the multiplied total of"), ("return [the|their] product", "multiply them [together|]")),
]
SUFFIX_ENDINGS = {"sorted": ("in ascending order", "sorted", "sorted from low to high"), "descending": ("in descending order", "sorted from high to low"), "list": ("as a list", "in a list", "")}

GERUNDS = {"square": "squaring", "cube": "cubing", "double": "doubling", "negate": "negating"}

EMPTY = {
    "None": "[, or| but|, with] None [if|when] [there are none|there is none|none are left]",
    "-1": "[, or| but|, with] -1 [if|when] [there are none|there is none|none are left]",
}
TAKEN = "x vals result _".split()


def triples():
    """Every sensible (filter, map, reduce); counting ignores the map."""
    for filter_ in FILTERS:
        for map_ in MAPS:
            for reduce_ in REDUCES:
                if reduce_.key != "count" or map_.key == "none":
                    if (filter_.key, map_.key, reduce_.key) not in (("none", "none", "list"), ("none", "none", "max"), ("none", "none", "min"), ("none", "none", "average")):
                        yield filter_, map_, reduce_


def is_held_out(filter_, map_, reduce_):
    """A fixed seventh of the triples that have both a filter and a map."""
    if filter_.key == "none" or map_.key == "none":
        return False
    digest = hashlib.sha256(f"{filter_.key}.{map_.key}.{reduce_.key}".encode()).hexdigest()
    return int(digest, 16) % 7 == 0


TRAINING = [triple for triple in triples() if not is_held_out(*triple)]
HELD_OUT = [triple for triple in triples() if is_held_out(*triple)]


def body(filter_, map_, reduce_, empty="0"):
    """The function body; `empty` is the answer for max, min and average of nothing."""
    stream = f"{map_.code} for x in $0" + (f" if {filter_.test}" if filter_.test else "")
    if reduce_.key == "average":
        return f"vals = [{stream}]\nif not vals:\n    return {empty}\nreturn sum(vals) / len(vals)"
    if reduce_.key == "product":
        step = f"result *= {map_.code}"
        loop = f"    if {filter_.test}:\n        {step}" if filter_.test else f"    {step}"
        return f"result = 1\nfor x in $0:\n{loop}\nreturn result"
    if reduce_.key == "count":
        return f"return sum(1 for x in $0 if {filter_.test})" if filter_.test else "return len($0)"
    return "return " + {
        "sum": f"sum({stream})",
        "list": f"[{stream}]",
        "max": f"max(({stream}), default={empty})",
        "min": f"min(({stream}), default={empty})",
        "sorted": f"sorted({stream})",
        "descending": f"sorted(({stream}), reverse=True)",
        "distinct": f"len(set({stream}))",
    }[reduce_.key]


def selection(rng, filter_):
    """A noun phrase for the filtered numbers, such as "the even numbers in $0"."""
    noun = rng.choice(NOUNS)
    phrase = expand(rng, rng.choice(filter_.phrases))
    source = rng.choice(["in $0", "in $0", "of $0", "from $0"])
    if not phrase:
        return rng.choice([f"the {noun} {source}", f"all {noun} {source}", "$0", f"each of the {noun} {source}"])
    if filter_.style == ADJECTIVE and " " not in phrase and rng.random() < 0.7:
        return rng.choice(["the ", "the ", "all ", "", "all the "]) + f"{phrase} {noun} {source}"
    if phrase.startswith(("that", "of")):
        return f"the {noun} {source} {phrase}" if phrase.startswith("that") else f"the {noun} {phrase} {source}"
    link = rng.choice(["that are", "which are", "that are"] + ([""] if filter_.style == AFTER else []))
    return rng.choice([f"the {noun} {source} {link} {phrase}", f"the {noun} {link} {phrase} {source}", f"those {noun} {source} {link} {phrase}"])


def mapped(rng, map_, chosen):
    """The noun phrase for the mapped numbers."""
    if not map_.nouns:
        return chosen
    noun = rng.choice(map_.nouns)
    if noun.endswith(" to"):
        return f"the {noun} {chosen}"
    if rng.random() < 0.1 and map_.key in GERUNDS:
        return f"{chosen} after {GERUNDS[map_.key]} each"
    return f"{rng.choice(['the ', 'the ', ''])}{noun} of {chosen}"


def as_value(rng, triple):
    """One noun phrase for the whole pipeline."""
    filter_, map_, reduce_ = triple
    inner = mapped(rng, map_, selection(rng, filter_))
    if reduce_.key in SUFFIX_ENDINGS and rng.random() < 0.45:
        return f"{inner} {rng.choice(SUFFIX_ENDINGS[reduce_.key])}"
    head = rng.choice(reduce_.nouns)
    if head in ("all",) or "distinct" in head or "unique" in head or "different" in head or head.startswith("how many"):
        inner = inner.removeprefix("the ").removeprefix("all the ").removeprefix("all ")
    return f"{head} {inner}"


def as_steps(rng, triple):
    """The pipeline as imperative steps: take ..., square them, add them up."""
    filter_, map_, reduce_ = triple
    chosen = selection(rng, filter_)
    steps = [f"{rng.choice(['take', 'keep', 'select', 'pick', 'keep only', 'get', 'go through'])} {chosen}"]
    if map_.verbs:
        verb = rng.choice(map_.verbs)
        them = rng.choice(["each", "them", "each one", "each of them", "every one"])
        steps.append(f"{verb.replace(' by M', '')} {them} by M" if verb.endswith(" by M") else f"{verb} {them}")
    steps.append(expand(rng, rng.choice(reduce_.endings)))
    if rng.random() < 0.2:
        return f"for {chosen}, " + rng.choice([" and ", ", then "]).join(steps[1:])
    return ", ".join(steps[:-1]) + rng.choice([" and ", ", then ", " and then ", ", and "]) + steps[-1]


def pipeline_family(rng, triple):
    """One pipeline with its constants and wording chosen, as a `Family`."""
    filter_, map_, reduce_ = triple
    constants = {"N": str(rng.randint(2, 12)), "M": str(rng.randint(2, 12))}

    def settle(text):
        return "".join(constants.get(char, char) if is_constant(text, i) else char for i, char in enumerate(text))

    others = ()
    if reduce_.key in ("max", "min", "average"):
        others = tuple((settle(body(*triple, empty=value)), clause) for value, clause in EMPTY.items())
    steps = rng.random() < 0.3
    text = " ".join(settle(as_steps(rng, triple) if steps else as_value(rng, triple)).split())
    names = "process solve compute f task pipeline calc answer transform".split()
    key = f"{filter_.key}.{map_.key}.{reduce_.key}"
    parts = [part for part in key.split(".")[::-1] if part != "none"]
    return family(key, "l", settle(body(*triple)), " ".join(names + ["_".join(parts)] if len(parts) > 1 else names),
        values=() if steps else (text,), actions=(text,) if steps else (), others=others)


def is_constant(text, i):
    """Whether the letter at `i` stands alone: N and M never occur inside words."""
    before = text[i - 1] if i else " "
    after = text[i + 1] if i + 1 < len(text) else " "
    return not (before.isalnum() or before == "_" or after.isalnum() or after == "_")
