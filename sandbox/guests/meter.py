"""Puts the count of fuel into a module's own code: the same in every engine, and cheap.

An engine's own count goes to memory and back around each call: a third of an interpreter's time. Here operators are
summed up where the code is straight, and taken off a global where a loop goes round, where a function returns, and
where many have come together. Below zero the module tells the host, which ends the run.

What is promised:
- Each turn of a loop, and each call of a function that is not short, costs at least one; so nothing runs on for free.
- A function is short when nothing in it goes round, is called through the table, or leaves the module, and its dearest
  path is cheap. That path is charged where it is called. Other functions leave to their caller what a path cost on
  which they called nothing.
- Where paths meet with different sums, the larger one goes on. What came together is charged before that where it is
  more than `JOIN`, or `BRANCH` at a conditional branch; so it is some operators too many, always the same.
- A check follows each charge that a cycle cannot avoid: at a loop's turn, and at the returns of functions of which
  every cycle of calls has one.
"""

import re

# Operators that may come together before a conditional branch, and before a jump to where paths meet.
BRANCH, JOIN = 256, 32
# In operators: a call through the table, one to outside, growing a memory.
INDIRECT, OUTSIDE, GROW = 10, 100, 1000
# A function is short up to here.
SHORT = 60
# Operators that make no code.
FREE = frozenset("block loop else end nop drop unreachable return".split())
JUMPS = frozenset(("br", "br_if", "br_table"))
# Operators that take as long as the length on top of the stack says: one more each.
BULK = frozenset(("memory.copy", "memory.fill", "memory.init", "table.copy", "table.fill", "table.init"))
# The other operators that `walk` knows: the rest is straight code, and these are not in our guests.
UNKNOWN = re.compile(r"return_call|try|throw|catch|delegate|br_on|cont\.|resume|suspend|switch$")

HEAD = re.compile(r"  \(func (?:\$\S+ )?\(;(\d+);\) \(type [^)]*\)((?: \(param[^)]*\))?)(?: \(result[^)]*\))?$")


class Function:
    def __init__(self, head, lines):
        found = HEAD.match(head)
        self.index, self.head = int(found[1]), head
        self.locals = len(found[2].split()) - 1 if found[2] else 0
        self.declared, self.body = [], []
        for line in lines:
            word, *operands = line.split()
            if word == "(local":
                self.declared.append(line)
                self.locals += len(operands)
            else:
                if UNKNOWN.match(word):
                    raise ValueError(f"no rule for {word}")
                self.body.append((word, operands, line))
        self.words = {word for word, _, _ in self.body}
        self.calls = [int(operands[0]) for word, operands, _ in self.body if word == "call"]

    def may_be_short(self):
        return not self.words & ({"loop", "call_indirect", "memory.grow", "table.grow"} | BULK)


def meet(one, other):
    """Where two paths meet: each a sum and whether something was called, or None if it does not come here."""
    if one is None or other is None:
        return one or other
    return max(one[0], other[0]), one[1] or other[1]


class Meter:
    """A module's text with its functions, and what each of them costs its caller."""

    def __init__(self, text):
        exports = {name: int(index) for name, index in re.findall(r'^  \(export "meter (\w+)" \(\w+ (\d+)\)\)$', text, re.M)}
        imports = re.findall(r'^  \(import "[^"]*" "([^"]*)" \(func \(;(\d+);\)', text, re.M)
        self.fuel, self.tell = exports["fuel"], exports["tell"]
        self.own = {exports["tell"], exports["swap"]}
        self.outside = {int(index) for _, index in imports}
        # Calls that do not come back.
        self.leaving = {int(index) for name, index in imports if name in ("exit", "exit-with-code")}
        self.pieces, self.functions = [], {}
        self._split(text)
        self.short, self.left = {}, {}
        self._find_short()
        self.recursive = self._find_recursive()
        for index, function in self.functions.items():
            if index not in self.own and index not in self.short:
                self.left[index] = Path(self, function, []).left

    def _split(self, text):
        lines, at = text.split("\n"), 0
        while at < len(lines):
            if HEAD.match(lines[at]):
                end = lines.index("  )", at)
                function = Function(lines[at], lines[at + 1 : end])
                self.functions[function.index] = function
                self.pieces.append(function)
                at = end
            elif lines[at].startswith("  (func ") and lines[at + 1].startswith("    "):
                raise ValueError(f"no rule for {lines[at]}")
            else:
                self.pieces.append(lines[at])
            at += 1

    def _find_short(self):
        found = True
        waiting = {i: f for i, f in self.functions.items() if i not in self.own and f.may_be_short()}
        while found:
            found = False
            for index, function in list(waiting.items()):
                if all(call in self.short for call in function.calls):
                    del waiting[index]
                    cost = Path(self, function, None).dearest
                    if cost <= SHORT:
                        self.short[index], found = cost, True

    def _find_recursive(self):
        """Functions of which each cycle of calls has one: those that call through the table, and direct cycles."""
        through_table = {i for i, f in self.functions.items() if "call_indirect" in f.words}
        calls = {i: f.calls for i, f in self.functions.items() if i not in through_table}
        # Taken away until only cycles, and what leads to them, are left.
        left, found = set(calls), True
        while found:
            ending = {i for i in left if left.isdisjoint(calls[i])}
            left -= ending
            found = bool(ending)
        return through_table | left

    def cost_of_call(self, index):
        if index in self.outside:
            return OUTSIDE
        return self.short[index] if index in self.short else self.left.get(index, 0)

    def text(self):
        out = []
        for piece in self.pieces:
            if isinstance(piece, str):
                out.append(piece)
                continue
            out.append(piece.head)
            out.extend(piece.declared)
            if piece.index in self.own or piece.index in self.short:
                out.extend(line for _, _, line in piece.body)
            else:
                out.append("(local i32)")
                Path(self, piece, out)
            out.append("  )")
        return "\n".join(out)


