class Positive:
    """A number above zero, kept under the name it is assigned to."""

    def __set_name__(self, owner, name):
        self.name = f"_{name}"

    def __get__(self, instance, owner=None):
        return self if instance is None else getattr(instance, self.name)

    def __set__(self, instance, value):
        if not value > 0:
            raise ValueError(f"{self.name[1:]} must be above zero, got {value!r}")
        setattr(instance, self.name, value)


class Meta(type):
    def __call__(cls, *args):
        made = super().__call__(*args)
        cls.made = getattr(cls, "made", 0) + 1
        return made


class Tank(metaclass=Meta):
    width = Positive()
    height = Positive()

    def __init__(self, width, height):
        self.width, self.height = width, height

    def __getattr__(self, name):
        if name.startswith("twice_"):
            return 2 * getattr(self, name.removeprefix("twice_"))
        raise AttributeError(name)

    @classmethod
    def cube(cls, side):
        return cls(side, side)

    @staticmethod
    def unit():
        return "m"


def descriptor_units(sizes):
    """For each (width, height): twice the width, or the reason why there is no such tank."""
    out = []
    for width, height in sizes:
        try:
            out.append(Tank(width, height).twice_width)
        except ValueError as error:
            out.append(str(error))
    return out


def check(candidate):
    assert candidate([(2, 3), (0, 1), (1.5, 1)]) == [4, "width must be above zero, got 0", 3.0]
    before = Tank.made
    assert Tank.cube(2).height == 2 and Tank.made == before + 1 and Tank.unit() == "m"
    assert isinstance(Tank.width, Positive) and not hasattr(Tank.cube(1), "depth")
    assert type("Made", (Tank,), {"extra": 5})(1, 1).extra == 5
