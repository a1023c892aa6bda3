"""The softmax transformer against loops over tokens, its norms, and its trained weights."""

from __future__ import annotations

import math
from importlib.resources import files
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import numpy as np
import pytest

import sim.transformer
from sim import (
    SimulationError,
    Transformer,
    normalised_transformer,
    random_transformer,
    to_ball,
    trained_transformer,
)

SEED = 20261121
ROOT = Path(__file__).resolve().parents[1]


def tokens(shape, seed=SEED):
    return to_ball(np.random.default_rng(seed).standard_normal(shape))


def by_hand(model, prompt, query):
    """Output at one query to one prompt, a token and a head at a time."""

    def step(layer, z, prompt):
        moved = np.zeros(model.width)
        for W, V in zip(model.W[layer], model.V[layer], strict=True):
            scores = np.array([z @ W @ other for other in prompt])
            weights = np.exp(scores - scores.max())
            moved += V @ sum(p * other for p, other in zip(weights / weights.sum(), prompt, strict=True))
        if not model.residual:
            return moved
        return (z + moved) / max(1.0, np.linalg.norm(z + moved))

    for layer in range(model.layers):
        prompt, query = [step(layer, z, prompt) for z in prompt], step(layer, query, prompt)
    return query


@pytest.mark.parametrize("residual", [False, True])
@pytest.mark.parametrize(("layers", "heads", "Gamma"), [(1, 1, 0.0), (1, 3, 2.0), (3, 2, 1.5), (2, 1, 300.0)])
@pytest.mark.parametrize("held", [1, 37, 2**17])
def test_outputs_are_those_of_loops_over_tokens(layers, heads, Gamma, residual, held, monkeypatch):
    monkeypatch.setattr(sim.transformer, "_HELD", held)
    model = random_transformer(layers=layers, heads=heads, width=4, Gamma=Gamma, residual=residual, seed=1)
    prompts, queries = tokens((3, 7, 4)), tokens((3, 5, 4), 2)
    expected = [[by_hand(model, p, q) for q in asked] for p, asked in zip(prompts, queries, strict=True)]
    got = model.outputs(prompts, queries)
    np.testing.assert_allclose(got, expected, rtol=1e-11, atol=1e-13)
    assert np.linalg.norm(got, axis=-1).max() <= 1 + 1e-12
    assert model.read(model.states(prompts), queries[:, :0]).shape == (3, 0, 4)


def test_the_order_of_a_prompt_does_not_matter_but_a_token_does():
    model, prompts = random_transformer(layers=2, heads=2, width=3, Gamma=2.0, seed=3), tokens((2, 6, 3))
    queries, changed = tokens((2, 4, 3), 4), prompts.copy()
    changed[1, 2] *= -1
    before = model.outputs(prompts, queries)
    np.testing.assert_allclose(model.outputs(prompts[:, ::-1], queries), before, rtol=1e-12)
    after = model.outputs(changed, queries)
    np.testing.assert_array_equal(after[0], before[0])
    assert np.abs(after[1] - before[1]).min() > 1e-5


@pytest.mark.parametrize("residual", [False, True])
@pytest.mark.parametrize(("layers", "heads", "Gamma"), [(1, 2, 0.0), (2, 1, 0.5), (3, 4, 1.0), (4, 2, 0.1)])
def test_replacing_a_token_moves_outputs_by_at_most_a_constant_over_n(layers, heads, Gamma, residual):
    slope = 2 + 2 * Gamma if residual else 1 + 2 * Gamma
    constant = 2 * math.exp(2 * Gamma) * sum(slope**k for k in range(layers))
    model = random_transformer(layers=layers, heads=heads, width=3, Gamma=Gamma, residual=residual, seed=5)
    for n in (2, 10, 40):
        prompts, queries = tokens((50, n, 3)), tokens((50, 20, 3), 6)
        moved = prompts.copy()
        moved[:, 0] = -prompts[:, 0] / np.linalg.norm(prompts[:, 0], axis=1, keepdims=True)
        change = np.linalg.norm(model.outputs(moved, queries) - model.outputs(prompts, queries), axis=2).max()
        assert 0 < change <= constant / n


