import heapq
from collections import defaultdict


def shortest_path(edges, start, goal):
    """Dijkstra on undirected edges (a, b, cost): returns (cost, path), or None when goal is out of reach."""
    graph = defaultdict(list)
    for a, b, cost in edges:
        graph[a].append((b, cost))
        graph[b].append((a, cost))
    queue, done = [(0, start, (start,))], set()
    while queue:
        cost, node, path = heapq.heappop(queue)
        if node == goal:
            return cost, list(path)
        if node in done:
            continue
        done.add(node)
        for other, step in graph[node]:
            if other not in done:
                heapq.heappush(queue, (cost + step, other, path + (other,)))
    return None


def check(candidate):
    edges = [("a", "b", 7), ("a", "c", 9), ("a", "f", 14), ("b", "c", 10), ("b", "d", 15),
             ("c", "d", 11), ("c", "f", 2), ("d", "e", 6), ("e", "f", 9), ("x", "y", 1)]
    assert candidate(edges, "a", "e") == (20, ["a", "c", "f", "e"])
    assert candidate(edges, "a", "a") == (0, ["a"])
    assert candidate(edges, "a", "x") is None
    grid = [((x, y), (x + dx, y + dy), 1 + (x * y) % 3)
            for x in range(12) for y in range(12) for dx, dy in ((0, 1), (1, 0))]
    assert candidate(grid, (0, 0), (11, 11))[0] == 24
    assert heapq.nsmallest(2, [5, 1, 4]) == [1, 4]
    assert list(heapq.merge([1, 4], [2, 3])) == [1, 2, 3, 4]
