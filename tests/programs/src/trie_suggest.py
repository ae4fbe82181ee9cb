class Trie(dict):
    """Letters to tries; END marks a word."""

    END = object()

    def __missing__(self, letter):
        self[letter] = Trie()
        return self[letter]

    def add(self, word):
        node = self
        for letter in word:
            node = node[letter]
        dict.__setitem__(node, Trie.END, word)

    def words(self):
        if Trie.END in self:
            yield self[Trie.END]
        for letter in sorted(key for key in self if key is not Trie.END):
            yield from self[letter].words()


def trie_suggest(words: list[str], prefix: str, limit: int = 3) -> list[str]:
    """The first words, in order of the alphabet, that begin with prefix."""
    from itertools import islice

    trie = Trie()
    for word in words:
        trie.add(word)
    for letter in prefix:
        if letter not in trie:
            return []
        trie = trie[letter]
    return list(islice(trie.words(), limit))


def check(candidate):
    words = ["car", "cart", "care", "cat", "dog", "ca"]
    assert candidate(words, "ca") == ["ca", "car", "care"]
    assert candidate(words, "ca", limit=9) == ["ca", "car", "care", "cart", "cat"]
    assert candidate(words, "x") == [] and candidate([], "") == []
    assert candidate(words, "dog") == ["dog"]
