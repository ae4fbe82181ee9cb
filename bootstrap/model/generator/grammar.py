"""Expands `[this|that|]` alternatives in phrase templates, innermost first."""

import re

ALTERNATIVES = re.compile(r"\[([^\[\]]*\|[^\[\]]*)\]")


def expand(rng, template):
    """Choose one way through the template and tidy the spaces."""
    while True:
        match = ALTERNATIVES.search(template)
        if match is None:
            return " ".join(template.split()).replace(" ,", ",")
        template = template[: match.start()] + rng.choice(match.group(1).split("|")) + template[match.end() :]
