"""Softmax transformers: the worst case of one layer, random stacks of layers, a loop on a grid, and a simulated one."""

import itertools
import math
from dataclasses import replace

import catalogue_properties
import mpmath
import numpy as np
import pytest
from scipy import stats

import bounds
from bounds.catalogue.transformer import RESULTS, TERMS

BY_KEY = {r.key: r for r in RESULTS}
STEEP = [0.0, 1e-300, 1e-18, 1e-9, 0.3, 1.0]


def get(key, **values):
    return float(BY_KEY[key](**values))


@pytest.mark.parametrize("result", RESULTS, ids=list(BY_KEY))
def test_has_the_properties_of_the_catalogue(result, monkeypatch):
    catalogue_properties.check(result, monkeypatch, Gamma=STEEP, layers=[1, 2, 3, 10, 100, 300])


@pytest.mark.parametrize("key", TERMS)
def test_terms_add_up(key):
    result = BY_KEY[key]
    point = {p.name: p.typical[0] for p in result.params} | {"n": 50, "alpha": 0.1}
    assert list(TERMS[key]) == ["stability", "recursive stability", "distribution shift"]
    terms = [replace(result, expr=term) for term in TERMS[key].values()]
    assert math.fsum(term(**point) for term in terms) == pytest.approx(result(**point), rel=1e-13)


@pytest.mark.parametrize("residual", [False, True])
def test_the_sensitivity_is_a_sum_over_layers(residual):
    """K = 2 exp(2 Gamma) times the sum of (1 + x)^k over k < layers, without a quotient, in 400 digits."""
    result = BY_KEY["stability/transformer/residual" if residual else "stability/transformer"]
    for gamma, layers in itertools.product([*STEEP, 40.0], (1, 2, 30, 1000)):
        with mpmath.workdps(400):
            step = 1 + 2 * mpmath.mpf(gamma) + residual
            exact = 2 * mpmath.exp(2 * mpmath.mpf(gamma)) * mpmath.fsum(step**k for k in range(layers)) / 7
        if exact < mpmath.mpf(2) ** 1023:
            assert abs(float(result(n=7, Gamma=gamma, layers=layers)) / exact - 1) <= 1e-12
        assert abs(result.evalf(50, n=7, Gamma=gamma, layers=layers) / exact - 1) <= mpmath.mpf("1e-48")


# --- one layer ------------------------------------------------------------------------------------------------


def softmax(scores):
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return weights / weights.sum(axis=-1, keepdims=True)


def layer(z, tokens, W, V):
    """Outputs of tokens z (…, t, D) that attend to tokens (…, n, D); heads on the axis before the matrices."""
    scores = np.einsum("...td,...hde,...ne->...htn", z, W, tokens)
    means = np.einsum("...htn,...nd->...htd", softmax(scores), tokens)
    return np.einsum("...hde,...hte->...td", V, means)


@pytest.mark.parametrize("n", [2, 3, 10, 1000])
@pytest.mark.parametrize("gamma", [0.0, 0.3, 1.0, 3.0, 20.0])
def test_one_layer_attains_its_bound(n, gamma):
    tokens = np.tile([1.0, 0.0], (n, 1))
    changed = tokens.copy()
    changed[-1] *= -1
    matrices = -gamma * np.eye(2)[None], np.eye(2)[None]
    move = layer(tokens[:1], tokens, *matrices) - layer(tokens[:1], changed, *matrices)
    assert np.linalg.norm(move) == pytest.approx(get("stability/attention", n=n, Gamma=gamma), rel=1e-13)


def test_one_layer_comes_first():
    for n, gamma in itertools.product((2, 10, 10**6), (0.0, 0.5, 5.0)):
        bound = get("stability/transformer", n=n, Gamma=gamma, layers=1)
        assert get("stability/attention", n=n, Gamma=gamma) <= min(2, bound)
        assert bound <= get("stability/transformer/residual", n=n, Gamma=gamma, layers=1) * (1 + 1e-14)


# --- stacks of layers -----------------------------------------------------------------------------------------


def ball(z):
    return z / np.maximum(1, np.linalg.norm(z, axis=-1, keepdims=True))


