"""Words that may stand for others in any phrase, so that every family is heard
in more words than its own table has. Data, and the function that uses it."""

import re

# A phrase and what may stand in its place. Longer phrases are tried first; a
# phrase that stands for itself is there to keep a shorter one from matching.
SYNONYMS = {
    "greater than or equal to": "at least|no smaller than|no less than|not less than",
    "larger than or equal to": "at least|no smaller than|not smaller than",
    "less than or equal to": "at most|no larger than|no more than",
    "no less than": "no less than|at least",
    "no more than": "no more than|at most",
    "no larger than": "no larger than",
    "no smaller than": "no smaller than",
    "not smaller than": "not smaller than",
    "not larger than": "not larger than",
    "greater than": "bigger than|larger than|higher than|above|over|more than|in excess of",
    "larger than": "bigger than|greater than|higher than|above|over|more than",
    "less than": "smaller than|lower than|below|under",
    "smaller than": "less than|lower than|below|under",
    "in ascending order": "from smallest to largest|in increasing order|from low to high|in rising order|smallest first|lowest first|in ascending sequence|ascending|from the smallest up",
    "in descending order": "from largest to smallest|in decreasing order|from high to low|in falling order|largest first|biggest first|highest first|descending|from the biggest down",
    "the sum of": "the total of|the grand total of|the combined value of|what you get by adding up|what you get by summing|the result of summing|the result of adding together|the overall sum of",
    "the product of": "what you get by multiplying|the result of multiplying|the multiplicative total of",
    "the average of": "the mean of|the arithmetic mean of|the mean value of|the average value of",
    "the number of": "the count of|the quantity of|the amount of|the total number of|a count of|the tally of",
    "the largest": "the biggest|the greatest|the highest|the maximum|the top|the maximal",
    "the biggest": "the largest|the greatest|the highest|the maximum",
    "the smallest": "the lowest|the minimum|the minimal|the tiniest|the least",
    "a list of": "a list with|a list containing|a list holding|a list made of|an array of|the list of|a new list of|a collection of",
    "as a list": "in a list|as an array|in list form|in one list|collected in a list",
    "dictionary": "dict|mapping|map|lookup table",
    "every other": "every other",
    "every single": "every single|each",
    "every": "each|every single",
    "each word": "every word|every single word|each of the words",
    "each element": "every element|each item|every single element|each entry|each member",
    "each number": "every number|each value|every single number|each integer",
    "each character": "every character|each symbol|every single character",
    "each letter": "every letter|every single letter|each of the letters",
    "elements": "items|entries|members|values",
    "element": "item|entry|member|value",
    "items": "elements|entries|members|things",
    "numbers": "values|integers",
    "characters": "letters|symbols|chars",
    "character": "letter|symbol|char",
    "contains": "includes|holds|has",
    "appears": "occurs|shows up|turns up|is found|comes up",
    "occurs": "appears|shows up|turns up|is found|comes up",
    "removed": "deleted|taken out|discarded|eliminated|left out|dropped|thrown out|stripped out|erased|cut out",
    "remove": "delete|take out|discard|eliminate|drop|throw out|strip out|get rid of|erase|cut|cut out",
    "swapped": "exchanged|interchanged|switched|traded",
    "swap": "exchange|interchange|switch|trade",
    "convert": "transform|change|turn",
    "converted": "transformed|changed|turned",
    "find out": "find out|figure out|determine",
    "find": "locate|identify|look for|pick out|search for|discover|determine",
    "count the": "count up the|tally the|tally up the",
    "add up to": "sum to|total|come to|make",
    "add up": "total up|sum up|total|sum|add together|tot up|accumulate",
    "join": "glue together|string together|connect|combine|put together|link",
    "merge": "combine|fuse|unite|blend",
    "sorted": "ordered|arranged",
    "in reverse order": "backwards|from last to first|the other way round|in the opposite order|back to front",
    "reversed": "turned around|flipped|flipped around|in reverse|backwards|back to front",
    "in $0": "within $0|inside $0",
    "consecutive": "successive|neighbouring|adjacent",
    "distinct": "different|unique",
    "unique": "different|distinct",
    "duplicates": "repeats|repeated values|duplicate entries",
    "in upper case": "in capitals|in capital letters|uppercased",
    "in lower case": "in small letters|lowercased|in lowercase",
    "first letter": "initial letter|starting letter|leading letter",
}
FOUND = re.compile(r"(?<![\w-])(" + "|".join(re.escape(phrase) for phrase in sorted(SYNONYMS, key=len, reverse=True)) + r")(?![\w-])")


def varied(rng, text):
    """Most often the text itself; else with some of its phrases replaced."""
    if rng.random() > 0.3:
        return text
    return FOUND.sub(lambda match: rng.choice(SYNONYMS[match.group()].split("|")) if rng.random() < 0.6 else match.group(), text)
