from unittest import mock


class Mailer:
    def send(self, to, text):
        raise OSError("no network")


def mock_mailer(mailer: Mailer, people: dict[str, int], limit: int) -> list[str]:
    """Write to everybody who owes more than limit; returns who could not be reached."""
    lost = []
    for name, owed in sorted(people.items()):
        if owed > limit:
            try:
                mailer.send(name, text=f"you owe {owed}")
            except OSError:
                lost.append(name)
    return lost


def check(candidate):
    assert candidate(Mailer(), {"ann": 5, "bob": 1}, 2) == ["ann"]
    mailer = mock.create_autospec(Mailer, instance=True)
    mailer.send.side_effect = [None, OSError("full")]
    assert candidate(mailer, {"cy": 9, "ann": 5, "bob": 1}, 2) == ["cy"]
    assert mailer.send.call_args_list == [
        mock.call("ann", text="you owe 5"), mock.call("cy", text="you owe 9")]
    with mock.patch.object(Mailer, "send", return_value=None) as send:
        assert candidate(Mailer(), {"dee": 3}, 0) == []
    send.assert_called_once_with("dee", text="you owe 3")
    try:
        mailer.send("too", "many", "arguments")
    except TypeError:
        pass
    else:
        assert False
