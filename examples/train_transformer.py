"""Train the small softmax transformer that `sim.trained_transformer()` loads, on linear regression in context.

Needs the extra `torch` (pip install "loopbound[torch]"). After every step of the optimiser the weights are
scaled back to the norms that `sim.transformer` asks for. The file holds the weights, and prompts and queries
with the outputs that PyTorch computed from them, for the tests. It takes about a minute on one core.

Usage: python examples/train_transformer.py sim/weights/regression.npz
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.transformer import normalised_transformer, random_transformer, to_ball

Array = NDArray[np.float64]

LAYERS, HEADS, WIDTH, GAMMA = 3, 2, 4, 4.0
RADIUS, LARGEST, SIGMA = 0.75, 0.8, 0.05  # of x and w in the plane; of the noise
SIZES = (8, 64)  # shortest and longest prompt
STEPS, BATCH, QUERIES, RATE = 3_000, 32, 16, 5e-3
SEED = 20261121


def disc(rng: np.random.Generator, radius: float, *shape: int) -> Array:
    """Points of the plane, uniform on a disc."""
    direction = rng.standard_normal((*shape, 2))
    direction /= np.linalg.norm(direction, axis=-1, keepdims=True)
    return radius * np.sqrt(rng.random((*shape, 1))) * direction


def tokens(x: Array, y: Array) -> Array:
    """Points with labels as tokens, padded with zeros and projected onto the unit ball."""
    z = np.zeros((*y.shape, WIDTH))
    z[..., :2], z[..., 2] = x, y
    return to_ball(z)


def lessons(rng: np.random.Generator, n: int) -> tuple[Array, Array, Array]:
    """Prompts of n points, queries, and the queries' labels without noise; one w for each prompt."""
    w = disc(rng, LARGEST, BATCH, 1)
    x, asked = disc(rng, RADIUS, BATCH, n), disc(rng, RADIUS, BATCH, QUERIES)
    y = (x * w).sum(axis=-1) + SIGMA * rng.standard_normal((BATCH, n))
    return tokens(x, y), tokens(asked, np.zeros((BATCH, QUERIES))), (asked * w).sum(axis=-1)


def outputs(W: Any, V: Any, prompts: Array, queries: Array, residual: bool) -> Any:
    """Outputs at queries, shape (R, q, D), with the formulas of `sim.transformer` in PyTorch.

    W and V are tensors of shape (layers, heads, D, D).
    """
    import torch

    z, q = torch.from_numpy(prompts), torch.from_numpy(queries)
    for forms, values in zip(W, V, strict=True):
        both = torch.cat([z, q], dim=1)
        moved = both if residual else torch.zeros_like(both)
        for form, value in zip(forms, values, strict=True):
            weights = torch.softmax(both @ form @ z.transpose(1, 2), dim=-1)
            moved = moved + weights @ z @ value.T
        if residual:
            moved = moved / moved.norm(dim=-1, keepdim=True).clamp(min=1.0)
        z, q = moved[:, : z.shape[1]], moved[:, z.shape[1] :]
    return q


def constrain(W: Any, V: Any) -> None:
    """Scale the weights, tensors that are changed, to the norms allowed."""
    import torch

    with torch.no_grad():
        allowed = normalised_transformer(W.numpy(), V.numpy(), Gamma=GAMMA, residual=True)
        W.copy_(torch.from_numpy(np.array(allowed.W)))
        V.copy_(torch.from_numpy(np.array(allowed.V)))


def train() -> dict[str, Any]:
    """Return the arrays of the file."""
    import torch

    torch.set_num_threads(1)
    rng = np.random.default_rng(SEED)
    start = random_transformer(layers=LAYERS, heads=HEADS, width=WIDTH, Gamma=GAMMA, residual=True, seed=SEED)
    W, V = (torch.tensor(m, requires_grad=True) for m in (start.W, start.V))
    optimiser = torch.optim.Adam([W, V], lr=RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, STEPS)
    for step in range(STEPS):
        prompts, queries, labels = lessons(rng, int(rng.integers(*SIZES, endpoint=True)))
        errors = outputs(W, V, prompts, queries, True)[..., 2] - torch.from_numpy(labels)
        loss = (errors**2).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        constrain(W, V)
        if step % 500 == 0 or step == STEPS - 1:
            print(f"step {step:>5}: squared error {loss.item():.5f}, without a prompt {(labels**2).mean():.5f}")
    prompts, queries, _ = lessons(rng, 24)
    prompts, queries = prompts[:4], queries[:4]
    with torch.no_grad():
        answers = outputs(W, V, prompts, queries, True).numpy()
    final = normalised_transformer(W.detach().numpy(), V.detach().numpy(), Gamma=GAMMA, residual=True)
    return {
        "W": final.W, "V": final.V, "Gamma": GAMMA, "residual": True,
        "prompts": prompts, "queries": queries, "outputs": answers,
    }  # fmt: skip


def main(path: str) -> None:
    """Train, and write the file."""
    np.savez_compressed(path, **train())


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
