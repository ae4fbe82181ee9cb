"""Filter / map / reduce tasks over one list of numbers.

A pipeline is a triple; `HELD_OUT` triples are never emitted in training, so
that the held-out compositions measure combining parts that were only ever seen
in other combinations.
"""

import hashlib
from dataclasses import dataclass

from .family import family
from .grammar import expand

NOUNS = "numbers elements values integers entries items numbers elements values members".split()
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
    Filter("even", "x % 2 == 0", ADJECTIVE, ("even", "even", "even", "even-valued", "not odd", "divisible by two", "multiples of two")),
    Filter("odd", "x % 2 == 1", ADJECTIVE, ("odd", "odd", "odd", "odd-valued", "not even", "not divisible by two")),
    Filter("positive", "x > 0", ADJECTIVE, ("positive", "positive", "strictly positive", "[above|over] [zero|0]", "[greater|bigger|larger|more] than [zero|0]")),
    Filter("negative", "x < 0", ADJECTIVE, ("negative", "negative", "[below|under] [zero|0]", "[less|smaller|lower] than [zero|0]", "strictly negative")),
    Filter("nonzero", "x != 0", ADJECTIVE, ("nonzero", "non-zero", "different from [zero|0]", "not [zero|0]", "other than [zero|0]", "not equal to [zero|0]", "unequal to zero")),
    Filter("greater", "x > N", AFTER, ("[greater|larger|bigger|higher|more] than N", "[greater|larger|bigger] than N", "above N", "over N", "exceeding N", "that exceed N", "strictly above N", "beyond N", "that [are past|go over|lie above|top] N", "in excess of N")),
    Filter("less", "x < N", AFTER, ("[less|smaller|lower] than N", "[less|smaller] than N", "below N", "under N", "strictly below N", "that [stay below|fall below|lie below|stay under|do not reach] N", "short of N")),
    Filter("divisible", "x % N == 0", AFTER, ("[divisible|evenly divisible] by N", "multiples of N", "that are multiples of N", "that N divides", "that can be divided by N [evenly|]", "that leave no remainder when divided by N", "that divide evenly by N", "exactly divisible by N")),
    Filter("indivisible", "x % N != 0", AFTER, ("not divisible by N", "not multiples of N", "that are not multiples of N", "that N does not divide", "that cannot be divided by N [evenly|]", "that leave a remainder when divided by N", "that do not divide evenly by N", "not evenly divisible by N")),
    Filter("at_least", "x >= N", AFTER, ("[greater|larger|bigger] than or equal to N", "at least N", "of at least N", "no less than N", "N or more", "N or [greater|larger|bigger|higher|above]", "not [less|smaller|lower] than N", "that reach N", "no smaller than N", "not below N", "that are N or above", "from N upwards")),
]
MAPS = [
    Map("none", "x", (), ()),
    Map("square", "x * x", ("squares", "squares", "squared values", "second powers"), ("square", "square", "take the square of", "multiply by itself")),
    Map("cube", "x ** 3", ("cubes", "cubes", "cubed values", "third powers"), ("cube", "cube", "take the cube of", "raise to the third power")),
    Map("double", "x * 2", ("doubles", "doubled values", "doubles"), ("double", "double", "take twice", "multiply by two")),
    Map("negate", "-x", ("negations", "negated values", "negatives", "opposites", "sign-flipped values"), ("negate", "flip the sign of", "change the sign of", "reverse the sign of", "take the negative of", "put a minus in front of", "invert the sign of")),
    Map("absolute", "abs(x)", ("absolute values", "magnitudes", "absolute values", "absolute amounts", "distances from zero"), ("take the absolute value of", "drop the sign of", "make positive", "ignore the sign of", "take the magnitude of", "remove the sign of", "apply abs to")),
    Map("plus", "x + M", ("values plus M", "results of adding M to", "sums with M", "values increased by M"), ("add M to", "add M to", "increase by M", "raise by M", "put M on top of", "shift up by M")),
    Map("times", "x * M", ("results of multiplying by M", "multiples by M", "M-fold values", "values times M"), ("multiply by M", "multiply by M", "scale by M", "take M times")),
]
# What is done to each, after the numbers: "the even ones, each squared".
PARTICIPLES = {
    "square": "squared|multiplied by itself", "cube": "cubed|raised to the third power", "double": "doubled|multiplied by two|times two", "negate": "negated|with the sign flipped|with its sign changed",
    "absolute": "made positive|without its sign|taken as an absolute value|ignoring the sign", "plus": "plus M|increased by M|with M added|raised by M", "times": "times M|multiplied by M|scaled by M",
}
# What is done, as a noun: "what you get by squaring the even numbers".
GERUNDS = {
    "square": "squaring|taking the squares of", "cube": "cubing|taking the cubes of", "double": "doubling", "negate": "negating|flipping the signs of|changing the sign of",
    "absolute": "taking the absolute values of|dropping the signs of|ignoring the signs of", "plus": "adding M to", "times": "multiplying by M",
}
# What becomes of one number: "for each of them take its square".
PRONOUNS = {
    "square": "its square|the square of it", "cube": "its cube|the cube of it", "double": "its double|twice its value|two times it", "negate": "its negation|its opposite|minus the number|its negative",
    "absolute": "its absolute value|its magnitude|its size without sign", "plus": "the number plus M|M more than the number|its sum with M", "times": "M times the number|its product with M|the number times M",
}
REDUCES = [
    Reduce("sum", ("the sum of", "the sum of", "the total of", "the result of adding up", "the combined total of", "the grand total of", "what you get by adding up", "the overall sum of", "how much you get by summing"), ("[return|give|report|hand back] [the|their] [sum|total|grand total]", "add them [all |]up", "sum [them|the results|everything|up what you have]", "add [everything|all of them|the results] [up|together]", "total [them|the results|up what is left]")),
    Reduce("list", ("a list of", "the list of", "a new list with", "all", "", "a list holding", "a list that contains"), ("return [a list|the list|them|the results as a list|what you have|the results|the new list]", "collect them in a list", "[put|gather|collect] [them|the results] [in|into] a list", "hand back the resulting list")),
    Reduce("count", ("the number of", "the count of", "how many there are of", "the amount of", "a tally of", "the total number of"), ("[return|give|tell|report] how many there are", "count them", "return [the|their] [count|number]", "count [what is left|the ones you have|how many there are|how many remain]", "return how many [remain|are left|you have]")),
    Reduce("max", ("the maximum of", "the largest of", "the biggest of", "the biggest among", "the highest of", "the greatest of", "the largest among", "the top value of", "the max of", "the highest value among"), ("return the [largest|maximum|biggest|highest|greatest] [one|of them|result|value|]", "take the [maximum|largest|biggest|highest] [of them|of those|one|result|]", "[pick|keep|find|give|report] the [largest|biggest|highest|maximum] [one|result|of these|]")),
    Reduce("min", ("the minimum of", "the smallest of", "the least of", "the lowest of", "the smallest among", "the min of", "the lowest among", "the lowest value among"), ("return the [smallest|minimum|lowest] [one|of them|result|value|]", "take the [minimum|smallest|lowest] [of them|of those|one|result|]", "[pick|keep|find|give|report] the [smallest|lowest|minimum] [one|result|of these|]")),
    Reduce("sorted", ("a sorted list of", "the sorted list of", "the ascending list of", "an ordered list of", "an ascending list of", "a list in ascending order of"), ("[sort them|return them sorted] [in ascending order|from low to high|]", "return a sorted list", "[return|list|give] [them|the results] [in ascending order|from smallest to largest|in increasing order|smallest first]", "[put|arrange] [them|the results] in [order|ascending order|increasing order]", "sort the [results|list|outcome] [from smallest to largest|in increasing order|]")),
    Reduce("descending", ("a descending list of", "the list sorted from high to low of", "a list sorted in descending order of", "the descending list of", "a list in descending order of", "a largest-first list of"), ("[sort them|return them sorted] [in descending order|from high to low]", "return them in descending order", "[return|list|give] [them|the results] [in descending order|from largest to smallest|in decreasing order|largest first|biggest first]", "[put|arrange] [them|the results] in [descending|decreasing|falling] order", "sort the [results|list|outcome] [from largest to smallest|in decreasing order|from high to low|downwards]")),
    Reduce("distinct", ("the number of distinct", "the number of unique", "the count of different", "how many distinct", "how many different", "the number of different", "the amount of unique"), ("return how many distinct ones there are", "count the [distinct|different|unique] ones", "[tell|report|return|say|count] how many [different|distinct|unique] [values|results|numbers|ones] [there are|you get|remain|result]", "count [each value once|without repeats|every different result once]", "return the number of [different|distinct|unique] [results|values|ones]")),
    Reduce("average", ("the average of", "the mean of", "the arithmetic mean of", "the average value of", "the mean value of", "the avg of"), ("return [the|their] [average|mean|arithmetic mean]", "average [them|the results|what is left|everything]", "[take|give|work out|report|find] [the|their] [average|mean] [of the results|of them|]")),
    Reduce("product", ("the product of", "the product of", "the result of multiplying together", "the multiplied total of", "what you get by multiplying together", "what you get by multiplying"), ("return [the|their] product", "multiply them [together|]", "multiply [everything|all of them|the results|what you have] [together|]", "[take|give|work out|report] [the|their] product", "return the product of [them|the results|all of these]")),
]
SUFFIX_ENDINGS = {
    "sorted": ("in ascending order", "sorted", "sorted from low to high", "from smallest to largest", "in increasing order"),
    "descending": ("in descending order", "sorted from high to low", "from largest to smallest", "in decreasing order", "largest first"),
    "list": ("as a list", "in a list", ""),
}
OPENINGS = (
    "take", "keep", "select", "pick", "keep only", "get", "go through", "take", "keep", "find", "collect", "look at", "consider only", "choose", "use only", "start with", "extract", "filter for", "leave only", "grab",
)

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
    source = rng.choice(["in $0", "in $0", "of $0", "from $0", "within $0", "inside $0", "found in $0"] if rng.random() < 0.4 else ["in $0", "in $0", "of $0", "from $0"])
    if not phrase:
        return rng.choice([f"the {noun} {source}", f"all {noun} {source}", "$0", f"each of the {noun} {source}", "everything in $0", f"every one of the {noun} {source}"])
    if filter_.style == ADJECTIVE and " " not in phrase and rng.random() < 0.7:
        noun = "ones" if rng.random() < 0.08 else noun
        return rng.choice(["the ", "the ", "all ", "", "all the ", "just the ", "only the "]) + f"{phrase} {noun} {source}"
    if phrase.startswith("that"):
        return rng.choice([f"the {noun} {source} {phrase}", f"the {noun} {source} {phrase}", f"those {noun} {source} {phrase}", f"all {noun} {source} {phrase}"])
    if phrase.startswith("of"):
        return f"the {noun} {phrase} {source}"
    if rng.random() < 0.15:
        return rng.choice([f"everything in $0 that is {phrase}", f"whatever is {phrase} in $0", f"each {noun.removesuffix('s')} {source} that is {phrase}", f"any {noun} {source} that are {phrase}"]) \
            if not phrase.startswith(("multiples", "not multiples")) and noun != "entries" else f"such {noun} {source} as are {phrase}"
    link = rng.choice(["that are", "which are", "that are"] + ([""] if filter_.style == AFTER else []))
    return rng.choice([f"the {noun} {source} {link} {phrase}", f"the {noun} {link} {phrase} {source}", f"those {noun} {source} {link} {phrase}"])


