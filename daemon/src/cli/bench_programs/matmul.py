"""Nested lists and whole numbers: products of matrices over a prime field, the plain way."""

PRIME = 1_000_003


def matrix(size, seed):
    rows = []
    for y in range(size):
        row = []
        for x in range(size):
            seed = (seed * 75 + 74) % 65_537
            row.append((seed + x * y) % PRIME)
        rows.append(row)
    return rows


def multiply(a, b):
    size = len(a)
    out = [[0] * size for _ in range(size)]
    for i in range(size):
        row, into = a[i], out[i]
        for k in range(size):
            factor, other = row[k], b[k]
            for j in range(size):
                into[j] += factor * other[j]
        for j in range(size):
            into[j] %= PRIME
    return out


size = 120
product = matrix(size, 1)
for step in range(9):
    product = multiply(product, matrix(size, step + 2))
print(sum(sum(row) for row in product) % PRIME, product[7][11], product[-1][-1])
