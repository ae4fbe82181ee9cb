from urllib.parse import parse_qsl, quote, unquote, urlencode, urljoin, urlsplit, urlunsplit

PORTS = {"http": 80, "https": 443}


def canonical_url(url: str) -> str:
    """The same address in one spelling: lower-case host, no default port, sorted query, no fragment."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.port and parts.port != PORTS.get(parts.scheme):
        host += f":{parts.port}"
    query = urlencode(sorted(parse_qsl(parts.query, keep_blank_values=True)))
    return urlunsplit((parts.scheme, host, quote(unquote(parts.path)) or "/", query, ""))


def check(candidate):
    assert candidate("HTTPS://Example.ORG:443?b=2&a=1&a=#top") == "https://example.org/?a=&a=1&b=2"
    assert candidate("http://x:8080/a%7Eb/c d") == "http://x:8080/a~b/c%20d"
    assert urljoin("http://a/b/c/d", "../e?x=1") == "http://a/b/e?x=1"
    assert quote("ü/ ") == "%C3%BC/%20"
    try:
        candidate("http://x:port/")
    except ValueError:
        pass
    else:
        assert False
