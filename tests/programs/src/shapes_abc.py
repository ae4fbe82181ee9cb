import math
from abc import ABC, abstractmethod


class Shape(ABC):
    registry: dict = {}

    def __init_subclass__(cls, /, word, **rest):
        super().__init_subclass__(**rest)
        Shape.registry[word] = cls

    @property
    @abstractmethod
    def area(self):
        """Square units."""


class Circle(Shape, word="circle"):
    def __init__(self, radius):
        self.radius = radius

    @property
    def area(self):
        return math.pi * self.radius**2


class Box(Shape, word="box"):
    def __init__(self, width, height=None):
        self.width, self.height = width, height or width

    @property
    def area(self):
        return self.width * self.height


def shapes_abc(lines):
    """Add the areas of shapes written like 'box 2 3' and 'circle 1', to three digits."""
    total = 0
    for line in lines:
        word, *sizes = line.split()
        total += Shape.registry[word](*map(float, sizes)).area
    return round(total, 3)


def check(candidate):
    assert candidate(["box 2 3", "circle 1", "box 2"]) == 13.142
    assert candidate([]) == 0
    try:
        Shape()
    except TypeError as error:
        assert "abstract" in str(error)
    else:
        assert False
    try:
        candidate(["cone 1"])
    except KeyError as error:
        assert error.args == ("cone",)
    else:
        assert False
