from itertools import cycle
from string import ascii_lowercase


def caesar_vigenere(text: str, key: str, decode: bool = False) -> str:
    """Shift each letter by the key's letters in turn; case and other characters stay."""
    shifts = cycle(ascii_lowercase.index(letter) for letter in key.lower())
    sign = -1 if decode else 1

    def turn(letter):
        if not (letter.isascii() and letter.isalpha()):
            return letter
        base = ord("A") if letter.isupper() else ord("a")
        return chr((ord(letter) - base + sign * next(shifts)) % 26 + base)

    return "".join(map(turn, text))


def check(candidate):
    assert candidate("Attack at dawn!", "lemon") == "Lxfopv ef rnhr!"
    assert candidate("Lxfopv ef rnhr!", "LEMON", decode=True) == "Attack at dawn!"
    assert candidate("é", "z") == "é"
    rot13 = str.maketrans(ascii_lowercase, ascii_lowercase[13:] + ascii_lowercase[:13])
    assert "hello".translate(rot13) == "uryyb" == candidate("hello", "n")