class Path:
    """Follows the paths through a function. With `out` it writes the function there, metered; without, it finds the
    cost of the dearest path."""

    def __init__(self, meter, function, out):
        self.meter, self.function, self.out = meter, function, out
        # Of each open block: its kind, what comes to its end by jumps, and what came to its `if`.
        self.frames = [["function", None, None]]
        # What came together since the last charge, and whether a function that is not short was called since the last
        # check; None where no path comes.
        self.now = (0, False)
        self.left = self.dearest = 0
        for word, operands, line in function.body:
            if self.now is None:
                self._unreached(word)
            else:
                self._reached(word, operands)
            if out is not None:
                out.append(line)
            if word in ("br", "br_table", "return", "unreachable"):
                self.now = None
        if self.now is not None:
            self._leave()

    def _charge(self, cost, check=False):
        fuel = self.meter.fuel
        self.out.append(f"global.get {fuel} i64.const {cost} i64.sub global.set {fuel}")
        if check:
            # The hint keeps the host's end of it out of the way.
            hint = '(@metadata.code.branch_hint "\\00")'
            self.out.append(f"global.get {fuel} i64.const 0 i64.lt_s {hint} if call {self.meter.tell} unreachable end")

    def _leave(self):
        """At a return: a path that called nothing leaves what it cost to the caller."""
        cost, called = self.now
        if self.out is None:
            self.dearest = max(self.dearest, cost)
        elif not called and cost <= SHORT:
            self.left = max(self.left, cost)
        elif called or cost:
            self._charge(max(cost, 1), self.function.index in self.meter.recursive)

    def _join(self, frame):
        frame[1] = meet(frame[1], self.now)

    def _level(self, other):
        """Charges by how much this path is dearer than another that it meets."""
        cost, called = self.now
        if self.out is not None and other is not None and cost > other[0] + JOIN:
            self._charge(cost - other[0])
            self.now = (other[0], called)

    def _unreached(self, word):
        if word in ("block", "loop", "if"):
            self.frames.append([word, None, None])
        elif word == "else":
            self.now, self.frames[-1][2] = self.frames[-1][2], None
        elif word == "end":
            kind, joined, before = self.frames.pop()
            self.now = meet(joined, before if kind == "if" else None)

    def _reached(self, word, operands):
        cost, called = self.now
        cost += word not in FREE
        if word == "call":
            index = int(operands[0])
            cost += self.meter.cost_of_call(index)
            called = called or index not in self.meter.short
        elif word == "call_indirect":
            cost, called = cost + INDIRECT, True
        elif word in ("memory.grow", "table.grow"):
            cost += GROW
        self.now = (cost, called)
        if word in ("block", "loop", "if"):
            if word == "loop" and self.out is not None and cost:
                self._charge(cost)
                self.now = (0, called)
            self.frames.append([word, None, self.now])
        elif word == "else":
            frame = self.frames[-1]
            self._level(frame[1])
            self._join(frame)
            self.now, frame[2] = frame[2], None
        elif word == "end":
            kind, joined, before = self.frames.pop()
            joined = meet(joined, before if kind == "if" else None)
            if kind != "loop":
                self._level(joined)
                self.now = meet(self.now, joined)
        elif word in JUMPS:
            self._jump(word, [int(part) for part in operands if part.isdigit()])
        elif word == "return":
            self._leave()
        elif self.out is not None:
            self._straight(word, operands)

    def _jump(self, word, depths):
        frames = [self.frames[-1 - depth] for depth in depths]
        kinds = {frame[0] for frame in frames}
        cost, called = self.now
        if self.out is None:
            self.dearest = max(self.dearest, cost if "function" in kinds else 0)
        else:
            leaves = "function" in kinds and (called or cost > SHORT)
            if "loop" in kinds or leaves or cost > (JOIN if word == "br" else BRANCH):
                check = "loop" in kinds or leaves and self.function.index in self.meter.recursive
                self._charge(max(cost, 1), check)
                self.now = (0, called and not check)
            elif "function" in kinds:
                self.left = max(self.left, cost)
        for frame in frames:
            if frame[0] not in ("loop", "function"):
                self._join(frame)

    def _straight(self, word, operands):
        if word in BULK:
            length, fuel = self.function.locals, self.meter.fuel
            self.out.append(
                f"local.tee {length} global.get {fuel} local.get {length} i64.extend_i32_u i64.sub global.set {fuel}"
            )
        elif word == "unreachable" or word == "call" and int(operands[0]) in self.meter.leaving:
            # The host cannot ask a guest that has ended like this.
            cost, called = self.now
            self._charge(cost)
            self.now = (0, called)
            self.out.append(f"call {self.meter.tell}")


def metered(text):
    """The text of a module, as `wasm-tools print` writes it, with the count in it.

    The module exports `meter fuel` (a global), `meter tell` and `meter swap`, which are left as they are.
    """
    return Meter(text).text()
