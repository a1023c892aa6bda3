"""Experiments on Markov language models: designs from a few numbers, for cases and searches alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from itertools import count, pairwise
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from sim.markov import Bigram, bigram_loop, dobrushin, stationary
from sim.markov_exact import RowCount, exact_collapse_time, exact_entry, row_count

from ..case import Array, Bounded, Design, Exact, Signed, Unbounded

Row: TypeAlias = tuple[float, ...]
Quantity: TypeAlias = Callable[[list[Array], tuple[int, ...], Bigram], Array]


class RowLaw(NamedTuple):
    """A row in generations 0..G: variance and P(entry = 0) of its tokens, (G+1, K); diversity and E TV, (G+1,)."""

    variance: Array
    forgotten: Array
    diversity: Array
    tv: Array


@lru_cache(maxsize=256)
def row_law(n: int, mu: float, row: Row, generations: int, alpha: float = 0.0, fallback: Row | None = None) -> RowLaw:
    """Return the exact law of a row with given contexts; equal tokens share their chain."""
    lost = row if fallback is None else fallback
    found: dict[tuple[float, float], tuple[Array, Array, Array, Array]] = {}
    for p, g in set(zip(row, lost, strict=True)):
        law = exact_entry(n, mu, p, generations, alpha=alpha, fallback=None if fallback is None else g)
        x, zero = law.values, (law.values == 0).astype(float)
        of = ((x - p) ** 2, zero, x * (1 - x), np.abs(x - p))
        found[p, g] = tuple(map(law.mean, of))  # type: ignore[assignment]
    each = np.array([found[pair] for pair in zip(row, lost, strict=True)])
    variance, forgotten, mixed, absolute = np.moveaxis(each, 1, 0)
    return RowLaw(variance.T, forgotten.T, mixed.sum(axis=0), absolute.sum(axis=0) / 2)


def coarse(row: Row, most: int = 8) -> Row:
    """Return a row of at most `most` tokens, all but the likeliest joined into one."""
    ranked = sorted(row, reverse=True)
    return tuple(ranked) if len(ranked) <= most else (*ranked[: most - 1], sum(ranked[most - 1 :]))


def counted(n: int, mu: float) -> dict[str, float]:
    """Return what the results need to know of a row's count."""
    known = row_count(n, mu)
    return {"kappa_k": known.reciprocal, "pi_0": known.unseen}


def lost_share(known: RowCount) -> float:
    """Return E[1/N; N > 0]."""
    return known.reciprocal * (1 - known.unseen)


def reciprocal(n: int, mu: float) -> Design:
    """E[1/N; N > 0] of a binomial count."""
    return Design(
        label=f"N ~ Bin({n}, {mu:g})",
        values={"n": n, "mu_k": mu},
        evidence=Exact(values=lambda: np.array(lost_share(row_count(n, mu))), upper=1.0),
    )


def of_row(
    key: str, n: int, mu: float, row: Row, at: tuple[int, ...], alpha: float = 0.0, name: str = "a row"
) -> Design:
    """A result on one row, by the exact law of its entries."""
    i, last = np.array(at), max(at)

    def law() -> RowLaw:
        return row_law(n, mu, row, last, alpha)

    entries = np.array(row)[:, None]
    places: dict[str, tuple[dict[str, Any], Callable[[], Array]]] = {
        "markov/variance": ({**counted(n, mu), "alpha": alpha, "i": i, "p": entries}, lambda: law().variance[i].T),
        "markov/diversity": ({**counted(n, mu), "alpha": alpha, "i": i, "p": row}, lambda: law().diversity[i]),
        "markov/row-tv": ({"n": n, "mu_k": mu, "alpha": alpha, "i": i, "K": len(row)}, lambda: law().tv[i]),
        "markov/forgotten": ({**counted(n, mu), "i": i, "p": entries}, lambda: law().forgotten[i].T),
        "markov/forgotten/first": ({"n": n, "mu_k": mu, "p": entries[:, 0]}, lambda: law().forgotten[1]),
    }
    values, exact = places[key]
    return Design(
        label=f"n={n}, mu={mu:g}, alpha={alpha:g}, {name} of {len(row)} tokens",
        values=values,
        evidence=Exact(values=exact, upper=np.inf if key == "markov/variance" else 1.0),
    )


def with_fallback(
    key: str, n: int, mu: float, row: Row, fallback: Row, at: tuple[int, ...], name: str = "a row"
) -> Design:
    """A result on one row that falls back if it is not seen."""
    i, last, known = np.array(at), max(at), counted(n, mu)
    real, other = np.array(row), np.array(fallback)
    if key == "markov/diversity/fallback":
        values = {**known, "H_0": float(real @ (1 - real)), "H_G": float(other @ (1 - other))}
    else:
        values = {"pi_0": known["pi_0"], "tv_0": float(np.abs(real - other).sum() / 2)}

    def exact() -> Array:
        law = row_law(n, mu, row, last, 0.0, fallback)
        return np.asarray((law.diversity if "H_0" in values else law.tv)[i])

    return Design(
        label=f"n={n}, mu={mu:g}, {name} of {len(row)} tokens, fallback up to {max(fallback):.3g}",
        values={**values, "i": i},
        evidence=Exact(values=exact, upper=1.0),
    )


