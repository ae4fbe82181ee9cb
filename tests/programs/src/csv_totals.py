import csv
import io
from collections import defaultdict


def csv_totals(text: str, key: str, value: str) -> dict[str, float]:
    """Sum one column of a CSV text by another; rows whose value is empty are left out."""
    totals: dict[str, float] = defaultdict(float)
    for row in csv.DictReader(io.StringIO(text)):
        if row[value]:
            totals[row[key]] += float(row[value])
    return dict(totals)


def check(candidate):
    text = 'city,"amount, net",note\nBern,1.5,"say ""hi"""\n"St. Gallen",2,\nBern,,"two\nlines"\nBern,3,x\n'
    assert candidate(text, "city", "amount, net") == {"Bern": 4.5, "St. Gallen": 2.0}
    assert list(csv.reader(io.StringIO(text)))[1][2] == 'say "hi"'
    out = io.StringIO()
    writer = csv.writer(out, delimiter=";", quoting=csv.QUOTE_MINIMAL, lineterminator="\n")
    writer.writerows([["a;b", 1], ["c", None]])
    assert out.getvalue() == '"a;b";1\nc;\n'
    assert csv.Sniffer().sniff("a|b|c\n1|2|3\n").delimiter == "|"
