"""Requests outside the instruction language, answered by scrambled tokens.

The daemon declines when the model is unsure. A small model is sure of anything
it can read as a known family, so it is shown foreign requests with answers that
cannot be predicted: on such requests its probabilities become flat.
"""

from .grammar import expand
from .phrasing import invented_name
from .words import NAME_WORDS

THINGS = """REST endpoint|web server|database table|SQL query|CSV file|JSON document|XML parser|regular expression|linked list|binary tree|hash map|
priority queue|graph|socket|thread pool|cache|logger|config file|command line tool|web page|login form|chat bot|calendar|email|PDF report|image|
audio file|video|neural network|matrix|chess board|tic tac toe game|snake game|maze|sudoku puzzle|bank account class|shopping cart|stock price|weather
forecast|currency rate|password|encryption key|hash function|compiler|interpreter|tokenizer|scheduler|state machine|event loop|message queue|docker
container|cloud bucket|git repository|unit test suite|decorator|context manager|generator|iterator|class hierarchy|singleton|web scraper|API client|
payment form|user session|timer|clock|random password|dice game|QR code|map route|spreadsheet|text editor|plugin|translation|poem|story|joke|recipe""".replace("\n", "").split("|")
VERBS = "build|create|write|design|implement|parse|download|upload|connect to|train|deploy|render|draw|encrypt|compress|traverse|balance|simulate|monitor|schedule|validate|test|refactor|explain|debug|fix|optimise|query|serialise|scrape|solve|play|send|open|migrate|install|configure".split("|")
FRAMES = (
    "[Please |Can you |Write a function to |Write a program to |I want to |Help me |]%V [a|the|my] %T [for|with|using|in|from] [a|the] %T",
    "[Please |Write code to |]%V [a|the] %T", "Write a function %F(x) that %Vs [a|the] %T", "%F(data): %V the %T and %V a %T", "Return the %T of the %T",
    "How does [a|the] %T work", "[Write|Make|Create] a %T", "Write a function %F that takes a %T and returns the %T", "%W", "%W",
)
JUNK = """def return for in if else not sum max len range sorted x y i ( ) [ ] : = == + - * % // 0 1 2 3 5 7 None True False " ' . , join split lower append
import class self while try pass lambda yield print str int list dict set abs min zip map""".split()


def outside_sample(rng):
    """(request, scrambled answer, where the loss begins)."""
    text = expand(rng, rng.choice(FRAMES))
    while "%" in text:
        if "%V" in text:
            text = text.replace("%V", rng.choice(VERBS), 1)
        elif "%T" in text:
            text = text.replace("%T", rng.choice(THINGS), 1)
        elif "%F" in text:
            text = text.replace("%F", invented_name(rng), 1)
        else:
            text = text.replace("%W", " ".join(rng.choice(NAME_WORDS) for _ in range(rng.randint(3, 10))), 1)
    junk = " ".join(rng.choice(JUNK) for _ in range(rng.randint(4, 12)))
    header = f"def {invented_name(rng)}({rng.choice(['x', 'nums', 's', 'data', 'a, b', 'text', 'n'])}):"
    if rng.random() < 0.6:
        return text, f"{header}\n    {junk}\n", len(header)
    return text, junk + "\n", 0
