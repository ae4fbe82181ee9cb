"""Makes the libraries of a component into one module that counts its fuel.

`componentize-py` leaves position-independent libraries that find each other through tables and globals of a main
module, which no engine sees through. Here each import is followed to where it is defined, offsets become constants,
`wasm-merge` joins the libraries, `wasm-opt` optimises across them, and `meter.py` puts in the count of fuel.

    link.py COMPONENT TO FOLDER     with wasm-tools, wasm-merge and wasm-opt on the path; FOLDER is for what comes between
"""

import re, subprocess, sys
from pathlib import Path

import meter

# What the libraries use; nothing newer may get in.
FEATURES = """bulk-memory bulk-memory-opt call-indirect-overlong extended-const multivalue mutable-globals
    nontrapping-float-to-int reference-types sign-ext""".split()

STRING, NAME = r'"(?:[^"\\]|\\.)*"', r'(?:\$"(?:[^"\\]|\\.)*"|\$[^\s)]+)'
IMPORT = re.compile(rf"^  \(import ({STRING}) ({STRING}) \((\w+) ({NAME})", re.M)
EXPORT = re.compile(rf"^  \(export ({STRING}) \((\w+) ({NAME})\)\)\n", re.M)
MODULE_HEAD = re.compile(rf'\(module(?: {NAME})?(?: \(@name {STRING}\))?')
# The world's own two functions for the count of fuel (`wit/guest.wit`).
TELL, SWAP = "fuel-left", "meter"


def run(*command):
    subprocess.run([str(part) for part in command], check=True)


def text_of(module, name_all=False):
    """The text of a binary module or component."""
    to = module.with_suffix(".wat")
    if not to.exists():
        run("wasm-tools", "print", *(["--name-unnamed"] if name_all else []), module, "-o", to)
    return to.read_text()


def quoted(*parts):
    """One name of several, which may be quoted or identifiers."""
    return '"' + " ".join(part.strip('$"') for part in parts) + '"'


def fields_of(text):
    """The fields of a component's text: where each begins and ends, and its words as nested lists."""
    token = re.compile(rf"\s+|;;[^\n]*|\(;.*?;\)|{STRING}|{NAME}|[()]|[^\s()]+", re.S)
    stack, starts, fields = [[]], [], []
    for match in token.finditer(text):
        word = match.group()
        if word.isspace() or word.startswith(("(;", ";;")):
            continue
        if word == "(":
            stack.append([])
            starts.append(match.start())
        elif word == ")":
            done, start = stack.pop(), starts.pop()
            stack[-1].append(done)
            if len(starts) == 1:
                fields.append((done, text[start : match.end()]))
        else:
            stack[-1].append(word)
    return fields


def functions_used(node, in_core=False):
    """The core functions that a field names."""
    in_core = in_core or node[:2] == ["core", "instance"]
    if node[:2] == ["core", "func"]:
        yield node[2]
    elif node[:1] in (["realloc"], ["post-return"]) or in_core and node[:1] == ["func"]:
        yield node[1]
    for part in node:
        if isinstance(part, list):
            yield from functions_used(part, in_core)


class Component:
    """A component as text without its modules, and the modules apart."""

    def __init__(self, path, work):
        skeleton = work / "skeleton.wasm"
        modules = work / "modules"
        run("wasm-tools", "component", "unbundle", path, "--module-dir", modules, "--threshold", "1", "-o", skeleton)
        self.fields = fields_of(text_of(skeleton))
        # Instances by name: what is instantiated with what, or what is gathered from elsewhere.
        self.instances, self.gathered, self.aliases, self.modules = {}, {}, {}, {}
        for field, _ in self.fields:
            if field[:2] == ["core", "instance"] and field[-1][0] == "instantiate":
                self.instances[field[2]] = (field[-1][1], {part[1]: part[2][1] for part in field[-1][2:]})
            elif field[:2] == ["core", "instance"]:
                self.gathered[field[2]] = {part[1]: part[2] for part in field[3:] if part[0] == "export"}
            elif field[:3] == ["alias", "core", "export"]:
                self.aliases[field[5][1], field[5][2]] = (field[3], field[4])
            elif field[:2] == ["alias", "outer"]:
                self.modules[field[4][2]] = modules / f"unbundled-module{field[3]}.wasm"

    def text_of(self, instance):
        return text_of(self.modules[self.instances[instance][0]], name_all=True)

    def origin(self, instance, module, name):
        """Where an instance's import comes from: an instance and its export, or (None, a definition)."""
        given = self.instances[instance][1][module]
        if given not in self.gathered:
            return given, name
        kind, item = self.gathered[given][name]
        return self.aliases.get((kind, item), (None, item))