def stack(tokens, Ws, Vs, residual):
    for W, V in zip(Ws, Vs, strict=True):
        new = layer(tokens, tokens, W, V)
        tokens = ball(tokens + new) if residual else new
    return tokens


def heads(rng, trials, count, D, gamma, orthogonal):
    """Attention forms of norm gamma; values whose norms add up to 1, or on orthogonal ranges with squares up to 1."""
    W = rng.normal(size=(trials, count, D, D))
    W *= gamma / np.linalg.norm(W, 2, axis=(-2, -1), keepdims=True)
    if orthogonal:
        blocks = np.array([np.diag(np.arange(D) % count == h) for h in range(count)]) / math.sqrt(count)
        return W, np.broadcast_to(blocks, W.shape)
    V = rng.normal(size=W.shape)
    return W, V / np.linalg.norm(V, 2, axis=(-2, -1), keepdims=True) / count


@pytest.mark.parametrize("residual", [False, True])
@pytest.mark.parametrize(("count", "orthogonal"), [(1, False), (2, False), (2, True)])
def test_random_stacks_stay_below(residual, count, orthogonal):
    rng, D, trials, largest = np.random.default_rng(11), 4, 60, 0.0
    key = "stability/transformer/residual" if residual else "stability/transformer"
    for n, gamma, layers in itertools.product((2, 5, 20), (0.0, 0.5, 1.5), (1, 2, 4)):
        tokens = rng.normal(size=(trials, n, D)) * rng.choice([0.05, 0.5, 5.0], (trials, 1, 1))
        changed = ball(tokens)
        changed[:, -1] = -changed[:, -1] / np.linalg.norm(changed[:, -1], axis=-1, keepdims=True)
        pairs = [heads(rng, trials, count, D, gamma, orthogonal) for _ in range(layers)]
        outputs = [stack(ball(z), *zip(*pairs, strict=True), residual)[:, :-1] for z in (tokens, changed)]
        moves = np.linalg.norm(outputs[0] - outputs[1], axis=-1).max()
        bound = get(key, n=n, Gamma=gamma, layers=layers)
        assert moves <= min(2, bound) * (1 + 1e-12)
        largest = max(largest, moves / bound)
    assert largest > 0.1


@pytest.mark.parametrize("layers", [1, 2, 4])
def test_the_residual_bound_is_nearly_attained(layers):
    """Uniform attention, one token at a pole and the others at the centre."""
    n = 500
    tokens = np.zeros((n, 2))
    tokens[-1, 0] = 1
    changed = tokens * [-1, 1]
    flat = [np.zeros((1, 2, 2))] * layers, [np.eye(2)[None]] * layers
    move = np.linalg.norm(stack(tokens, *flat, True)[0] - stack(changed, *flat, True)[0])
    bound = get("stability/transformer/residual", n=n, Gamma=0.0, layers=layers)
    assert 0.97 * bound <= move <= bound * (1 + 1e-12)


# --- a loop on a grid -----------------------------------------------------------------------------------------


def answer(tokens, query, gamma):
    """Second coordinate of what one layer with W = gamma I, V = I answers."""
    return layer(query[..., None, :], tokens, gamma * np.eye(2)[None], np.eye(2)[None])[..., 0, 1]


def test_recursive_stability_by_integration():
    """n = 2, one point reused and one generated at a known input: the law of each generation on a grid."""
    sigma, gamma, x = 1.5, 0.4, 0.6
    grid = np.linspace(-10, 10, 801)
    width, query = grid[1] - grid[0], np.array([x, 0.0])
    generated = ball(np.stack([np.full_like(grid, x), grid], axis=-1))
    ratios = []
    for other in (-0.8, 0.0, 0.8):
        laws = []
        for y in (0.8, -0.8):
            start = answer(np.array([[x, y], [x, other]]), query, gamma)
            later = answer(np.stack([np.broadcast_to([x, y], generated.shape), generated], axis=1), query, gamma)
            kernel = stats.norm.pdf(grid[None], later[:, None], sigma) * width
            path = [stats.norm.pdf(grid, start, sigma)]
            for _ in range(3):
                path.append(path[-1] @ kernel)
            assert path[-1].sum() * width == pytest.approx(1, abs=1e-6)
            laws.append(path)
        for i in range(1, 5):
            far = np.abs(laws[0][i - 1] - laws[1][i - 1]).sum() * width / 2
            bound = get("recursive-stability/icl", n=2, alpha=0.5, i=i, Gamma=gamma, layers=1, sigma=sigma)
            assert far <= bound
            ratios.append(far / bound)
        shift = abs(np.diff([path[0] @ grid * width for path in laws]).item())
        divergence = get("recursive-stability/icl/divergence", n=2, Gamma=gamma, layers=1, sigma=sigma)
        assert shift**2 / (2 * sigma**2) <= divergence
    assert max(ratios) > 0.1


