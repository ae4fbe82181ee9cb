from graphlib import CycleError, TopologicalSorter


def topological_batches(needs: dict[str, set[str]]) -> list[list[str]]:
    """Group names into batches so that everything a name needs is in an earlier batch."""
    sorter = TopologicalSorter(needs)
    sorter.prepare()
    batches = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready())
        batches.append(ready)
        sorter.done(*ready)
    return batches


def check(candidate):
    needs = {"app": {"lib", "log"}, "lib": {"core"}, "log": {"core"}, "core": set(), "doc": set()}
    assert candidate(needs) == [["core", "doc"], ["lib", "log"], ["app"]]
    try:
        candidate({"a": {"b"}, "b": {"a"}})
    except CycleError as error:
        assert set(error.args[1]) == {"a", "b"}
    else:
        assert False
