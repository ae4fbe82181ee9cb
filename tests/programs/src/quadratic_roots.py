import cmath
import math


def quadratic_roots(a: complex, b: complex, c: complex) -> tuple[complex, complex]:
    """Both roots of a x^2 + b x + c, the one of the smaller real (then imaginary) part first."""
    root = cmath.sqrt(b * b - 4 * a * c)
    # The root of the same sign as b loses no digits; the other one follows from the product of both.
    near = -(b + (root if (b.conjugate() * root).real >= 0 else -root)) / 2
    pair = (near / a, c / near) if near else (0j, 0j)
    first, second = sorted(map(complex, pair), key=lambda z: (z.real, z.imag))
    return first, second


def check(candidate):
    assert candidate(1, -3, 2) == (1, 2)
    assert candidate(1, 0, 1) == (-1j, 1j)
    assert candidate(1, 0, 0) == (0, 0)
    small = candidate(1, -1e8, 1)[0].real
    assert math.isclose(small, 1e-8, rel_tol=1e-12)
    assert cmath.isclose(cmath.exp(1j * cmath.pi), -1, abs_tol=1e-15)
    assert cmath.polar(-2) == (2.0, math.pi) and abs(3 + 4j) == 5 and (1 + 2j) * (3 - 1j) == 5 + 5j
    assert math.isnan(math.nan) and math.nextafter(1, 2) > 1 and math.copysign(1, -0.0) == -1
    assert math.fsum([0.1] * 10) == 1.0 and math.frexp(12) == (0.75, 4) and round(2.5) == 2
    assert (0.1).hex() == "0x1.999999999999ap-4" and (2.5).as_integer_ratio() == (5, 2)
