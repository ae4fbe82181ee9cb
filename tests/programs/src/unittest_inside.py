import unittest
import weakref


class Stack:
    def __init__(self):
        self.items = []

    def push(self, item):
        self.items.append(item)

    def pop(self):
        if not self.items:
            raise IndexError("the stack is empty")
        return self.items.pop()


def unittest_inside(made: type) -> tuple[int, int, int]:
    """Test a stack class: tests run, failures, and errors."""

    class Tests(unittest.TestCase):
        def setUp(self):
            self.stack = made()

        def test_last_in_first_out(self):
            for item in "ab":
                self.stack.push(item)
            self.assertEqual([self.stack.pop(), self.stack.pop()], ["b", "a"])

        def test_empty(self):
            with self.assertRaisesRegex(IndexError, "empty"):
                self.stack.pop()

        def test_many(self):
            for number in range(3):
                with self.subTest(number=number):
                    self.stack.push(number)
                    self.assertIs(self.stack.pop(), number)

    result = unittest.TestResult()
    unittest.defaultTestLoader.loadTestsFromTestCase(Tests).run(result)
    return result.testsRun, len(result.failures), len(result.errors)


def check(candidate):
    class Queue(Stack):
        def pop(self):
            return self.items.pop(0)

    assert candidate(Stack) == (3, 0, 0)
    assert candidate(Queue) == (3, 1, 0) or candidate(Queue) == (3, 2, 0)
    stack = Stack()
    reference = weakref.ref(stack)
    assert reference() is stack
    del stack
    assert reference() is None
