"""Imports: the standard library as it was preloaded, and the modules among the request's files.

A program's own module wins over a standard one of the same name, as it would on disk; only the few that the
interpreter itself stands on cannot be replaced.
"""

import importlib.machinery, importlib.util, pkgutil, sys

from . import files

# Not worth their bytes here: they need a screen, a network, a disk or processes, or print when imported.
SKIPPED = frozenset(
    """__hello__ __phello__ _pydatetime _pydecimal _pyio _sysconfigdata__wasi_wasm32-wasi _aix_support _android_support _apple_support _ios_support _osx_support _pyrepl antigravity
    asyncio.proactor_events asyncio.sslproto asyncio.unix_events asyncio.windows_events asyncio.windows_utils compileall ctypes curses dbm distutils ensurepip idlelib lib2to3
    msilib multiprocessing.popen_fork multiprocessing.popen_forkserver multiprocessing.popen_spawn_posix
    multiprocessing.popen_spawn_win32 pip pty pydoc_data site test this tkinter turtle turtledemo venv webbrowser
    wsgiref xmlrpc""".split()
)
# Loaded before any program runs, natively too, so a file of this name never shadows them.
FIXED = frozenset(
    """abc builtins codecs encodings genericpath importlib io marshal ntpath os posix posixpath site stat sys time
    warnings zipimport""".split()
)

preloaded = {}
missing = []
_solution = None


def preload():
    """Imports all of the standard library that this interpreter can; at build time, since later it is gone."""
    names = set(sys.stdlib_module_names)

    def walk(paths, prefix):
        for found in pkgutil.iter_modules(paths, prefix):
            if _skipped(found.name):
                continue
            names.add(found.name)
            if found.ispkg:
                walk([f"{found.module_finder.path}/{found.name.rpartition('.')[2]}"], found.name + ".")

    # componentize-py mounts the standard library here while it builds.
    walk([path for path in sys.path if path.startswith("/python")], "")
    for name in sorted(names):
        if not _skipped(name):
            try:
                __import__(name)
            except BaseException as error:
                missing.append(f"{name}: {error}")


def _skipped(name):
    parts = name.split(".")
    tails = {".".join(parts[:n]) for n in range(1, len(parts) + 1)}
    # All of the standard library but what is named, and the command-line and test parts of packages.
    return bool(tails & SKIPPED) or parts[-1] in ("__main__", "tests")


def install():
    """From here on nothing is looked for on a disk."""
    preloaded.update(sys.modules)
    builtin, frozen = importlib.machinery.BuiltinImporter, importlib.machinery.FrozenImporter
    sys.meta_path[:] = [Finder, builtin, frozen]
    sys.path_hooks.clear()
    sys.path_importer_cache.clear()
    sys.path[:] = []
    sys.dont_write_bytecode = True


class Loader(importlib.machinery.SourceFileLoader):
    """Reads source from memory."""

    def get_data(self, path):
        content = files.files.get(path)
        if content is None:
            raise FileNotFoundError(2, "No such file or directory", path)
        return bytes(content)

    def path_stats(self, path):
        raise OSError("no bytecode is kept")

    def get_code(self, fullname):
        return compile(self.get_data(self.path), self.path, "exec", dont_inherit=True)


class Preloaded:
    """Gives back a standard module that a program removed from `sys.modules`."""

    def __init__(self, module):
        self.module, self.spec = module, module.__spec__

    def create_module(self, spec):
        return self.module

    def exec_module(self, module):
        module.__spec__ = self.spec


class Alias:
    """Makes `import solution` mean the solution's own module."""

    def create_module(self, spec):
        module = importlib.import_module(_solution)
        self.spec = module.__spec__
        return module

    def exec_module(self, module):
        module.__spec__ = self.spec


class Finder:
    @staticmethod
    def find_spec(name, path=None, target=None):
        portions = []
        for folder in sys.path if path is None else path:
            spec = _spec_in(name, files.resolve(folder or "."))
            if spec is not None and spec.loader is not None:
                return spec
            if spec is not None:
                portions += spec.submodule_search_locations
        if name == "solution" and _solution not in (None, "solution"):
            return importlib.machinery.ModuleSpec(name, Alias())
        if name in preloaded:
            return importlib.machinery.ModuleSpec(name, Preloaded(preloaded[name]))
        if not portions or name in sys.builtin_module_names:
            return None
        # A folder without `__init__.py`: a package only when nothing else has the name.
        spec = importlib.machinery.ModuleSpec(name, None, is_package=True)
        spec.submodule_search_locations = portions
        return spec

    @staticmethod
    def invalidate_caches():
        pass


def _spec_in(name, folder):
    base = f"{folder.rstrip('/')}/{name.rpartition('.')[2]}"
    if f"{base}/__init__.py" in files.files:
        path, inside = f"{base}/__init__.py", [base]
    elif f"{base}.py" in files.files:
        path, inside = f"{base}.py", None
    elif base in files.folders:
        spec = importlib.machinery.ModuleSpec(name, None, is_package=True)
        spec.submodule_search_locations = [base]
        return spec
    else:
        return None
    return importlib.util.spec_from_file_location(name, path, loader=Loader(name, path), submodule_search_locations=inside)


def start(*programs):
    """Sets `sys.path` for a run: each program's own folder, then the root of the files."""
    for program in (*programs, "x"):
        folder = f"{files.ROOT}/{program}".rpartition("/")[0]
        if program and folder not in sys.path:
            sys.path.append(folder)
            for child in files.folders.get(folder, ()):
                _forget(child.removesuffix(".py"))


def _forget(name):
    if name not in sys.modules or name in FIXED or name.startswith("_"):
        return
    if _spec_in(name, sys.path[-1]).loader is None:
        return
    for known in [n for n in sys.modules if n == name or n.startswith(name + ".")]:
        del sys.modules[known]


def name_of(program):
    """The name under which a file is imported: dotted when its folders are packages."""
    parts = program.removesuffix(".py").split("/")
    first = len(parts) - 1
    while first and f"{files.ROOT}/{'/'.join(parts[:first])}/__init__.py" in files.files:
        first -= 1
    if first < len(parts) - 1:
        folder = "/".join([files.ROOT, *parts[:first]])
        if folder not in sys.path:
            sys.path.append(folder)
    return ".".join(parts[first:])


def import_solution(program):
    """Imports the solution under its own name."""
    return importlib.import_module(solution_is(program))


def solution_is(program):
    """Makes `solution` stand for this file, and returns its own name."""
    global _solution
    name = name_of(program)
    if name in FIXED:
        raise ImportError(f"{program} has the name of a module that the interpreter stands on: rename it")
    _solution = name
    return name


def reset():
    """Forgets a run."""
    global _solution
    _solution = None
    sys.path.clear()
    sys.modules["__main__"] = preloaded["__main__"]
    # Letting go of a thousand modules and taking them again would write to as many pages, each copied by the host.
    if len(sys.modules) != len(preloaded):
        sys.modules.clear()
        sys.modules.update(preloaded)