def joint(
    n: int, mu: Row, rows: tuple[Row, ...], at: tuple[int, ...], alpha: float = 0.0, name: str = "rows"
) -> Design:
    """The mean over contexts of the rows' total variation."""
    i = np.array(at)

    def exact() -> Array:
        laws = [row_law(n, m, row, max(at), alpha) for m, row in zip(mu, rows, strict=True)]
        return np.asarray(np.array(mu) @ np.array([law.tv[i] for law in laws]))

    values = {"n": n, "alpha": alpha, "i": i, "K": len(rows[0]), "K_eff": max(1.0, float(np.sqrt(mu).sum() ** 2))}
    return Design(
        label=f"n={n}, alpha={alpha:g}, {len(mu)} contexts, {name} of {len(rows[0])} tokens",
        values=values,
        evidence=Exact(values=exact, upper=1.0),
    )


def row_collapse(n: int, mu: float, p: float) -> Design:
    """The time until a row of two tokens is deterministic, by linear equations."""

    def exact() -> Array:
        law = exact_entry(n, mu, p, 0)
        alive = (law.values > 0) & (law.values < 1)
        part = law.kernel[np.ix_(alive, alive)]
        times = np.zeros(alive.size)
        times[alive] = np.linalg.solve(np.eye(len(part)) - part, np.ones(len(part)))
        return np.asarray(times[np.searchsorted(law.values, p)])

    return Design(
        label=f"n={n}, mu={mu:g}, p={p:g}",
        values={**counted(n, mu), "K": 2, "H_0": 2 * p * (1 - p)},
        evidence=Exact(values=exact),
    )


def chain_collapse(n: int, mu: float, p: float, q: float) -> Design:
    """The time until both rows of two tokens are deterministic, by linear equations."""
    least = min((row_count(n, m) for m in (mu, 1 - mu)), key=lost_share)
    return Design(
        label=f"n={n}, mu={mu:g}, p={p:g}, q={q:g}",
        values={"n": n, "kappa_k": least.reciprocal, "pi_0": least.unseen, "K": 2},
        evidence=Exact(values=lambda: np.array(exact_collapse_time(n, mu, p, q))),
    )


def collapse_sampled(model: Bigram, n: int) -> Design:
    """The time until all rows are deterministic, simulated."""
    least = min((row_count(n, m) for m in model.mu), key=lost_share)

    def blocks(seed: int) -> Iterator[Array]:
        for block in count():
            times = np.zeros((128, 1))
            for T in bigram_loop(model, n, 10**9, replications=128, seed=seed, block=block):
                mixed = (T.max(axis=-1) < 1).any(axis=-1)
                if not mixed.any():
                    break
                times[:, 0] += mixed
            yield times

    return Design(
        label=f"n={n}, {len(model.mu)} states",
        values={"n": np.array([n]), "kappa_k": least.reciprocal, "pi_0": least.unseen, "K": len(model.mu)},
        evidence=Unbounded(blocks=blocks),
    )


def bigram(K: int, peak: float, skew: float) -> Bigram:
    """Return a model on a ring of tokens: T(k, l) ~ peak^-distance skew^l, peak >= 1, and contexts mu(k) ~ skew^k."""
    token = np.arange(K)
    away = np.abs(token[:, None] - token)
    T = peak ** -np.minimum(away, K - away).astype(float) * skew**token
    mu = float(skew) ** token
    return Bigram(T / T.sum(axis=1, keepdims=True), mu / mu.sum())


def sampled(
    model: Bigram, n: int, at: tuple[int, ...], quantity: Quantity, *, alpha: float = 0.0, contexts: str = "given"
) -> Callable[[int], Iterator[Array]]:
    """Return replications of a quantity of the models of all generations, (R, len(at))."""

    def blocks(seed: int) -> Iterator[Array]:
        for block in count():
            loop = bigram_loop(
                model, n, max(at) + 1, replications=128, seed=seed, alpha=alpha, contexts=contexts, block=block
            )
            yield quantity(list(loop), at, model)

    return blocks


def row_distance(models: list[Array], at: tuple[int, ...], model: Bigram) -> Array:
    """TV of the likeliest context's row from the real one."""
    k = int(model.mu.argmax())
    return np.stack([np.abs(models[i][:, k] - model.T[k]).sum(axis=-1) / 2 for i in at], axis=1)


def joint_distance(models: list[Array], at: tuple[int, ...], model: Bigram) -> Array:
    """TV of a bigram with a given context from the real one."""
    return np.stack([np.abs(models[i] - model.T).sum(axis=-1) @ model.mu / 2 for i in at], axis=1)


