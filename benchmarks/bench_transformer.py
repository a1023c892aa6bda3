"""Loops in context: linear attention by its sufficient sum, and prompts of a softmax transformer.

Each stands beside a plain loop in Python, timed in turns: for linear attention one that draws all points of every
replication, for the transformer one that answers prompt by prompt and query by query with NumPy. The plain loops run
fewer replications; the table shows times per replication and their ratio, and what the whole design took here.

Run as ``OPENBLAS_NUM_THREADS=1 python -m benchmarks.bench_transformer``.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from sim.loop import simulate
from sim.models.incontext import InContext, Linear
from sim.models.linear_attention import LinearAttention
from sim.schedules import Fixed
from sim.transformer import Transformer, random_transformer

ALPHA, SEED, ROUNDS = 0.5, 0, 3
ATTENTION = {"n": 1_000, "generations": 50}
REPLICATIONS, FEW = 2_000, 20
PROMPTS = {"n": 512, "generations": 10}
LOOPS, TESTS = 64, 256
WIDTH, LAYERS, SIGMA, RADIUS = 64, 4, 0.1, 0.75


def seconds(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def attention_in_the_loop(model: LinearAttention, n: int, generations: int, replications: int) -> np.ndarray:
    """Risks of linear attention under `fixed`, all points drawn, one replication after the other."""
    rng, w = np.random.default_rng(SEED), model.weight * np.eye(model.d)[0]
    reused, out = round(ALPHA * n), np.empty((replications, generations))
    for r in range(replications):
        x = rng.standard_normal((n, model.d))
        y = x @ w + model.sigma * rng.standard_normal(n)
        for i in range(generations):
            fit = model.factor(n) / n * (y @ x)
            out[r, i] = ((fit - w) ** 2).sum()
            x[reused:] = rng.standard_normal((n - reused, model.d))
            y[reused:] = x[reused:] @ fit + model.sigma * rng.standard_normal(n - reused)
    return out


def answer(model: Transformer, prompt: np.ndarray, queries: np.ndarray) -> np.ndarray:
    """Outputs at queries to one prompt, one token at a time."""
    for W, V in zip(model.W, model.V, strict=True):
        moved = []
        for z in (*prompt, *queries):
            new = z.copy()
            for form, value in zip(W, V, strict=True):
                weights = np.exp(prompt @ (form.T @ z))
                new += value @ (weights @ prompt) / weights.sum()
            moved.append(new / max(1.0, np.linalg.norm(new)))
        prompt, queries = np.array(moved[: len(prompt)]), np.array(moved[len(prompt) :])
    return queries


def prompts_one_by_one(model: InContext, n: int, generations: int) -> np.ndarray:
    """Gaps of one loop of prompts under `fixed`, drawn and measured as in `InContext`."""
    rng, d, reused = np.random.default_rng(SEED), model.f.d, round(ALPHA * n)
    x = model.features(rng, (n,))
    prompt = model.points(x, model.f(x) + model.sigma * rng.standard_normal(n))
    out = []
    for _ in range(generations):
        x = model.features(rng, (TESTS,))
        real = model.points(x, model.f(x) + model.sigma * rng.standard_normal(TESTS))
        fresh = model.features(rng, (n - reused,))
        asked = np.concatenate([prompt[:, :d], real[:, :d], fresh])
        told = answer(model.transformer, model.tokens(prompt), model.tokens(asked))[:, d]
        losses = np.minimum((told[: n + TESTS] - np.append(prompt[:, d], real[:, d])) ** 2 / 2, model.M)
        out.append(losses[n:].mean() - losses[:n].mean())
        labels = told[n + TESTS :] + model.sigma * rng.standard_normal(n - reused)
        prompt[reused:] = model.points(fresh, labels)
    return np.array(out)


def linear(d: int) -> tuple[str, int, float, float]:
    """Design, replications, seconds here for all of them, seconds there for one; the best of some rounds."""
    model = LinearAttention(d, 1.0, 0.5)
    pairs = [
        (
            seconds(lambda: simulate(model, Fixed(ALPHA), replications=REPLICATIONS, seed=SEED, **ATTENTION)),
            seconds(lambda: attention_in_the_loop(model, replications=FEW, **ATTENTION)) / FEW,
        )
        for _ in range(ROUNDS)
    ]
    return (f"linear attention, d = {d}, {ATTENTION}", REPLICATIONS, *map(min, zip(*pairs, strict=True)))


def prompts(heads: int) -> tuple[str, int, float, float]:
    """The same for a transformer with so many heads, in one round."""
    weights = random_transformer(layers=LAYERS, heads=heads, width=WIDTH, Gamma=1.0, residual=True, seed=SEED)
    model = InContext(transformer=weights, f=Linear((0.5, -0.3, 0.2)), sigma=SIGMA, radius=RADIUS, tests=TESTS)
    ours = seconds(lambda: simulate(model, Fixed(ALPHA), replications=LOOPS, seed=SEED, record=["gap"], **PROMPTS))
    theirs = seconds(lambda: prompts_one_by_one(model, **PROMPTS))
    return f"softmax, width {WIDTH}, {LAYERS} layers, {heads} head(s), {PROMPTS}", LOOPS, ours, theirs


def main() -> None:
    print(f"{'loop':<82}{'runs':>6}{'all':>10}{'each':>12}{'plain':>12}{'ratio':>7}")
    for row, size in ((linear, 5), (linear, 20), (linear, 100), (prompts, 1), (prompts, 2)):
        name, runs, ours, theirs = row(size)
        each = ours / runs
        print(f"{name:<82}{runs:>6}{ours:>8.2f} s{1e3 * each:>9.3f} ms{1e3 * theirs:>9.1f} ms{theirs / each:>7.0f}")


if __name__ == "__main__":
    main()
