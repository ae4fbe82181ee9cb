import ast


def doctest_like(source: str) -> dict[str, list[str]]:
    """For each function of a module, the names that it reads and neither defines nor takes as arguments."""
    found = {}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef):
            arguments = {one.arg for one in node.args.args}
            names = [name for name in ast.walk(node) if isinstance(name, ast.Name)]
            stored = {name.id for name in names if isinstance(name.ctx, ast.Store)}
            read = {name.id for name in names if isinstance(name.ctx, ast.Load)}
            found[node.name] = sorted(read - stored - arguments)
    return found


def check(candidate):
    source = "def f(a):\n    b = a + c\n    return g(b)\n\ndef g(x):\n    return [y for y in x]\n"
    assert candidate(source) == {"f": ["c", "g"], "g": []}
    try:
        candidate("def f(:\n")
    except SyntaxError as error:
        assert error.lineno == 1
    else:
        assert False
    assert ast.literal_eval("{'a': [1, (2.5, None)], 'b': -3}") == {"a": [1, (2.5, None)], "b": -3}
    assert ast.unparse(ast.parse("x=(1+2)*3")) == "x = (1 + 2) * 3"
    scope = {}
    exec(compile("value = 6 * 7", "<made>", "exec"), scope)
    assert scope["value"] == 42 and eval("value + 1", scope) == 43
