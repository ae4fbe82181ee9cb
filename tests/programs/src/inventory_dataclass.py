from dataclasses import asdict, astuple, dataclass, field, replace
from typing import ClassVar


@dataclass(order=True, frozen=True)
class Item:
    price: int
    name: str = field(compare=False)
    tags: frozenset = field(default=frozenset(), compare=False, repr=False)
    currency: ClassVar[str] = "EUR"

    def __post_init__(self):
        if self.price < 0:
            raise ValueError("a price is not negative")


def inventory_dataclass(items: list[Item], percent: int) -> list[Item]:
    """Return the items, cheapest first, with prices lowered by percent and rounded down."""
    return sorted(replace(item, price=item.price * (100 - percent) // 100) for item in items)


def check(candidate):
    items = [Item(300, "lamp"), Item(99, "cup", frozenset({"blue"}))]
    got = candidate(items, 10)
    assert [astuple(item)[:2] for item in got] == [(89, "cup"), (270, "lamp")]
    assert asdict(got[0])["tags"] == {"blue"}
    assert repr(got[1]) == "Item(price=270, name='lamp')"
    for wrong in (lambda: Item(-1, "x"), lambda: candidate(items, 200)):
        try:
            wrong()
        except ValueError as error:
            assert "not negative" in str(error)
        else:
            assert False
    try:
        items[0].price = 1
    except AttributeError:
        pass
    else:
        assert False