def test_normalising_scales_what_is_too_large_only():
    rng = np.random.default_rng(SEED)
    W, V = rng.standard_normal((2, 2, 3, 4, 4))
    W[0, 0] *= 1e-3
    V[1] *= 1e-3
    model = normalised_transformer(W, V, Gamma=0.5)
    np.testing.assert_array_equal(model.W[0, 0], W[0, 0])
    np.testing.assert_array_equal(model.V[1], V[1])
    np.testing.assert_allclose(np.linalg.svd(model.W[1])[1][:, 0], 0.5)
    assert np.linalg.svd(model.V[0])[1][:, 0].sum() == pytest.approx(1)
    np.testing.assert_allclose(model.V[0] * V[0, 0, 0, 0], V[0] * model.V[0, 0, 0, 0])
    assert not normalised_transformer(W, V, Gamma=0.0).W.any()
    with pytest.raises(ValueError, match="read-only"):
        model.W[0] = 0


BLOCKS = np.stack([np.diag([1.0, 0.0]), np.diag([0.0, 1.0])])[None]  # orthogonal heads: sum of norms 2


@pytest.mark.parametrize(
    ("change", "argument"),
    [
        ({"W": np.zeros((1, 2, 2))}, "W"),
        ({"W": np.zeros((1, 2, 2, 3))}, "W"),
        ({"W": np.zeros((0, 2, 2, 2))}, "W"),
        ({"W": np.full((1, 2, 2, 2), np.nan)}, "W"),
        ({"W": np.tile(1.01 * np.eye(2), (1, 2, 1, 1))}, "W"),
        ({"V": np.zeros((1, 1, 2, 2))}, "V"),
        ({"V": BLOCKS}, "V"),
        ({"Gamma": -0.1}, "Gamma"),
        ({"Gamma": 301.0}, "Gamma"),
    ],
)
def test_bad_weights(change, argument):
    zero = np.zeros((1, 2, 2, 2))
    with pytest.raises(SimulationError) as caught:
        Transformer(**{"W": zero, "V": zero, "Gamma": 1.0, **change})
    assert caught.value.argument == argument


def test_bad_tokens_and_sizes():
    model = random_transformer(layers=1, heads=1, width=2, Gamma=1.0, seed=0)
    good = tokens((2, 3, 2))
    for prompts, queries, argument in (
        (good[0], good, "prompts"),
        (good[..., :1], good, "prompts"),
        (good[:, :0], good, "prompts"),
        (np.full((1, 1, 2), 0.8), good[:1], "prompts"),
        (good, np.full((2, 1, 2), np.nan), "queries"),
        (good, good[:1], "queries"),
    ):
        with pytest.raises(SimulationError) as caught:
            model.outputs(prompts, queries)
        assert caught.value.argument == argument
    for name in ("layers", "heads", "width"):
        with pytest.raises(SimulationError, match=name):
            random_transformer(**{"layers": 1, "heads": 1, "width": 2, "Gamma": 1.0, "seed": 0, name: 0})


def stored():
    with np.load(files("sim").joinpath("weights", "regression.npz"), allow_pickle=False) as file:
        return dict(file)


def test_trained_weights_give_the_outputs_that_pytorch_gave():
    arrays = stored()
    got = trained_transformer().outputs(arrays["prompts"], arrays["queries"])
    np.testing.assert_allclose(got, arrays["outputs"], rtol=0, atol=1e-12)
    assert np.ptp(arrays["outputs"][..., 2]) > 0.1
    assert files("sim").joinpath("weights", "regression.npz").stat().st_size < 100_000


def test_pytorch_gives_the_same_outputs():
    torch = pytest.importorskip("torch")
    spec = spec_from_file_location("train_transformer", ROOT / "examples" / "train_transformer.py")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    for residual in (False, True):
        model = random_transformer(layers=3, heads=2, width=5, Gamma=3.0, residual=residual, seed=8)
        prompts, queries = tokens((4, 20, 5)), tokens((4, 6, 5), 9)
        W, V = (torch.tensor(m.copy()) for m in (model.W, model.V))
        theirs = module.outputs(W, V, prompts, queries, residual).numpy()
        np.testing.assert_allclose(model.outputs(prompts, queries), theirs, rtol=0, atol=1e-12)
