class Forest:
    """Disjoint sets with path halving and union by size."""

    def __init__(self, size):
        self.parent = list(range(size))
        self.size = [1] * size

    def find(self, item):
        while self.parent[item] != item:
            self.parent[item] = item = self.parent[self.parent[item]]
        return item

    def union(self, a, b):
        a, b = self.find(a), self.find(b)
        if a == b:
            return False
        if self.size[a] < self.size[b]:
            a, b = b, a
        self.parent[b] = a
        self.size[a] += self.size[b]
        return True


def spanning_cost(size, edges):
    """Cost of the cheapest edges (cost, a, b) that connect all of size nodes, or -1 when none do (Kruskal)."""
    forest = Forest(size)
    joined = [cost for cost, a, b in sorted(edges) if forest.union(a, b)]
    return sum(joined) if len(joined) == size - 1 else -1


def check(candidate):
    assert candidate(4, [(1, 0, 1), (3, 1, 2), (2, 0, 2), (9, 2, 3), (7, 1, 3)]) == 10
    assert candidate(3, [(1, 0, 1)]) == -1
    assert candidate(1, []) == 0
    edges = [((a * 31 + b * 17) % 101, a, b) for a in range(60) for b in range(a)]
    assert candidate(60, edges) == candidate(60, list(reversed(edges)))
