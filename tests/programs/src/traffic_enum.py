from enum import Enum, Flag, IntEnum, auto, unique


@unique
class Light(Enum):
    RED = "stop"
    GREEN = "go"
    AMBER = "wait"

    @property
    def next(self):
        order = list(Light)
        return order[(order.index(self) + 1) % len(order)]


class Access(Flag):
    READ = auto()
    WRITE = auto()
    ALL = READ | WRITE


class Size(IntEnum):
    SMALL = 1
    LARGE = 3


def traffic_enum(start: str, steps: int) -> list[str]:
    """Names of the lights that follow the light with the given meaning, in order."""
    light, names = Light(start), []
    for _ in range(steps):
        light = light.next
        names.append(light.name)
    return names


def check(candidate):
    assert candidate("stop", 4) == ["GREEN", "AMBER", "RED", "GREEN"]
    try:
        candidate("fly", 1)
    except ValueError as error:
        assert "'fly' is not a valid Light" in str(error)
    else:
        assert False
    assert Access.ALL & ~Access.READ == Access.WRITE and Access.READ in Access.ALL
    assert Size.LARGE > Size.SMALL and Size.LARGE + 1 == 4 and Light["RED"].value == "stop"
