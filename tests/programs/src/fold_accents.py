import unicodedata


def fold_accents(text):
    """Return the text in lower case without accents, so that 'Éa' and 'ea' compare equal."""
    parts = unicodedata.normalize("NFKD", text.casefold())
    return "".join(c for c in parts if not unicodedata.combining(c))


def check(candidate):
    assert candidate("Crème Brûlée") == "creme brulee"
    assert candidate("Straße") == "strasse"
    assert candidate("ﬁn Ångström") == "fin angstrom"
    assert candidate("日本語") == "日本語"
    assert candidate("e\u0301") == candidate("\u00e9") == "e"
    assert unicodedata.name("ß") == "LATIN SMALL LETTER SHARP S"
