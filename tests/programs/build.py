#!/usr/bin/env python3
"""Writes programs.jsonl.gz, a task set in HumanEval's format, from the readable sources in src/.

Each source is an ordinary module: what the task needs, the function to write (the last one before `check`),
and `check(candidate)`. The prompt is everything up to the end of that function's docstring.

    build.py           checks every program with this interpreter and writes the set
    build.py --check   also fails when the written set is not what the sources give
"""

import ast
import gzip
import json
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
TARGET = HERE / "programs.jsonl.gz"


def task(number, path):
    """The task of one source."""
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines(keepends=True)
    *above, check = ast.parse(text).body
    functions = [node for node in above if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]
    if not (functions and functions[-1] is above[-1] and isinstance(check, ast.FunctionDef)):
        raise SystemExit(f"{path.name}: the function and then `check` must come last")
    entry = functions[-1]
    if check.name != "check" or ast.get_docstring(entry) is None:
        raise SystemExit(f"{path.name}: `check` or the docstring of `{entry.name}` is missing")
    head, end = entry.body[0].end_lineno, entry.end_lineno
    return {
        "task_id": f"EdgeCoder/{number}",
        "prompt": "".join(lines[:head]),
        "canonical_solution": "".join(lines[head:end]),
        "test": "".join(lines[check.lineno - 1:]),
        "entry_point": entry.name,
    }


def run(task):
    """Runs one task as an evaluation does, in a process of its own."""
    program = "".join((task["prompt"], task["canonical_solution"], "\n", task["test"]))
    program += f"\n\ncheck({task['entry_point']})\n"
    done = subprocess.run([sys.executable, "-I", "-S", "-c", program], capture_output=True, text=True)
    return done.stderr if done.returncode else ""


def main():
    sources = sorted((HERE / "src").glob("*.py"))
    tasks = [task(number, path) for number, path in enumerate(sources)]
    failed = 0
    for path, one in zip(sources, tasks):
        if error := run(one):
            failed += 1
            print(f"{path.name}: {error}", file=sys.stderr)
    text = "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in tasks)
    # No clock and no name: the same sources give the same bytes.
    packed = gzip.compress(text.encode(), compresslevel=9, mtime=0)
    if "--check" in sys.argv and gzip.decompress(TARGET.read_bytes()) != text.encode():
        print(f"{TARGET.name} is stale: run {Path(__file__).name}", file=sys.stderr)
        failed += 1
    if failed:
        raise SystemExit(f"{failed} of {len(tasks)} failed")
    if "--check" not in sys.argv:
        TARGET.write_bytes(packed)
    print(f"{len(tasks)} programs pass; {TARGET.name} holds {len(packed)} bytes")


if __name__ == "__main__":
    main()