class Main:
    """The main module: memory, table, the values of offsets, and stand-ins for functions of later libraries."""

    def __init__(self, component):
        text, init = component.text_of("$main"), component.text_of("$__init")
        self.exports = {match[1]: match[3] for match in EXPORT.finditer(text)}
        values = rf"^  \(global ({NAME}) \(;\d+;\) (?:i32|\(mut i32\)) i32\.const (\d+)\)$"
        self.values = dict(re.findall(values, text, re.M))
        self.limits = {
            "memory": re.search(r"^  \(memory \S+ \(;0;\) (\d+)\)$", text, re.M)[1],
            "table": re.search(r"^  \(table \S+ \(;0;\) (\d+ funcref)\)$", text, re.M)[1],
        }
        # A stand-in calls through the table, whose elements the last library sets from its own imports.
        imported = {match[4]: (match[1], match[2]) for match in IMPORT.finditer(init)}
        elements = {}
        for start, names in re.findall(r"^  \(elem \S+ (?:\(;\d+;\) )?\(i32\.const (\d+)\) func ([^)]*)\)$", init, re.M):
            elements |= {int(start) + at: imported[name] for at, name in enumerate(names.split())}
        stand_in = rf"^  \(func ({NAME}) .*\n(?:    local\.get .*\n)*    i32\.const (\d+)\n    call_indirect .*\n  \)$"
        self.stand_ins = {name: elements[int(at)] for name, at in re.findall(stand_in, text, re.M)}


class Linked:
    """The libraries as one module, and the component around it."""

    def __init__(self, component):
        self.component, self.main = component, Main(component)
        libraries = (".so", "$__init")
        adapters = ("$wit-component:adapter", "$wit-component:stubs")
        self.merged = [
            name
            for name, (module, _) in component.instances.items()
            if any(part in name for part in libraries) or module.startswith(adapters)
        ]
        # By the module's own name for it, what it imports from the rest of the component: its kind and where it is.
        self.outside = {}
        self.wanted = {name: set() for name in self.merged}
        self.texts = {name: self._library(name) for name in self.merged}
        self.shared = self._shared()

    def _resolve(self, instance, module, name, kind):
        """The import that stands for this one: a module's and a name in the merge."""
        origin, found = self.component.origin(instance, module, name)
        if origin == "$main":
            stand_in = self.main.stand_ins.get(self.main.exports[found])
            if kind == "func" and stand_in:
                return self._resolve("$__init", *stand_in, kind)
            if kind in ("memory", "table", "global"):
                return '"main"', found
        if origin in self.wanted:
            self.wanted[origin].add(found)
            return quoted(origin), quoted(origin, found)
        if origin is None and quoted(found) == f'"{TELL}"':
            # Whatever the interpreter could say of its fuel is nobody's business.
            return '"meter"', '"nothing"'
        key = quoted(found) if origin is None else quoted(origin, found)
        self.outside[key] = (kind, origin, found)
        return '"outside"', key

    def _library(self, instance):
        """A library's text with its imports followed, and offsets as numbers."""
        text = self.component.text_of(instance)
        if instance == "$__init":
            # It ran when the component was made; only the table's elements are left of it.
            text = re.sub(r"^  \(func .*?^  \)\n", "", text, flags=re.M | re.S)
        known = {}

        def value(match):
            origin, name = self.component.origin(instance, match[1], match[2])
            if origin != "$main" or name == '"__stack_pointer"':
                return match[0]
            known[match[3]] = int(self.main.values[self.main.exports[name]])
            return ""

        def total(match):
            known[match[1]] = known[match[2]] + int(match[3])
            return ""

        text = re.sub(rf"^  \(import ({STRING}) ({STRING}) \(global ({NAME}) .*\n", value, text, flags=re.M)
        offset = rf"^  \(global ({NAME}) \(;\d+;\) i32 global\.get ({NAME}) i32\.const (\d+) i32\.add\)\n"
        text = re.sub(offset, total, text, flags=re.M)
        number = lambda match: f"i32.const {known[match[1]]}" if match[1] in known else match[0]
        text = re.sub(rf"global\.get ({NAME})", number, text)

        def follow(match):
            module, name = self._resolve(instance, *match.group(1, 2, 3))
            return f"  (import {module} {name} ({match[3]} {match[4]}"

        return IMPORT.sub(follow, text)

    def _shared(self):
        """What the libraries have in common, as a module of its own."""
        parts = []
        for kind, name in (("memory", '"memory"'), ("table", '"__indirect_function_table"')):
            key = quoted("$main", name)
            self.outside[key] = (kind, "$main", name)
            parts.append(f'(import "outside" {key} ({kind} {self.main.limits[kind]})) (export {name} ({kind} 0))')
        self.outside[f'"{TELL}"'] = ("func", None, f"${TELL}")
        stack = self.main.values[self.main.exports['"__stack_pointer"']]
        parts.append(f'(global (export "__stack_pointer") (mut i32) (i32.const {stack}))')
        return "(module\n" + "\n".join(parts) + ")"

    @staticmethod
    def meter():
        """The count of fuel, which is large until the host sets it."""
        return f"""(module
            (import "outside" "{TELL}" (func $host (param i64)))
            (func (export "nothing") (param i64) unreachable)
            (global $fuel (export "meter fuel") (mut i64) (i64.const 0x1000000000000000))
            (func (export "meter tell") global.get $fuel call $host)
            (func (export "meter swap") (param i64) (result i64) global.get $fuel local.get 0 global.set $fuel))"""

    def around(self):
        """The component's text around the merged module: before it, and after it."""
        gone = set(self.component.gathered)
        for name, (_, given) in self.component.instances.items():
            if name not in self.merged:
                gone -= set(given.values())
        # Where the last library was, all that they need is there.
        place = [name for name in self.merged if name != "$__init"][-1]
        before, after, late, exports = [], [], [], set()
        lines = before

        def alias(node):
            kind, name, found = *node[5][1:3], quoted(node[3], node[4])
            if found == quoted(node[3], SWAP):
                found = '"meter swap"'
            exports.add(found)
            return f"(alias core export $merged {found} (core {kind} {name}))"

        kept = [(node, text) for node, text in self.component.fields if not self._is_library(node, gone, place)]
        used = {name for node, _ in kept if node[:2] != ["alias", "core"] for name in functions_used(node)}
        used -= {name for (_, name), (_, found) in self.component.aliases.items() if found == f'"cabi_post_{SWAP}"'}
        for node, text in kept:
            if node[:2] == ["core", "instance"] and node[2] == place:
                before += self._imports()
                lines = after
                lines.append('(core instance $merged (instantiate $merged-module (with "outside" (instance $merged-outside))))')
                lines += map(alias, late)
            elif node[:3] == ["alias", "core", "export"] and node[3] in self.merged:
                if node[5][2] not in used:
                    continue
                if lines is before:
                    late.append(node)
                else:
                    lines.append(alias(node))
            elif node[:2] == ["alias", "outer"]:
                if node[4][2] not in {self.component.instances[name][0] for name in self.merged}:
                    module = text_of(self.component.modules[node[4][2]], name_all=True)
                    lines.append(f"(core module {node[4][2]}" + module[MODULE_HEAD.match(module).end() :])
            else:
                early = {alias[5][2] for alias in late} & set(functions_used(node)) if lines is before else None
                if early:
                    sys.exit(f"{early} of a library is used before the libraries can be there: {text[:200]}")
                # What the host asks about fuel needs nothing cleaned up.
                lines.append(text.replace(f" (post-return $cabi_post_{SWAP})", ""))
        return before, after, exports

    def _is_library(self, node, gone, place):
        """Whether a field is of the libraries only."""
        if node[:2] == ["core", "type"] or node[0] == "import" and node[2][:2] == ["core", "module"]:
            return True
        instance = node[:2] == ["core", "instance"]
        return instance and node[2] != place and (node[2] in self.merged or node[2] in gone)

    def _imports(self):
        given = []
        for at, (key, (kind, origin, found)) in enumerate(self.outside.items()):
            name = found
            if origin is not None:
                name = f"$merged-outside-{at}"
                yield f"(alias core export {origin} {found} (core {kind} {name}))"
            given.append(f"(export {key} ({kind} {name}))")
        yield "(core instance $merged-outside " + "\n".join(given) + ")"


