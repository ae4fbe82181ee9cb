"""Floats: the planets' orbits (the n-body problem of the Computer Language Benchmarks Game)."""

from math import pi, sqrt

SUN = 4 * pi * pi
YEAR = 365.24
BODIES = [
    [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, SUN],
    [4.84143144246472090, -1.16032004402742839, -0.103622044471123109,
     0.00166007664274403694 * YEAR, 0.00769901118419740425 * YEAR, -0.0000690460016972063023 * YEAR,
     0.000954791938424326609 * SUN],
    [8.34336671824457987, 4.12479856412430479, -0.403523417114321381,
     -0.00276742510726411021 * YEAR, 0.00499852801234917238 * YEAR, 0.0000230417297573763929 * YEAR,
     0.000285885980666130812 * SUN],
    [12.8943695621391310, -15.1111514016986312, -0.223307578892655734,
     0.00296460137564761618 * YEAR, 0.00237847173959480950 * YEAR, -0.0000296589568540237556 * YEAR,
     0.0000436624404335156298 * SUN],
    [15.3796971148509165, -25.9193146099879641, 0.179258772950371181,
     0.00268067772490389322 * YEAR, 0.00162824170038242295 * YEAR, -0.0000951592254519715870 * YEAR,
     0.0000515138902046611451 * SUN],
]


def advance(bodies, pairs, step, times):
    for _ in range(times):
        for a, b in pairs:
            dx, dy, dz = a[0] - b[0], a[1] - b[1], a[2] - b[2]
            square = dx * dx + dy * dy + dz * dz
            pull = step / (square * sqrt(square))
            by_a, by_b = a[6] * pull, b[6] * pull
            a[3] -= dx * by_b
            a[4] -= dy * by_b
            a[5] -= dz * by_b
            b[3] += dx * by_a
            b[4] += dy * by_a
            b[5] += dz * by_a
        for body in bodies:
            body[0] += step * body[3]
            body[1] += step * body[4]
            body[2] += step * body[5]


def energy(bodies, pairs):
    total = sum(0.5 * m * (vx * vx + vy * vy + vz * vz) for *_, vx, vy, vz, m in bodies)
    for a, b in pairs:
        distance = sqrt(sum((p - q) ** 2 for p, q in zip(a[:3], b[:3])))
        total -= a[6] * b[6] / distance
    return total


pairs = [(a, b) for at, a in enumerate(BODIES) for b in BODIES[at + 1:]]
for axis in (3, 4, 5):
    BODIES[0][axis] = -sum(body[axis] * body[6] for body in BODIES) / SUN
advance(BODIES, pairs, 0.01, 200_000)
print(f"{energy(BODIES, pairs):.9f}")
