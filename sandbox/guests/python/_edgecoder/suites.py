"""Runs test files and tells each test's result as `(name, outcome, message)`."""

import __future__
import ast, importlib, inspect, sys, traceback, types, unittest

from . import files, modules, streams

# More than any suite written by hand; the rest is counted in one last line.
TESTS_MAX = 10_000
MESSAGE_MAX = 2000
NAME_MAX = 200
REPR_MAX = 300


def text_of(error):
    """An exception's text, whatever its `__str__` does."""
    try:
        return str(error)[:MESSAGE_MAX]
    except BaseException:
        return "(its text cannot be shown)"


def show(value):
    """A value's `repr`, cut."""
    try:
        text = repr(value)
    except RecursionError:
        raise
    except Exception:
        text = f"<{type(value).__name__} without a repr>"
    return text if len(text) <= REPR_MAX else text[:REPR_MAX] + "…"


def print_traceback(error):
    """As the interpreter prints it, without our own frames."""
    inner = error.__traceback__
    while inner is not None and not inner.tb_frame.f_code.co_filename.startswith(files.ROOT + "/"):
        inner = inner.tb_next
    try:
        text = "".join(traceback.TracebackException(type(error), error, inner, compact=True).format())
    except BaseException:
        text = f"{type(error).__name__}\n"
    streams.error().write(text)


class Results:
    """Collects results, with unique names."""

    def __init__(self):
        self.all, self.names = [], {}

    def add(self, name, outcome, message=""):
        if len(self.all) >= TESTS_MAX:
            raise RuntimeError(f"the suite has more than {TESTS_MAX} tests")
        name = name[:NAME_MAX - 8]
        seen = self.names[name] = self.names.get(name, 0) + 1
        self.all.append((name if seen == 1 else f"{name} ({seen})", outcome, message[:MESSAGE_MAX]))


# --- unittest ---------------------------------------------------------------------------------------------


def _place(error):
    """Where in the files it happened: the innermost frame of a program."""
    place, inner = "", error.__traceback__
    while inner is not None:
        file = inner.tb_frame.f_code.co_filename
        if file.startswith(files.ROOT + "/"):
            place = f" ({file[len(files.ROOT) + 1:]}, line {inner.tb_lineno})"
        inner = inner.tb_next
    return place


class _Recorder(unittest.TestResult):
    def __init__(self, results):
        super().__init__()
        self.results, self.parts = results, {}

    @staticmethod
    def _name(test):
        if isinstance(test, unittest.TestCase):
            return f"{type(test).__name__}.{test._testMethodName}"
        # Stands for a failed setUpClass or setUpModule: `setUpClass (module.Class)`.
        step, _, where = str(test).partition(" (")
        return f"{where.rstrip(')').rpartition('.')[2]}.{step}"

    def addSuccess(self, test):
        if id(test) not in self.parts:
            self.results.add(self._name(test), "PASSED")

    def _bad(self, name, error, failed):
        print_traceback(error)
        text = text_of(error)
        if failed:
            message = text or f"an assertion failed{_place(error)}"
        else:
            message = f"{type(error).__name__}: {text}{_place(error)}"
        self.results.add(name, "FAILED" if failed else "ERRORED", message)

    def addError(self, test, err):
        self._bad(self._name(test), err[1], False)

    def addFailure(self, test, err):
        self._bad(self._name(test), err[1], True)

    def addSkip(self, test, reason):
        self.results.add(self._name(test), "SKIPPED", str(reason))

    def addExpectedFailure(self, test, err):
        self.results.add(self._name(test), "PASSED")

    def addUnexpectedSuccess(self, test):
        self.results.add(self._name(test), "FAILED", "it was expected to fail and passed")

    def addSubTest(self, test, subtest, err):
        if err is not None:
            self.parts[id(test)] = True
            which = subtest._subDescription()
            self._bad(f"{self._name(test)} {which}", err[1], issubclass(err[0], test.failureException))


