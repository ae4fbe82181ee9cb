from typing import Literal, Optional, Protocol, TypedDict, Union, get_args, get_type_hints, runtime_checkable


class Event(TypedDict, total=False):
    kind: Literal["open", "close"]
    at: int
    note: Optional[str]


@runtime_checkable
class Closable(Protocol):
    def close(self) -> None: ...


def typed_events(events: list[Event]) -> Union[int, None]:
    """Time that a door was open, from its events in any order; None while it is still open."""
    total, opened = 0, None
    for event in sorted(events, key=lambda event: event["at"]):
        if event["kind"] == "open" and opened is None:
            opened = event["at"]
        elif event["kind"] == "close" and opened is not None:
            total, opened = total + event["at"] - opened, None
    return total if opened is None else None


def check(candidate):
    import io

    assert candidate([{"kind": "close", "at": 9}, {"kind": "open", "at": 4}]) == 5
    assert candidate([{"kind": "open", "at": 1, "note": None}]) is None
    assert candidate([]) == 0
    assert get_args(get_type_hints(Event)["kind"]) == ("open", "close")
    assert set(get_type_hints(candidate)) == {"events", "return"}
    assert isinstance(io.StringIO(), Closable) and not isinstance(3, Closable)
