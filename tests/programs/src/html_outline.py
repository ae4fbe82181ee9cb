import html
from html.parser import HTMLParser


class Outline(HTMLParser):
    def __init__(self):
        super().__init__()
        self.found, self.level = [], None

    def handle_starttag(self, tag, attrs):
        if len(tag) == 2 and tag[0] == "h" and tag[1].isdigit():
            self.level = int(tag[1])
            self.found.append([self.level, "", dict(attrs).get("id")])

    def handle_endtag(self, tag):
        if self.level is not None and tag == f"h{self.level}":
            self.level = None

    def handle_data(self, data):
        if self.level is not None:
            self.found[-1][1] += data


def html_outline(text: str) -> list[tuple[int, str, str | None]]:
    """The headings of an HTML page as (level, text, id)."""
    outline = Outline()
    outline.feed(text)
    outline.close()
    return [(level, " ".join(words.split()), name) for level, words, name in outline.found]


def check(candidate):
    page = "<h1 id=top>Fish &amp;\n <b>Chips</b></h1><p>text<H2>Caf&eacute; &#x263A;</H2>"
    assert candidate(page) == [(1, "Fish & Chips", "top"), (2, "Café ☺", None)]
    assert html.escape("<a href='x'>") == "&lt;a href=&#x27;x&#x27;&gt;"
    assert html.unescape("&lt;&notit;&#9731;") == "<¬it;☃"
