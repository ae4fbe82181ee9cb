import json


def json_paths(text: str) -> dict[str, object]:
    """Flatten a JSON document to a dictionary from paths like 'a.b[0]' to scalar values."""
    out = {}

    def walk(path, value):
        if isinstance(value, dict):
            for key, inner in value.items():
                walk(f"{path}.{key}" if path else key, inner)
        elif isinstance(value, list):
            for at, inner in enumerate(value):
                walk(f"{path}[{at}]", inner)
        else:
            out[path] = value

    walk("", json.loads(text))
    return out


def check(candidate):
    text = '{"a": {"b": [1, 2.5, {"c": null}]}, "d": "\\u00e9\\n", "e": 1e3, "f": true}'
    assert candidate(text) == {
        "a.b[0]": 1, "a.b[1]": 2.5, "a.b[2].c": None, "d": "é\n", "e": 1000.0, "f": True}
    assert json.dumps({"b": [1, (2,)], "a": "é"}, sort_keys=True) == '{"a": "\\u00e9", "b": [1, [2]]}'
    assert json.dumps([1, {}], indent=1) == "[\n 1,\n {}\n]"
    try:
        candidate('{"a": }')
    except json.JSONDecodeError as error:
        assert (error.lineno, error.colno) == (1, 7)
    else:
        assert False
