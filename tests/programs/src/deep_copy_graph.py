import copy
import pickle


class Node:
    def __init__(self, name):
        self.name = name
        self.links = []

    def __reduce__(self):
        return Node, (self.name,), {"links": self.links}


def deep_copy_graph(start: Node, suffix: str) -> Node:
    """A copy of everything that can be reached from start, each name with suffix; cycles are kept."""
    twin = copy.deepcopy(start)
    seen, open_nodes = set(), [twin]
    while open_nodes:
        node = open_nodes.pop()
        if id(node) not in seen:
            seen.add(id(node))
            node.name += suffix
            open_nodes += node.links
    return twin


def check(candidate):
    a, b = Node("a"), Node("b")
    a.links, b.links = [b, b], [a]
    twin = candidate(a, "2")
    assert (twin.name, twin.links[0].name, a.name) == ("a2", "b2", "a")
    assert twin.links[0] is twin.links[1] and twin.links[0].links[0] is twin is not a
    shallow = copy.copy(a)
    assert shallow.links is a.links and shallow is not a
    again = pickle.loads(pickle.dumps({"x": [1, (2, 3)], "y": {4.5}}))
    assert again == {"x": [1, (2, 3)], "y": {4.5}}