def run_unittest(solution, tests):
    if solution:
        modules.solution_is(solution)
    results = Results()
    try:
        module = importlib.import_module(modules.name_of(tests))
    except (SystemExit, MemoryError):
        raise
    except BaseException as error:
        print_traceback(error)
        message = f"{type(error).__name__}: {text_of(error)}{_place(error)}"
        return [(f"import {tests}"[:NAME_MAX], "ERRORED", message[:MESSAGE_MAX])]
    loader, recorder = unittest.TestLoader(), _Recorder(results)
    loader.loadTestsFromModule(module)(recorder)
    for error in loader.errors:
        results.add("load_tests", "ERRORED", error.strip().rpartition("\n")[2])
    _run_functions(module, results)
    if not results.all:
        results.add("the file holds tests", "ERRORED", f"no test was found in {tests}: name them test_…")
    return results.all


def _run_functions(module, results):
    """Plain `test_…` functions, and those of plain `Test…` classes, as pytest would collect them."""
    for name, value in list(vars(module).items()):
        if getattr(value, "__module__", None) != module.__name__:
            continue
        if name.startswith("test") and inspect.isfunction(value):
            _run_function(name, value, None, results)
        elif name.startswith("Test") and isinstance(value, type) and not issubclass(value, unittest.TestCase):
            for inner in [n for n in dir(value) if n.startswith("test")]:
                if callable(getattr(value, inner)):
                    _run_function(f"{name}.{inner}", inner, value, results)


def _run_function(name, function, owner, results):
    try:
        if owner is not None:
            instance = owner()
            function = getattr(instance, function)
            getattr(instance, "setup_method", lambda *_: None)(*[function][: _wants(instance, "setup_method")])
        function()
        if owner is not None:
            getattr(instance, "teardown_method", lambda *_: None)(*[function][: _wants(instance, "teardown_method")])
        results.add(name, "PASSED")
    except unittest.SkipTest as error:
        results.add(name, "SKIPPED", text_of(error))
    except AssertionError as error:
        print_traceback(error)
        results.add(name, "FAILED", text_of(error) or f"an assertion failed{_place(error)}")
    except (SystemExit, MemoryError):
        raise
    except BaseException as error:
        print_traceback(error)
        results.add(name, "ERRORED", f"{type(error).__name__}: {text_of(error)}{_place(error)}")


def _wants(instance, method):
    found = getattr(instance, method, None)
    return len(inspect.signature(found).parameters) if found is not None else 0


# --- asserts ----------------------------------------------------------------------------------------------