def stationary_distance(models: list[Array], at: tuple[int, ...], model: Bigram) -> Array:
    """TV of the stationary laws from the real one."""
    pi = stationary(model.T)
    return np.stack([np.abs(stationary(models[i]) - pi).sum(axis=-1) / 2 for i in at], axis=1)


def diversity_lost(models: list[Array], at: tuple[int, ...], model: Bigram) -> Array:
    """Return the diversity that generation i+1 loses, over the contexts of generation i."""
    H = {j: 1 - (models[j] ** 2).sum(axis=-1) for j in {*at, *(i + 1 for i in at)}}
    return np.stack([(stationary(models[i]) * (H[i] - H[i + 1])).sum(axis=-1) for i in at], axis=1)


def drift(models: list[Array], at: tuple[int, ...], model: Bigram) -> Array:
    """(1 - delta(T_{i+1})) TV(pi_{i+1}, pi_i); 0 where stationary laws may differ."""
    steps = []
    for i in at:
        gap = np.abs(stationary(models[i + 1]) - stationary(models[i])).sum(axis=-1) / 2
        steps.append(np.maximum(1 - dobrushin(models[i + 1]), 0.0) * gap)
    return np.stack(steps, axis=1)


def of_chain(key: str, model: Bigram, n: int, at: tuple[int, ...], *, alpha: float = 0.0) -> Design:
    """A result on all rows together, simulated."""
    K, i = len(model.mu), np.array(at)
    ergodicity = float(dobrushin(model.T))
    values: Mapping[str, Any]
    if key == "markov/row-tv":
        values = {"n": n, "mu_k": float(model.mu.max()), "alpha": alpha, "i": i, "K": K}
        evidence: Bounded | Signed = Bounded(blocks=sampled(model, n, at, row_distance, alpha=alpha))
    elif key == "markov/joint-tv":
        effective = float(np.sqrt(model.mu).sum() ** 2)
        values = {"n": n, "alpha": alpha, "i": i, "K": K, "K_eff": effective}
        evidence = Bounded(blocks=sampled(model, n, at, joint_distance, alpha=alpha))
    elif key == "markov/stationary":
        least = float(model.mu.min())
        values = {"n": n, "mu_k": least, "delta_T": ergodicity, "alpha": alpha, "i": i, "K": K}
        evidence = Bounded(blocks=sampled(model, n, at, stationary_distance, alpha=alpha))
    elif key == "markov/own-contexts/drift":
        values = {"n": np.full(i.size, n), "i": i, "K": K}
        evidence = Bounded(blocks=sampled(model, n, at, drift, contexts="stationary"))
    else:
        values = {"n": np.full(i.size, n), "i": i, "K": K}
        evidence = Signed(blocks=sampled(model, n, at, diversity_lost, contexts="stationary"), reach=1.0)
    return Design(label=f"n={n}, alpha={alpha:g}, {K} states", values=values, evidence=evidence)


@lru_cache(maxsize=64)
def _walked(model: Bigram, n: int, at: tuple[int, ...], contexts: str, seed: int) -> tuple[Array, Array]:
    """Return the largest change of a row up to each generation, and TV(pi_i, pi): both (R, len(at))."""
    models = list(bigram_loop(model, n, max(at), replications=16, seed=seed, contexts=contexts))
    steps = np.array([np.abs(new - old).sum(axis=-1).max(axis=-1) / 2 for old, new in pairwise(models)])
    largest = np.maximum.accumulate(steps)[np.array(at) - 1].T
    return largest, stationary_distance(models, at, model)


def followed(model: Bigram, n: int, at: tuple[int, ...], contexts: str, seed: int = 0) -> Design:
    """Single loops, in each of which the largest change of a row is known."""
    largest, _ = _walked(model, n, at, contexts, seed)
    return Design(
        label=f"n={n}, {len(model.mu)} states, {contexts} contexts",
        values={"eps": largest, "i": np.array(at), "delta_T": float(dobrushin(model.T))},
        evidence=Exact(values=lambda: _walked(model, n, at, contexts, seed)[1], upper=1.0),
    )


def worst_rows(a: float, b: float, at: tuple[int, ...]) -> Design:
    """Two states left with probabilities a, b, a + b <= 1; equal changes, in every generation, that move pi most."""
    i, eps = np.array(at), 0.9 * b / max(at)

    def exact() -> Array:
        leave, back = a + i * eps, b - i * eps
        changed = np.stack([np.stack([1 - leave, leave], axis=-1), np.stack([back, 1 - back], axis=-1)], axis=-2)
        return np.asarray(np.abs(stationary(changed)[:, 1] - a / (a + b)))

    return Design(
        label=f"two states left with probabilities {a:g} and {b:g}, changed by {eps:.3g} in each generation",
        values={"eps": eps, "i": i, "delta_T": 1 - a - b},
        evidence=Exact(values=exact, upper=1.0),
    )
