"""Permutations: most flips of a pancake stack (fannkuch-redux of the Computer Language Benchmarks Game)."""


def fannkuch(stack):
    size = len(stack)
    counts = list(range(1, size + 1))
    checksum, flips_max, even, left = 0, 0, True, size
    while True:
        while left > 1:
            counts[left - 1] = left
            left -= 1
        if stack[0]:
            flips, turned = 0, stack[:]
            top = turned[0]
            while top:
                turned[:top + 1] = turned[top::-1]
                flips += 1
                top = turned[0]
            flips_max = max(flips_max, flips)
            checksum += flips if even else -flips
        even = not even
        while True:
            if left == size:
                return checksum, flips_max
            stack.insert(left, stack.pop(0))
            counts[left] -= 1
            if counts[left] > 0:
                break
            left += 1
        left = max(left, 1)


print(*fannkuch(list(range(9))), *fannkuch([3, 1, 4, 0, 5, 8, 2, 6, 7]))