def assembled(text, to):
    to.with_suffix(".wat").write_text(text)
    run("wasm-tools", "parse", to.with_suffix(".wat"), "-o", to)
    return to


def main(source, to, work):
    work = Path(work)
    linked = Linked(Component(source, work))
    before, after, exports = linked.around()
    exports |= {'"meter fuel"', '"meter tell"', '"meter swap"'}
    for key in exports:
        for name in linked.merged:
            if key.startswith(quoted(name)[:-1] + " "):
                linked.wanted[name].add('"' + key[len(quoted(name)) :])
    parts = [assembled(linked.shared, work / "shared.wasm"), "main", assembled(linked.meter(), work / "meter.wasm"), "meter"]
    for at, (name, text) in enumerate(linked.texts.items()):
        def export(match):
            if match[1] in linked.wanted[name]:
                return f"  (export {quoted(name, match[1])} ({match[2]} {match[3]}))\n"
            return ""

        parts += [assembled(EXPORT.sub(export, text), work / f"library-{at}.wasm"), quoted(name).strip('"')]
    features = [f"--enable-{feature}" for feature in FEATURES]
    merged, best = work / "merged.wasm", work / "best.wasm"
    run("wasm-merge", *parts, *features, "-g", "-o", merged)
    # Only what the component uses stays exported, so that the rest can be optimised away.
    keep = lambda match: match[0] if match[1] in exports else ""
    fewer = assembled(EXPORT.sub(keep, text_of(merged, name_all=True)), work / "fewer.wasm")
    run("wasm-opt", *features, "-O3", fewer, "-o", best)
    module = meter.metered(text_of(best))
    body = "(core module $merged-module" + module[MODULE_HEAD.match(module).end() :]
    result = assembled("\n".join(["(component", *before, body, *after, ")"]), work / "linked.wasm")
    run("wasm-tools", "validate", result)
    result.replace(to)


if __name__ == "__main__":
    main(*sys.argv[1:])
