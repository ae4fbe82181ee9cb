"""The guest's entry: one program of a request, run and reported. See wit/guest.wit for the contract."""

import gc, sys

# First, so that all objects are its.
from _edgecoder import allocator, modules

modules.preload()

import atexit, json, random, traceback, types

import wit_world

from _edgecoder import files, loop, streams, suites, values

# What native Python allows, counted from a program's own first frame.
RECURSION_MAX = 1000
# Frames of ours below it.
OWN_FRAMES = 12
MESSAGE_MAX = 4000
# A little of what most programs do.
FIRST = b"""
import json, re
class A:
    def f(self, x, *rest, key=None):
        return [y + 1 for y in range(x) if y], {"a": (x, *rest)}
print(sum(A().f(3)[0]), f"{A().f(1, 2)!r:>10}", sorted("ba"), "x".join(["1"]).split("x"))
try:
    {}["x"]
except KeyError:
    pass
assert A
"""

Mode, Ended = wit_world.Mode, wit_world.Ended


def _response(ended, error=None, message="", value="", tests=()):
    kind = type(error) if error is not None else None
    if error is not None and not message:
        message = suites.text_of(error)
    return wit_world.Response(
        ended=ended,
        class_=kind.__name__[:200] if kind else "",
        bases=[base.__name__[:200] for base in kind.__mro__[1:]][:50] if kind else [],
        message=message[:MESSAGE_MAX],
        value=value,
        tests=[wit_world.Test(name, getattr(wit_world.TestOutcome, outcome), text) for name, outcome, text in tests],
        written=[],
    )


def _script(request):
    modules.start(request.entry)
    path = f"{files.ROOT}/{request.entry}"
    sys.argv = [path]
    main = types.ModuleType("__main__")
    main.__file__, main.__builtins__ = path, __builtins__
    sys.modules["__main__"] = main
    exec(compile(bytes(files.files[path]), path, "exec", dont_inherit=True), main.__dict__)
    atexit._run_exitfuncs()
    return _response(Ended.RETURNED)


def _suite(request):
    modules.start(request.tests, request.entry)
    sys.argv = [f"{files.ROOT}/{request.tests}"]
    run = suites.run_unittest if request.mode == Mode.UNITTEST else suites.run_asserts
    return _response(Ended.RETURNED, tests=run(request.entry, request.tests))


def _call(request):
    modules.start(request.entry)
    sys.argv = [f"{files.ROOT}/{request.entry}"]
    call = json.loads(request.call)
    try:
        target = modules.import_solution(request.entry)
        for name in call["entry"].split("."):
            target = getattr(target, name)
    except (SystemExit, MemoryError):
        raise
    except BaseException as error:
        # Told apart from what the function raises: code without the function must not pass for its exception.
        suites.print_traceback(error)
        why = f"could not be called: {type(error).__name__}: {suites.text_of(error)}"
        return _response(Ended.UNSUPPORTED, message=why)
    returned = target(*call["args"], **call["kwargs"])
    sys.set_int_max_str_digits(0)
    try:
        return _response(Ended.RETURNED, value=values.to_json(returned, request.result_limit))
    except values.Unsupported as why:
        return _response(Ended.UNSUPPORTED, message=str(why))


RUN = {Mode.SCRIPT: _script, Mode.UNITTEST: _suite, Mode.ASSERTS: _suite, Mode.CALL: _call}


def _guarded(request):
    try:
        return RUN[request.mode](request)
    except SystemExit as error:
        code = error.code
        if code is not None and not isinstance(code, int):
            print(code, file=streams.error())
        shown = 0 if code is None else code if isinstance(code, int) else 1
        return _response(Ended.EXITED, error, message=str(shown))
    except BaseException as error:
        suites.print_traceback(error)
        return _response(Ended.RAISED, error)


class WitWorld(wit_world.WitWorld):
    def meter(self, fuel):
        """Stands here because the world has it; the function that the host calls is put in afterwards."""
        raise NotImplementedError

    def warm(self):
        """Runs a first program, so that the memory that every run touches is this guest's own by then."""
        first = wit_world.Request([("first.py", FIRST)], Mode.SCRIPT, "first.py", "", "", b"", 0, 0, 0)
        self.run(first)
        files.reset()
        modules.reset()

    def run(self, request):
        files.load(request.files, request.stdin)
        streams.start(request.output_limit)
        random.seed(request.seed)
        sys.setrecursionlimit(RECURSION_MAX + OWN_FRAMES)
        response = _guarded(request)
        streams.finish()
        if files.changed:
            response.written = files.written()
        return response


def _gaps():
    """Blocks that fill the gaps which preloading left among the large ones; the small ones start new pools.

    A program's own objects then come to lie side by side behind them: a run writes to a few hundred pages, and not to
    a thousand, and each page that it writes to is copied by the host first.
    """
    kept, highest = [], id(bytearray(1 << 18))
    for size in (8192, 4096, 2048, 1024, 768, 512):
        beyond = []
        while len(beyond) < 8:
            filler = b"." * size
            (beyond if id(filler) > highest else kept).append(filler)
    return kept


del wit_world.fuel_left
loop.install()
files.install()
modules.install()
# What the preloaded modules wanted to do at the end; a program's own functions are kept apart from that.
atexit._clear()
print("not in this guest:", *modules.missing, sep="\n  ", file=sys.stderr)
gc.collect()
gaps = _gaps()
allocator.new_pools()
gc.freeze()
