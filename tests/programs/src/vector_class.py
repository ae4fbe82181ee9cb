from __future__ import annotations

import math
from functools import total_ordering


@total_ordering
class Vector:
    """An immutable vector with the operators that one expects."""

    __slots__ = ("parts",)

    def __init__(self, *parts: float):
        self.parts = parts

    def __add__(self, other: Vector) -> Vector:
        if not isinstance(other, Vector):
            return NotImplemented
        return Vector(*(a + b for a, b in zip(self.parts, other.parts, strict=True)))

    def __rmul__(self, factor: float) -> Vector:
        return Vector(*(factor * part for part in self.parts))

    def __matmul__(self, other: Vector) -> float:
        return math.sumprod(self.parts, other.parts) if hasattr(math, "sumprod") else sum(
            a * b for a, b in zip(self.parts, other.parts))

    def __abs__(self) -> float:
        return math.hypot(*self.parts)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Vector) and self.parts == other.parts

    def __lt__(self, other: Vector) -> bool:
        return abs(self) < abs(other)

    def __hash__(self) -> int:
        return hash(self.parts)

    def __repr__(self) -> str:
        return f"Vector({', '.join(map(repr, self.parts))})"


def vector_class(points: list[Vector]) -> Vector:
    """The mean of some vectors."""
    return (1 / len(points)) * sum(points[1:], points[0])


def check(candidate):
    assert candidate([Vector(0, 0), Vector(4, 2)]) == Vector(2.0, 1.0)
    assert repr(candidate([Vector(1)])) == "Vector(1.0)"
    assert Vector(3, 4) @ Vector(1, 2) == 11 and abs(Vector(3, 4)) == 5
    assert Vector(1, 0) <= Vector(0, 2) and len({Vector(1), Vector(1)}) == 1
    for wrong in (lambda: Vector(1) + 1, lambda: Vector(1) + Vector(1, 2)):
        try:
            wrong()
        except (TypeError, ValueError):
            pass
        else:
            assert False
