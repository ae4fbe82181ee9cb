import configparser
import tomllib
from collections import ChainMap
from types import MappingProxyType, SimpleNamespace


def settings_layers(toml: str, ini: str, section: str) -> dict[str, object]:
    """One table of settings: an INI section's values over those of the same table in a TOML text."""
    parser = configparser.ConfigParser(interpolation=configparser.ExtendedInterpolation())
    parser.read_string(ini)
    own = dict(parser[section]) if parser.has_section(section) else {}
    return dict(ChainMap(own, tomllib.loads(toml).get(section, {})))


def check(candidate):
    toml = '[web]\nport = 8_080\nhosts = ["a", "b"]\nsince = 2024-02-29\nratio = 1e-3\nname = "x"\n'
    ini = "[paths]\nroot = /srv\n[web]\nName = ${paths:root}/www\n; comment\nlong = one\n  two\n"
    got = candidate(toml, ini, "web")
    assert got["port"] == 8080 and got["hosts"] == ["a", "b"] and got["since"].day == 29
    assert (got["name"], got["long"], got["ratio"]) == ("/srv/www", "one\ntwo", 0.001)
    assert candidate(toml, "", "none") == {}
    for text in ("a = ", "a = 1\na = 2"):
        try:
            candidate(text, "", "web")
        except tomllib.TOMLDecodeError:
            continue
        assert False, text
    frozen = MappingProxyType({"a": 1})
    try:
        frozen["b"] = 2
    except TypeError:
        pass
    else:
        assert False
    assert SimpleNamespace(a=1, b=[]) == SimpleNamespace(b=[], a=1)