def test_recursive_stability_is_the_composition_of_divergences():
    for residual in ("", "/residual"):
        network = {"Gamma": 0.3, "layers": 2, "sigma": 2.0}
        kappa = get(f"recursive-stability/icl/divergence{residual}", n=5000, **network)
        composed = bounds.get("recursive-stability/composition/fixed")(n=5000, alpha=0.4, i=3, kappa=kappa)
        value = get(f"recursive-stability/icl{residual}", n=5000, alpha=0.4, i=3, **network)
        assert 0 < value < 1
        assert value == pytest.approx(composed, rel=1e-12)
        shape = {"Gamma": 0.3, "layers": 2}
        moved = get(f"stability/transformer{residual}", n=5000, **shape)
        assert kappa == pytest.approx(moved**2 / 8, rel=1e-12)
        beta = get(f"icl/softmax/stability{residual}", n=5000, **shape, L=1.5)
        assert beta == pytest.approx(1.5 * moved, rel=1e-12)
        general = bounds.get("generalization/expectation")(alpha=0.4, M=2.0, beta_n=beta, gamma_n=value, tv=0.1)
        point = {"n": 5000, "alpha": 0.4, "i": 3, **network, "L": 1.5, "M": 2.0, "tv": 0.1}
        assert get(f"icl/softmax/generalization{residual}", **point) == pytest.approx(general, rel=1e-12)


# --- a simulated loop -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("gamma", "i"), [(0.0, 1), (0.5, 3)])
def test_the_gap_of_a_simulated_loop(gamma, i):
    """Inputs ±0.7, y = 0.5 + noise, loss min(|output − y|, 1): L = M = 1; risks by quadrature, tv exact given fits."""
    rng, trials, n, reused, sigma = np.random.default_rng(5), 4000, 40, 20, 0.8
    inputs = np.array([-0.7, 0.7])
    queries = np.stack([inputs, np.zeros(2)], axis=-1)

    def draw(count, means):
        which = rng.integers(0, 2, (trials, count))
        y = np.take_along_axis(means, which, axis=1) + sigma * rng.normal(size=which.shape)
        return which, y

    def fitted(which, y):
        tokens = ball(np.stack([inputs[which], y], axis=-1))
        return np.stack([answer(tokens, np.broadcast_to(q, (trials, 2)), gamma) for q in queries], axis=-1)

    truth = np.full((trials, 2), 0.5)
    data = draw(n, truth)
    real = tuple(a[:, :reused] for a in data)
    for _ in range(i):
        fit = fitted(*data)
        shift = (2 * stats.norm.cdf(np.abs(fit - truth) / (2 * sigma)) - 1).mean()
        data = tuple(np.concatenate(pair, axis=1) for pair in zip(real, draw(n - reused, fit), strict=True))
    learned = fitted(*data)
    empirical = np.minimum(np.abs(np.take_along_axis(learned, data[0], axis=1) - data[1]), 1).mean(axis=1)
    nodes, weights = np.polynomial.hermite_e.hermegauss(101)
    losses = np.minimum(np.abs(learned[..., None] - 0.5 - sigma * nodes), 1)
    gap = (losses @ weights / weights.sum()).mean(axis=1) - empirical
    network = {"Gamma": gamma, "layers": 1, "sigma": sigma}
    bound = get("icl/softmax/generalization", n=n, alpha=0.5, i=i, **network, L=1.0, M=1.0, tv=shift)
    error = 4 * gap.std() / math.sqrt(trials)
    assert error < gap.mean() < bound - error