def gerund(rng, map_, chosen):
    """ "squaring the even numbers in $0"."""
    action = rng.choice(GERUNDS[map_.key].split("|"))
    return f"multiplying {chosen} by M" if action == "multiplying by M" else f"{action} {chosen}"


def mapped(rng, map_, chosen):
    """The noun phrase for the mapped numbers."""
    if not map_.nouns:
        return chosen
    noun = rng.choice(map_.nouns)
    roll = rng.random()
    if roll < 0.1:
        return f"{chosen} after {gerund(rng, map_, 'each')}" if rng.random() < 0.5 else rng.choice(["the results of ", "what you get by ", "the values you get by "]) + gerund(rng, map_, chosen)
    if roll < 0.22:
        return f"{chosen}{rng.choice([', each', ' each', ' once', ', each one', ' when each is', ', every one', ' after being'])} {rng.choice(PARTICIPLES[map_.key].split('|'))}"
    if noun.endswith(" to"):
        return f"the {noun} {chosen}"
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


def mapping_step(rng, map_):
    """What to do with each number: "square each", "replace each by its square"."""
    roll = rng.random()
    if roll < 0.14:
        return f"{rng.choice(['replace each by', 'replace each one with', 'turn each into', 'for each take', 'for each of them compute', 'change each to'])} {rng.choice(PRONOUNS[map_.key].split('|'))}"
    verb = rng.choice(map_.verbs)
    them = rng.choice(["each", "them", "each one", "each of them", "every one", "each of these", "every one of them", "all of them", "each number", "those"])
    for ending in (" by M", " by itself", " to the third power", " positive", " by two"):
        if verb.endswith(ending):
            return f"{verb.removesuffix(ending)} {them}{ending}"
    return f"{verb} {them}"


