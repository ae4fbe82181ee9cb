import uuid


def name_uuid(names: list[str], domain: str) -> dict[str, str]:
    """A stable id for each name: version 5 under the domain's own id."""
    space = uuid.uuid5(uuid.NAMESPACE_DNS, domain)
    return {name: str(uuid.uuid5(space, name)) for name in names}


def check(candidate):
    assert str(uuid.uuid5(uuid.NAMESPACE_DNS, "python.org")) == "886313e1-3b8a-5372-9b90-0c9aee199e5d"
    got = candidate(["a", "b", "a"], "example.org")
    assert len(got) == 2 and got == candidate(["b", "a"], "example.org")
    one = uuid.UUID(got["a"])
    assert one.version == 5 and one.variant == uuid.RFC_4122 and uuid.UUID(int=one.int) == one
    assert uuid.uuid3(uuid.NAMESPACE_URL, "x").version == 3 and uuid.uuid4().version == 4
