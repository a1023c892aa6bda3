"""Broadcasting: shapes, dtypes, and the same values whether points come alone, in full arrays or crossed."""

import numpy as np
import pytest
from test_bounds_domains import BY_KEY, FRESH, KEYS, typical

import bounds
from bounds import Structure


@pytest.mark.parametrize("key", KEYS)
def test_empty_arrays(key):
    result = BY_KEY[key]
    values = typical(result)
    for param in result.params:
        core = np.shape(values[param.name])
        outcome = result(**{**values, param.name: np.empty((0, *core))})
        assert outcome.shape == (0,)
        assert outcome.dtype == np.float64
        assert result(**{**values, param.name: np.empty((3, 0, *core))}).shape == (3, 0)


@pytest.mark.parametrize("key", KEYS)
def test_a_point_is_a_float64(key):
    outcome = BY_KEY[key](**typical(BY_KEY[key]))
    assert type(outcome) is np.float64


@pytest.mark.parametrize("key", KEYS)
def test_broadcasting_is_pointwise(key):
    """Every argument along an axis of its own; then each entry again alone."""
    result = BY_KEY[key]
    params, arrays = result.params, {}
    for place, param in enumerate(params):
        base = np.array(param.typical[0])
        pair = np.stack([base, np.array(param.typical[-1]) if np.shape(param.typical[-1]) == base.shape else base])
        shape = [1] * len(params)
        shape[place] = 2
        arrays[param.name] = pair.reshape(*shape, *base.shape)
    outcome = result(**arrays)
    assert outcome.shape == (2,) * len(params)
    every = list(np.ndindex(outcome.shape))
    for at in every[:: max(1, len(every) // 48)]:
        point = {p.name: arrays[p.name].reshape(2, *np.shape(p.typical[0]))[j] for p, j in zip(params, at, strict=True)}
        assert outcome[at] == pytest.approx(result(**point), rel=1e-13, abs=0)


SCALAR_KEYS = [k for k in KEYS if all(p.structure is Structure.SCALAR for p in BY_KEY[k].params)]


@pytest.mark.slow
@pytest.mark.parametrize("key", SCALAR_KEYS)
def test_large_arrays_agree_with_points(key):
    """Pieces, first steps and snapped counts change nothing: full arrays, broadcast ones, and single points."""
    result = BY_KEY[key]
    rng = np.random.default_rng(3)
    size = 150_000
    values = {p.name: rng.choice(np.array(p.typical, dtype=float), size) for p in result.params}
    if "T" in values:
        values["T"] = np.full(size, 100.0)
    full = result(**values)
    for at in rng.integers(0, size, 5):
        alone = result(**{name: array[at] for name, array in values.items()})
        assert full[at] == pytest.approx(alone, rel=1e-13, abs=1e-300)
    names = list(values)
    shapes = {name: (400, 1) if place % 2 else (1, 400) for place, name in enumerate(names)}
    spread = result(**{name: values[name][:400].reshape(shapes[name]) for name in names})
    spread = np.broadcast_to(spread, (400, 400))
    for a, b in rng.integers(0, 400, (5, 2)):
        alone = result(**{n: values[n][a if place % 2 else b] for place, n in enumerate(names)})
        assert spread[a, b] == pytest.approx(alone, rel=1e-13, abs=1e-300)


@pytest.mark.parametrize("key", [k for k in KEYS if k not in SCALAR_KEYS])
def test_large_vector_arguments_agree_with_points(key):
    result = BY_KEY[key]
    values = typical(result)
    name = next(name for name in ("i", "n", "eps", "p", "J", "r") if name in values)
    param = next(p for p in result.params if p.name == name)
    few = np.array([v for v in param.typical if np.shape(v) == np.shape(param.typical[0])], dtype=float)
    if "T" in values:
        few = few[few <= values["T"]]
    index = np.random.default_rng(4).integers(0, len(few), 140_000)
    many = result(**{**values, name: few[index]})
    alone = np.array([result(**{**values, name: value}) for value in few])
    np.testing.assert_allclose(many, alone[index], rtol=1e-13)


def test_any_real_dtype_and_layout():
    n, i = np.arange(100, 700, 100), np.arange(1, 7)
    expected = FRESH(n=n, alpha=0.5, i=i, K=3)
    for dtype in ("int8", "uint64", "float32", ">f8", ">i4", "float16"):
        np.testing.assert_array_equal(FRESH(n=n, alpha=np.float32(0.5), i=i.astype(dtype), K=3), expected)
    np.testing.assert_array_equal(FRESH(n=np.repeat(n, 2)[::2], alpha=0.5, i=i[::-1][::-1], K=3), expected)
    big = np.repeat(i, 40_000)
    np.testing.assert_array_equal(FRESH(n=100, alpha=0.5, i=big[::-1], K=3), FRESH(n=100, alpha=0.5, i=big, K=3)[::-1])


def test_arguments_are_not_changed():
    n = np.full(200_000, 100.0)
    alpha = np.full(200_000, 0.1)
    copies = n.copy(), alpha.copy()
    outcome = bounds.get("tv/discrete/stratified")(n=n, alpha=alpha, i=3, K=4)
    outcome[:] = -1
    np.testing.assert_array_equal(n, copies[0])
    np.testing.assert_array_equal(alpha, copies[1])
    eps = np.ones((2, 3))
    value = bounds.get("tv/propagation/replace")(eps=eps, i=1)
    assert not np.shares_memory(value, eps)
