"""Choices among groups of draws, group by group in exact fractions: nothing here knows a formula."""

from collections import Counter
from fractions import Fraction
from itertools import combinations_with_replacement
from math import factorial


def chosen(p, u, m):
    """The law of the draw chosen among m, summed over all groups of m draws."""
    law = [Fraction(0)] * len(p)
    for group in combinations_with_replacement(range(len(p)), m):
        times = Counter(group)
        probability = Fraction(factorial(m))
        for x, k in times.items():
            probability *= p[x] ** k / Fraction(factorial(k))
        total = sum(u[x] * k for x, k in times.items())
        for x, k in times.items():
            law[x] += probability * k * u[x] / total
    return law


def loop(p, u, m, generations, alpha=0):
    """Generations 0..G with infinite samples."""
    laws = [p]
    for _ in range(generations):
        choice = chosen(laws[-1], u, m)
        laws.append([alpha * a + (1 - alpha) * b for a, b in zip(p, choice, strict=True)])
    return laws


def mean(p, u):
    return sum(a * b for a, b in zip(p, u, strict=True))


def variance(p, u):
    return sum(a * (b - mean(p, u)) ** 2 for a, b in zip(p, u, strict=True))


def fractions(rng, size):
    """Random probabilities and weights, the largest weight being 1, as fractions with small denominators."""
    counts = [int(x) for x in rng.integers(1, 30, size)]
    u = [Fraction(int(x), 50) for x in rng.integers(1, 51, size)]
    u[int(rng.integers(size))] = Fraction(1)
    return [Fraction(c, sum(counts)) for c in counts], u
