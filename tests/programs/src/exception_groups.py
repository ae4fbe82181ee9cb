import traceback


class Problem(Exception):
    def __init__(self, code, *rest):
        super().__init__(code, *rest)
        self.code = code


def exception_groups(jobs):
    """Call every job; return the results, or raise one ExceptionGroup of all that failed."""
    results, errors = [], []
    for job in jobs:
        try:
            results.append(job())
        except Exception as error:
            error.add_note(f"job {len(results) + len(errors)}")
            errors.append(error)
    if errors:
        raise ExceptionGroup("jobs failed", errors)
    return results


def check(candidate):
    def bad(error):
        def job():
            raise error
        return job

    assert candidate([lambda: 1, lambda: 2]) == [1, 2]
    seen = []
    try:
        candidate([bad(Problem(7)), lambda: 1, bad(ZeroDivisionError()), bad(Problem(8))])
    except* Problem as group:
        seen += [error.code for error in group.exceptions]
    except* ArithmeticError as group:
        seen.append(group.exceptions[0].__notes__)
    assert seen == [7, 8, ["job 2"]]
    try:
        try:
            {}["x"]
        finally:
            seen.clear()
    except KeyError as error:
        assert "KeyError: 'x'" in "".join(traceback.format_exception(error))
    assert seen == []
