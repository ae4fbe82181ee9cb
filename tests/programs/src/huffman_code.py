import heapq
from collections import Counter
from itertools import count


def huffman_code(text: str) -> dict[str, str]:
    """A prefix code of the least total length for a text's letters; ties go to the letter that came first."""
    ticket = count()
    heap = [(n, next(ticket), letter) for letter, n in Counter(text).items()]
    heapq.heapify(heap)
    if len(heap) == 1:
        return {heap[0][2]: "0"}
    while len(heap) > 1:
        (n, _, left), (m, _, right) = heapq.heappop(heap), heapq.heappop(heap)
        heapq.heappush(heap, (n + m, next(ticket), (left, right)))
    codes: dict[str, str] = {}

    def walk(node, prefix):
        if isinstance(node, str):
            codes[node] = prefix
        else:
            walk(node[0], prefix + "0")
            walk(node[1], prefix + "1")

    if heap:
        walk(heap[0][2], "")
    return codes


def check(candidate):
    assert candidate("") == {} and candidate("aaa") == {"a": "0"}
    text = "abracadabra"
    codes = candidate(text)
    bits = "".join(codes[letter] for letter in text)
    assert len(bits) == 23
    letters = {code: letter for letter, code in codes.items()}
    out, part = "", ""
    for bit in bits:
        part += bit
        if part in letters:
            out, part = out + letters[part], ""
    assert (out, part) == (text, "")