class _Asserts:
    """Runs a test file's statements in the solution's namespace; each top-level `assert` is a test."""

    def __init__(self, tests, scope):
        self.path = f"{files.ROOT}/{tests}"
        self.source = bytes(files.files[self.path])
        self.scope, self.results, self.flags = scope, Results(), 0
        tree = compile(self.source, self.path, "exec", ast.PyCF_ONLY_AST, True)
        self.statements, self.lines = tree.body, self.source.decode("utf-8-sig", "replace").splitlines()

    def run(self):
        asserts = any(isinstance(statement, ast.Assert) for statement in self.statements)
        if not any(self._acts(statement) for statement in self.statements):
            self.results.add("the file tests something", "ERRORED", "it only defines: name a file of test functions test_….py, or write asserts")
            return self.results.all
        stopped = ""
        for statement in self.statements:
            name = f"line {statement.lineno}" if asserts else "the file runs"
            if stopped:
                if isinstance(statement, ast.Assert):
                    self.results.add(name, "ERRORED", f"not reached: {stopped}")
            elif isinstance(statement, ast.Assert):
                self._assert(name, statement)
            else:
                stopped = self._statement(name, statement)
        if not asserts and not stopped:
            self.results.add("the file runs", "PASSED")
        return self.results.all

    @staticmethod
    def _acts(statement):
        """Whether running it can fail a test: what only defines or imports, or is a text, cannot."""
        text = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
        defines = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom, ast.Assign, ast.AnnAssign, ast.Pass)
        return not (text or isinstance(statement, defines))

    def _run(self, node, how="exec"):
        """Compiles with the `from __future__` imports seen so far, as one file would."""
        body = ast.Module([node], []) if how == "exec" else ast.Expression(node)
        return eval(compile(body, self.path, how, self.flags, True), self.scope)

    def _statement(self, name, statement):
        if isinstance(statement, ast.ImportFrom) and statement.module == "__future__":
            for alias in statement.names:
                self.flags |= getattr(__future__, alias.name).compiler_flag
        try:
            self._run(statement)
        except (SystemExit, MemoryError):
            raise
        except BaseException as error:
            print_traceback(error)
            failed = isinstance(error, AssertionError)
            text = text_of(error)
            message = text if failed and text else f"{type(error).__name__}: {text}"
            self.results.add(name, "FAILED" if failed else "ERRORED", message + _place(error))
            return f"line {statement.lineno} raised {type(error).__name__}"
        return ""

    def _text(self, node):
        text = ast.get_source_segment("\n".join(self.lines), node) or ast.unparse(node)
        return " ".join(text.split()) if len(text) <= REPR_MAX else text[:REPR_MAX] + "…"

    def _assert(self, name, statement):
        test = statement.test
        compare = isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.ops[0], (ast.Eq, ast.Is))
        try:
            message = self._compare(test) if compare else self._truth(statement)
        except (SystemExit, MemoryError):
            raise
        except BaseException as error:
            print_traceback(error)
            failed = isinstance(error, AssertionError)
            self.results.add(name, "FAILED" if failed else "ERRORED", f"{type(error).__name__}: {text_of(error)}{_place(error)}")
            return
        if not message:
            self.results.add(name, "PASSED")
        else:
            self.results.add(name, *message)

    def _compare(self, test):
        """`assert CALL == LITERAL`, either way round, told by its two values."""
        sides = [test.left, test.comparators[0]]
        swap = isinstance(sides[1], ast.Call) and not isinstance(sides[0], ast.Call)
        shown, wanted = sides[::-1] if swap else sides
        values = {}
        for side in sides:
            try:
                values[side] = self._run(side, "eval")
            except (SystemExit, MemoryError):
                raise
            except BaseException as error:
                if side is not shown:
                    raise
                print_traceback(error)
                told = f"{self._text(shown)} raised {type(error).__name__}, expected {self._wanted(wanted, values)}"
                return "ERRORED", told
        left, right = values[sides[0]], values[sides[1]]
        if left is right if isinstance(test.ops[0], ast.Is) else left == right:
            return None
        verb = "returned" if isinstance(shown, ast.Call) else "is"
        return "FAILED", f"{self._text(shown)} {verb} {show(values[shown])}, expected {show(values[wanted])}"

    def _wanted(self, node, values):
        try:
            return show(values[node] if node in values else ast.literal_eval(node))
        except ValueError:
            return self._text(node)

    def _truth(self, statement):
        test = statement.test
        negated = isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not)
        inner = test.operand if negated else test
        value = self._run(inner, "eval")
        if bool(value) != negated:
            return None
        if statement.msg is not None and not isinstance(inner, ast.Call):
            return "FAILED", text_of(self._run(statement.msg, "eval"))
        if isinstance(inner, ast.Call):
            wanted = "a false value" if negated else "a true value"
            return "FAILED", f"{self._text(inner)} returned {show(value)}, expected {wanted}"
        return "FAILED", f"{self._text(test)} does not hold"


def run_asserts(solution, tests):
    if solution:
        module = modules.import_solution(solution)
        sys.modules["__main__"] = module
        scope = module.__dict__
    else:
        module = sys.modules["__main__"] = types.ModuleType("__main__")
        module.__file__ = f"{files.ROOT}/{tests}"
        scope = module.__dict__
    return _Asserts(tests, scope).run()
