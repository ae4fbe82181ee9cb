"""Lists: primes by Eratosthenes, element by element, and the gaps between them."""


def primes(limit):
    marks = [True] * (limit + 1)
    found = []
    for number in range(2, limit + 1):
        if marks[number]:
            found.append(number)
            multiple = number * number
            while multiple <= limit:
                marks[multiple] = False
                multiple += number
    return found


def gaps(numbers):
    counts = [0] * 200
    for at in range(1, len(numbers)):
        counts[numbers[at] - numbers[at - 1]] += 1
    return counts


for limit in (1_000_000, 1_200_000, 1_400_000, 1_600_000, 1_800_000):
    found = primes(limit)
    counts = gaps(found)
    print(len(found), found[-1], counts.index(max(counts)), sum(found) % 1_000_003)
