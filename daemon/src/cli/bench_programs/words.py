"""Texts and dictionaries: makes a text, counts its words and pairs, and groups anagrams."""

SYLLABLES = ["ka", "lo", "mi", "ter", "an", "dus", "e", "vo", "shi", "ran", "pel", "u", "gor", "ith"]


def text(length, seed):
    words = []
    for _ in range(length):
        word = ""
        for _ in range(1 + seed % 3):
            seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648
            word += SYLLABLES[seed // 65_536 % len(SYLLABLES)]
        seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648
        words.append(word.capitalize() if seed % 7 == 0 else word)
        if seed % 11 == 0:
            words[-1] += ","
    return " ".join(words)


def count(words):
    singles, pairs = {}, {}
    last = ""
    for word in words:
        singles[word] = singles.get(word, 0) + 1
        pair = last + " " + word
        pairs[pair] = pairs.get(pair, 0) + 1
        last = word
    return singles, pairs


def anagrams(words):
    groups = {}
    for word in words:
        groups.setdefault("".join(sorted(word)), []).append(word)
    return sorted((group for group in groups.values() if len(group) > 2), key=lambda group: (-len(group), group))


for seed in (42, 7, 1_234, 99, 5):
    made = text(130_000, seed)
    words = [word.strip(",").lower() for word in made.split()]
    singles, pairs = count(words)
    top = sorted(singles.items(), key=lambda item: (-item[1], item[0]))[:3]
    groups = anagrams(singles)
    lines = "\n".join(f"{word:>12}: {times:06d}" for word, times in sorted(singles.items()))
    print(len(made), len(singles), len(pairs), top, len(groups), sum(map(ord, lines)) % 1_000_003)
