import re

LINE = re.compile(
    r"""^(?P<time>\d\d:\d\d:\d\d) \s+ \[(?P<level>[A-Z]+)\] \s+ (?P<message>.*?)
        (?:\s+\((?P<pairs>\w+=\S+(?:,\s*\w+=\S+)*)\))?$""",
    re.VERBOSE,
)


def parse_log(lines: list[str]) -> list[dict]:
    """Parse lines like '10:00:01 [INFO] started (port=80, tls=no)'; lines of another form are left out."""
    out = []
    for line in lines:
        found = LINE.match(line.strip())
        if found:
            entry = found.groupdict()
            pairs = entry.pop("pairs") or ""
            entry["fields"] = dict(re.findall(r"(\w+)=([^,\s]+)", pairs))
            out.append(entry)
    return out


def check(candidate):
    got = candidate(["10:00:01 [INFO] started (port=80, tls=no)", "noise", "10:00:02 [WARN] slow  "])
    assert got == [
        {"time": "10:00:01", "level": "INFO", "message": "started", "fields": {"port": "80", "tls": "no"}},
        {"time": "10:00:02", "level": "WARN", "message": "slow", "fields": {}},
    ]
    assert re.sub(r"(?<=\d)(?=(\d{3})+$)", ",", "1234567") == "1,234,567"
    assert re.split(r"[;,]\s*", "a, b;c") == ["a", "b", "c"]