def without_others(rng, filter_):
    """The selection as a removal: "drop the numbers in $0 that are not even"."""
    phrase = expand(rng, rng.choice(filter_.phrases))
    noun = rng.choice(NOUNS)
    drop = rng.choice(["drop", "ignore", "throw away", "skip", "discard", "leave out", "remove", "filter out"])
    if not phrase or phrase.startswith(("that", "not ", "of ")) or rng.random() < 0.5:
        return f"{drop} {rng.choice(['everything but', 'everything except', 'all but', 'all except'])} {selection(rng, filter_)}"
    return rng.choice([f"{drop} the {noun} {rng.choice(['in', 'of', 'from'])} $0 that are not {phrase}", f"{drop} from $0 all {noun} that are not {phrase}"])


def as_steps(rng, triple):
    """The pipeline as imperative steps: take ..., square them, add them up."""
    filter_, map_, reduce_ = triple
    chosen = selection(rng, filter_)
    removing = filter_.key != "none" and rng.random() < 0.12
    steps = [without_others(rng, filter_) if removing else f"{rng.choice(OPENINGS)} {chosen}"]
    if map_.verbs:
        steps.append(mapping_step(rng, map_))
    steps.append(expand(rng, rng.choice(reduce_.endings)))
    roll = rng.random()
    if roll < 0.2:
        return f"for {chosen}, " + rng.choice([" and ", ", then "]).join(steps[1:])
    if roll < 0.26 and map_.verbs:
        return f"{steps[-1]}{rng.choice([' after ', ' you get after ', ' that results from '])}{gerund(rng, map_, chosen)}"
    if roll < 0.46:
        return ". ".join([steps[0]] + [f"{rng.choice(['', '', '', 'then ', 'next, ', 'now ', 'after that, ', 'finally, '])}{step}" for step in steps[1:]])
    if roll < 0.52:
        return "; ".join(steps)
    return ", ".join(steps[:-1]) + rng.choice([" and ", ", then ", " and then ", ", and ", ", and finally ", " before you "]) + steps[-1]


def pipeline_family(rng, triple):
    """One pipeline with its constants and wording chosen, as a `Family`."""
    filter_, map_, reduce_ = triple
    constants = {"N": str(rng.randint(2, 12)), "M": str(rng.randint(2, 12))}

    def settle(text):
        return "".join(constants.get(char, char) if is_constant(text, i) else char for i, char in enumerate(text))

    others = ()
    if reduce_.key in ("max", "min", "average"):
        others = tuple((settle(body(*triple, empty=value)), clause) for value, clause in EMPTY.items())
    steps = rng.random() < 0.36
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
