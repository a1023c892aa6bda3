"""Diffusion models: what training, sampling and the loop cost, what single precision and the grid change, and the rate.

Run as ``python -m benchmarks.bench_diffusion [cost|loop|precision|grid|rate]``; without a word all are run.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable
from typing import TypeVar

import numpy as np

from sim.densities_mixture import NormalMixture
from sim.diffusion.ends import end_terms
from sim.diffusion.features import RandomFeatures, ScoreNetwork
from sim.diffusion.laws import ExactScore
from sim.diffusion.line_law import output_law, tv_mixtures
from sim.diffusion.loop import diffusion_loop
from sim.diffusion.samplers import Sampler, draw
from sim.diffusion.terms import chain_terms, girsanov_terms
from sim.diffusion.times import time_grid
from sim.diffusion.training import train
from sim.models.diffusion import Diffusion
from sim.schedules import Accumulate, Fresh, Replace

P = NormalMixture(np.full(2, 0.5), np.array([-1.0, 1.0]), np.full(2, 0.5))
TIMES = time_grid(0.01, 4.0, 60, "quadratic")
INTERVAL = (-9.0, 9.0)
SEEDS = 10
T = TypeVar("T")


def timed(what: str, run: Callable[[], T]) -> T:
    wall, cpu = time.perf_counter(), time.process_time()
    out = run()
    print(f"{what:<66}{time.perf_counter() - wall:>8.2f} s, CPU{time.process_time() - cpu:>8.2f} s", flush=True)
    return out


def cost() -> None:
    rng = np.random.default_rng(0)
    times = time_grid(0.01, 4.0, 50, "quadratic")
    points, features = P.sample(rng, 100_000), RandomFeatures(1, 512, 5.0)
    timed(
        "train, 512 features, n = 1e5, 50 times, exact noise", lambda: train(points, features, times, penalties=[1e-4])
    )
    stops = np.geomspace(1, 1e6, 30).tolist()
    timed("  the same, 30 stopping times", lambda: train(points, features, times, stops=stops))
    for activation in ("softplus", "relu"):
        plane = RandomFeatures(2, 512, 5.0, activation=activation)
        pairs = points.reshape(-1, 2).repeat(2, axis=0)
        timed(
            f"  d = 2, {activation}, one draw of the noise",
            lambda pairs=pairs, plane=plane: train(pairs, plane, times, penalties=[1e-4], noise=1),
        )
    sampler = Sampler(times)
    for activation in ("softplus", "relu"):
        (net,) = train(points, RandomFeatures(1, 512, 5.0, activation=activation), times, penalties=[1e-4])
        law = timed(
            f"law of the sampler, 512 {activation} features", lambda net=net: output_law(net, sampler, INTERVAL)
        )
    timed("1e6 draws from that law", lambda: law.law.sample(rng, 1_000_000))
    timed("1e6 points through the sampler, 512 relu features", lambda: draw(net, sampler, 1_000_000, rng))
    timed("its distance to P", lambda: tv_mixtures(law.law, P))
    timed("terms of the chain", lambda: chain_terms(P, net, sampler))


def loop() -> None:
    model = Diffusion(P, RandomFeatures(1, 256, 5.0), Sampler(TIMES))
    for schedule in (Replace(), Fresh(0.5), Accumulate()):
        timed(
            f"loop, {schedule}, 10 generations, n = 1e4, 20 replications",
            lambda schedule=schedule: diffusion_loop(
                model, schedule, n=10_000, generations=10, replications=20, seed=0
            ),
        )


def precision() -> None:
    """TV between the laws of samplers trained with the same draws in single and double precision.

    For comparison the distance from double precision to exact noise. Below 1e-5 `train` may refuse single
    precision: the matrix is not positive definite in it.
    """
    points, features = P.sample(np.random.default_rng(0), 10_000), RandomFeatures(1, 256, 5.0)
    moments = {kind: moments_of(points, features, kind) for kind in (np.float32, np.float64)}
    print(" penalty  single-double  double-exact")
    for penalty in (1e-2, 1e-3, 1e-4, 1e-5):
        laws = [output_law(train(points, features, TIMES, penalties=[penalty])[0], Sampler(TIMES), INTERVAL).law]
        for pairs in moments.values():
            solved = [np.linalg.solve(second + penalty * np.eye(256), first) for second, first in pairs]
            net = ScoreNetwork(features, TIMES[1:], np.stack(solved)[:, None])
            laws.append(output_law(net, Sampler(TIMES), INTERVAL).law)
        print(
            f"{penalty:8.0e}{tv_mixtures(laws[1], laws[2])[0]:15.1e}{tv_mixtures(laws[2], laws[0])[0]:14.1e}",
            flush=True,
        )


def moments_of(points: np.ndarray, features: RandomFeatures, kind: type) -> list[tuple[np.ndarray, np.ndarray]]:
    """E ψψᵀ and E(∇log p_t)ψ at every time from the same draws, features in the precision asked for."""
    rng, out = np.random.default_rng(1), []
    for t in TIMES[1:].tolist():
        sigma, second, first = math.sqrt(-math.expm1(-2 * t)), np.zeros((256, 256)), np.zeros(256)
        for part in np.split(points, 5):
            z = rng.standard_normal(part.size)
            values = features.values((math.exp(-t) * part + sigma * z)[:, None].astype(kind))
            second += values.T @ values / points.size
            first -= z.astype(kind) @ values / (points.size * sigma)
        out.append((second, first))
    return out


def grid() -> None:
    """Error that the law of a sampler states, and the distance to one on a grid four times finer."""
    points = P.sample(np.random.default_rng(0), 800)
    for activation in ("softplus", "relu", "tanh"):
        rate = 2.0 if activation == "tanh" else 8.0
        (net,) = train(points, RandomFeatures(1, 256, 5.0, 0, activation, rate), TIMES, penalties=[1e-4])
        for nodes in (257, 513, 1025, 2049):
            law, fine = (output_law(net, Sampler(TIMES), INTERVAL, k) for k in (nodes, 4 * nodes - 3))
            print(f"{activation:<10}{nodes:>6} nodes: {law.error:.1e}, {tv_mixtures(law.law, fine.law)[0]:.1e}")


def rate() -> None:
    """One-step TV and its bounds against n, mean of some samples, and the floor: n → ∞, and the true score."""
    ends, features = end_terms(P, TIMES), RandomFeatures(1, 256, 5.0)
    chain, held = Sampler(TIMES), Sampler(TIMES, "exponential")

    def row(net: Callable[..., np.ndarray]) -> list[float]:
        tv, held_tv = (tv_mixtures(output_law(net, s, INTERVAL).law, P)[0] for s in (chain, held))
        terms, path = chain_terms(P, net, chain), girsanov_terms(P, net, TIMES)
        bounds = [ends.start + ends.end + math.sqrt(part.total / 2) for part in (terms, path)]
        parts = [terms.non_gaussian, terms.variance, terms.mean, path.learning, path.lag]
        return [tv, bounds[0], bounds[0] / tv, held_tv, bounds[1], bounds[1] / held_tv, *(p.sum() for p in parts)]

    print(f"start {ends.start:.4f}, end {ends.end:.1e}")
    print("       n      TV   chain  ratio TV held Girsanov ratio  non-normal  variance      mean  learning       lag")
    for n in (50, 100, 200, 400, 800, 1600, 3200, 6400, 12_800, 0):
        draws = [P.sample(np.random.default_rng([n, k]), n) for k in range(SEEDS)] if n else [P]
        rows = [row(train(source, features, TIMES, penalties=[1e-4])[0]) for source in draws]
        shown(str(n or "infinity"), np.mean(rows, axis=0))
    shown("true", np.asarray(row(ExactScore(P))))


def shown(name: str, values: np.ndarray) -> None:
    head = "{:8.4f}{:8.4f}{:7.2f}{:8.4f}{:8.4f}{:7.2f}".format(*values[:6])
    print(f"{name:>8}{head}  " + "".join(f"{value:10.2e}" for value in values[6:]), flush=True)


def main() -> None:
    known = {"cost": cost, "loop": loop, "precision": precision, "grid": grid, "rate": rate}
    for name in sys.argv[1:] or known:
        print(f"-- {name}")
        known[name]()


if __name__ == "__main__":
    main()
