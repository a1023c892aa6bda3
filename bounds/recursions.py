"""The recursions that the closed forms of the catalogue solve, one generation at a time.

Everything here is a first-order linear recursion u_{j+1} = a_j u_j + f_j. `ORIGINS` says for a key of the catalogue
which recursions lead to it, and how; `bounds.query.derive` solves them and checks the catalogue's closed form.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import sympy as sp

from .catalogue.schedules import INFLUENCE, NAMED, ScheduleFormulas
from .functions import c4_power, complement_power, geometric_sum, log_chi_square_drift, power_sum, shifted_power_sum
from .symbols import a, alpha, c, eps, i, lam, m, n, s, sigma, theta, w

j = sp.Symbol("j", integer=True, nonnegative=True)
"""The index of a recursion."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Recursion:
    """A first-order linear recursion for one sequence.

    Attributes
    ----------
    unknown : sympy function
        The sequence, applied to an index: ``u(j)``.
    first : sympy.Expr
        Value at index `start`.
    step : sympy.Expr
        ``u(j + 1)`` in terms of ``u(j)``, `j` and parameters; it must be linear in ``u(j)``.
    meaning : str
        What the sequence is, in LaTeX.
    start : int
        First index.
    closed : sympy.Expr or None
        The claimed solution as an expression in `i`; None asks for one.
    """

    unknown: sp.core.function.UndefinedFunction
    first: sp.Expr
    step: sp.Expr
    meaning: str = ""
    start: int = 1
    closed: sp.Expr | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Origin:
    """Where a closed form comes from.

    Attributes
    ----------
    recursions : tuple of Recursion
        In order: the step of one may use the unknowns of those before it.
    combination : sympy.Expr
        What is wanted, in terms of the unknowns at `i` or a little before.
    name : str
        LaTeX of what is wanted.
    closed : sympy.Expr
        The same in the functions of the catalogue.
    """

    recursions: tuple[Recursion, ...]
    combination: sp.Expr
    name: str
    closed: sp.Expr


_b = 1 - alpha
_share = 1 / (1 + lam)  # real share under `expand`
_e, _w, _h, _c, _t, _x, _y, _z, _G, _v = (
    sp.Function(name) for name in ("e", "w", "h", "c", "t", "x", "y", "z", "G", "v")
)
_PAST = r"c_j = \mathrm{Cov}(p_j, \hat p_R)/(p(1-p)),\ \hat p_R\text{ the frequency among the reused points}"
_VARIANCE = r"w_j = \mathrm{Var}(p_j)/(p(1-p))"
_TAU = r"\tau_j^2 = \mathrm{Var}(\mu_j)/\sigma^2"


def _alone(recursion: Recursion, name: str) -> Origin:
    """Return the origin of a quantity that is the sequence itself."""
    assert recursion.closed is not None
    return Origin(recursions=(recursion,), combination=recursion.unknown(i), name=name, closed=recursion.closed)


# --- propagation: e_j is the bound with equality in every triangle inequality, and e_j = ε at j = 1 -------------


def _mixed(first: sp.Expr, step: sp.Expr, closed: sp.Expr) -> Origin:
    text = r"e_j\text{: the bound on }\mathbb{E}\,\mathrm{TV}(P_j, P)"
    return _alone(Recursion(unknown=_e, meaning=text, first=first, step=step, closed=closed), "e_i")


def _averaged(error: sp.Expr, closed: sp.Expr) -> Origin:
    """Return the origin under averages of all generations, one-step errors ε_j = `error`, in j."""
    text = r"G_j = \frac{1}{j+1}\sum_{k=1}^{j} e_k,\text{ with }e_{j+1} = \varepsilon_j + G_j"
    shifted = closed.xreplace({i: i + 1}) - error.xreplace({j: i})
    average = Recursion(
        unknown=_G, meaning=text, first=sp.S.Zero, start=0, step=_G(j) + error / (j + 2), closed=shifted
    )
    combination = error.xreplace({j: i - 1}) + _G(i - 1)
    return Origin(recursions=(average,), combination=combination, name="e_i", closed=closed)


def _propagated(unit: sp.Expr) -> Iterator[tuple[str, Origin]]:
    """Bounds with the one-step error `unit` on n points, halving as the root of the size where sizes differ."""
    half = sp.Rational(1, 2)
    yield "replace", _mixed(unit, _e(j) + unit, unit * i)
    for name in ("fresh", "stratified", "fixed"):
        yield name, _mixed(unit, _b * _e(j) + unit, unit * geometric_sum(alpha, i))
    yield "subsample", _averaged(unit, unit * power_sum(1, i))
    accumulated = i**-half + shifted_power_sum(half, i - 1)
    yield "accumulate", _averaged(unit * (j + 1) ** -half, unit * accumulated)
    later = unit / sp.sqrt(1 + lam)
    expanded = unit * (complement_power(_share, i - 1) + geometric_sum(_share, i - 1) / sp.sqrt(1 + lam))
    yield "expand", _mixed(unit, (1 - _share) * _e(j) + later, expanded)


def _propagation() -> Iterator[tuple[str, Origin]]:
    unit = sp.sqrt((sp.Symbol("K", integer=True) - 1) / n) / 2
    for name, origin in _propagated(unit):
        yield f"tv/discrete/{name}/triangle", origin
        if name == "fresh":
            yield "tv/discrete/hp-triangle", _mixed(eps, _b * _e(j) + eps, eps * geometric_sum(alpha, i))
    for name, origin in _propagated(eps):
        if name not in ("accumulate", "expand"):
            yield f"tv/propagation/{name}", origin
    scale = c * n ** (-a)
    accumulated = scale * (i ** (-a) + shifted_power_sum(a, i - 1))
    yield "tv/propagation/accumulate", _averaged(scale * (j + 1) ** (-a), accumulated)
    growing = _mixed(scale, _e(j) + scale * (j + 1) ** (-a * s), scale * power_sum(a * s, i))
    yield "tv/propagation/replace-growing", growing


# --- second moments of the discrete model -----------------------------------------------------------------------

_SECOND: dict[str, tuple[sp.Expr, sp.Expr]] = {  # w_1, and w_{j+1} in terms of w_j and c_j
    "replace": (1 / n, _w(j) + (1 - _w(j)) / n),
    "fresh": (1 / n, 1 / n + (1 - 1 / n) * _b**2 * _w(j)),
    "stratified": (1 / n, alpha / n + _b**2 * _w(j) + _b * (1 - _w(j)) / n),
    "fixed": (1 / n, alpha / n + 2 * alpha * _b * _c(j) + _b**2 * _w(j) + _b * (1 - _w(j)) / n),
    "accumulate": (1 / n, _w(j) + (1 - _w(j)) / (n * (j + 1) ** 2)),
    "subsample": (1 / n, _w(j) + (1 - _w(j)) / (n * (j + 1) ** 2)),
    "expand": (
        1 / n,
        _share**2 / n
        + 2 * _share * (1 - _share) / n
        + (1 - _share) ** 2 * _w(j)
        + (1 - _share) * (1 - _w(j)) / ((1 + lam) * n),
    ),
}
_COVARIANCE = Recursion(
    unknown=_c, meaning=_PAST, first=1 / n, step=1 / n + _b * _c(j), closed=geometric_sum(alpha, i) / n
)


def _moments(schedule: ScheduleFormulas) -> tuple[Origin, Origin]:
    """Return the origins of w_i and of 1 − w_i; where data accumulate the second is solved first."""
    first, step = _SECOND[schedule.name]
    before = (_COVARIANCE,) if schedule.name == "fixed" else ()
    kept = schedule.diversity_kept
    kept = kept.args[-1][0] if isinstance(kept, sp.Piecewise) else kept
    variance = Recursion(unknown=_w, meaning=_VARIANCE, first=first, step=step, closed=schedule.atom_variance)
    survival = Recursion(
        unknown=_h,
        meaning=r"h_j = 1 - w_j,\ " + _VARIANCE,
        first=1 - first,
        step=1 - step.xreplace({_w(j): 1 - _h(j)}),
        closed=kept,
    )
    h_origin = Origin(recursions=(*before, survival), combination=_h(i), name="1 - w_i", closed=kept)
    if schedule.name in ("accumulate", "subsample"):
        return Origin(
            recursions=(survival,), combination=1 - _h(i), name="w_i", closed=schedule.atom_variance
        ), h_origin
    return Origin(
        recursions=(*before, variance), combination=_w(i), name="w_i", closed=schedule.atom_variance
    ), h_origin


# --- variance of the Gaussian mean ------------------------------------------------------------------------------


def _contracted(closed: sp.Expr) -> Origin:
    step = _b**2 * _t(j) + 1 / n
    return _alone(Recursion(unknown=_t, meaning=_TAU, first=1 / n, step=step, closed=closed), r"\tau_i^2")


def _weights(real: sp.Expr, size: sp.Expr, reused: sp.Expr) -> tuple[Recursion, ...]:
    """Weights x of the reused real mean and y of the other real points, and variance z of the synthetic noise."""
    reused_text = r"x_j\text{: weight of the mean of the reused real points in }\mu_j"
    other_text = r"y_j\text{: weight of the mean of the other real points in }\mu_j"
    noise_text = r"z_j\text{: variance in }\mu_j\text{ of the noise of all synthetic draws, in units of }\sigma^2"
    x, y, z = real + (1 - real) * _x(j), (1 - real) * _y(j), (1 - real) ** 2 * _z(j) + (1 - real) / size
    gathered = geometric_sum(real, i)
    noise = (1 - real) / size * geometric_sum(real * (2 - real), i - 1)
    return (
        Recursion(
            unknown=_x, meaning=reused_text, first=reused, step=x, closed=real * gathered if reused != 1 else reused
        ),
        Recursion(
            unknown=_y,
            meaning=other_text,
            first=1 - reused,
            step=y,
            closed=complement_power(real, i) if reused != 1 else sp.S.Zero,
        ),
        Recursion(unknown=_z, meaning=noise_text, first=sp.S.Zero, step=z, closed=noise),
    )


def _influence(name: str) -> Origin:
    closed, size = INFLUENCE[name], (1 + lam) * n
    if name in ("accumulate", "subsample"):
        step = _t(j) + 1 / (n * (j + 1) ** 2)
        return _alone(Recursion(unknown=_t, meaning=_TAU, first=1 / n, step=step, closed=closed), r"\tau_i^2")
    if name == "replace":
        return _alone(Recursion(unknown=_t, meaning=_TAU, first=1 / n, step=_t(j) + 1 / n, closed=closed), r"\tau_i^2")
    if name == "fixed":
        together = _x(i) ** 2 / (alpha * n) + _y(i) ** 2 / (_b * n) + _z(i)
        return Origin(recursions=_weights(alpha, n, alpha), combination=together, name=r"\tau_i^2", closed=closed)
    if name == "expand":
        x, _, z = _weights(_share, size, sp.S.One)
        return Origin(recursions=(x, z), combination=_x(i) ** 2 / n + _z(i), name=r"\tau_i^2", closed=closed)
    return _contracted(closed)


# --- other Gaussian results -------------------------------------------------------------------------------------


def _gaussian() -> Iterator[tuple[str, Origin]]:
    gap = alpha * (2 - alpha - (1 - alpha) / n)
    fresh = Recursion(
        unknown=_t,
        meaning=r"s_j = \mathrm{Var}(\mu_j)/\sigma^2,\text{ the number of synthetic points being binomial}",
        first=1 / n,
        step=1 / n + (_b**2 + alpha * _b / n) * _t(j),
        closed=geometric_sum(gap, i) / n,
    )
    for family in ("gaussian-mean", "gaussian-mean-d"):
        yield f"tv/{family}/fresh", _alone(fresh, "s_i")
    mean_std = sigma * c4_power(n, 1)
    deviation = _alone(
        Recursion(
            unknown=_v,
            meaning=r"v_j = \mathbb{E}\,\sigma_j",
            first=mean_std,
            step=c4_power(n, 1) * _v(j),
            closed=sigma * c4_power(n, i),
        ),
        r"\mathbb{E}\,\sigma_i",
    )
    yield "gaussian/std-collapse", deviation
    drift = log_chi_square_drift(n)
    text = r"v_j = \mathbb{E}\log(\sigma_j^2/\sigma^2)"
    logs = Recursion(unknown=_v, meaning=text, first=drift, step=_v(j) + drift, closed=i * drift)
    yield "gaussian/std-collapse/log-variance", _alone(logs, r"\mathbb{E}\log(\sigma_i^2/\sigma^2)")
    text = r"v_j = \mathbb{E}\,\sigma_j^2"
    shrunk = Recursion(unknown=_v, meaning=text, first=sigma**2, step=theta * _v(j), closed=sigma**2 * theta ** (i - 1))
    yield "gaussian/biased-sampling", _alone(shrunk, r"\mathbb{E}\,\sigma_i^2")


def _stationary() -> Iterator[tuple[str, Recursion]]:
    """Recursions whose fixed point is wanted."""
    text = r"v_j = \mathrm{Var}(\mu_j)"
    for key, size in (("gaussian/golden-ratio", n), ("gaussian/golden-ratio/general", m)):
        step = w**2 * sigma**2 / n + (1 - w) ** 2 * (_v(j) + sigma**2 / size)
        yield key, Recursion(unknown=_v, meaning=text, first=sigma**2 / n, step=step)


def _all() -> Iterator[tuple[str, tuple[Origin, ...]]]:
    for key, origin in (*_propagation(), *_gaussian()):
        yield key, (origin,)
    for schedule in NAMED:
        name = schedule.name
        variance, kept = _moments(schedule)
        influence = _influence(name)
        for family in ("tv/discrete", "tv/discrete-instance", "discrete/variance"):
            yield f"{family}/{name}", (variance,)
        yield f"discrete/diversity/{name}", (kept,)
        yield f"tv/hp/{name}", (variance, influence)
        yield f"tv/hp-union/{name}", (influence,)
        if name not in ("fresh", "subsample"):
            for family in ("gaussian-mean", "gaussian-mean-d"):
                yield f"tv/{family}/{name}", (influence,)


ORIGINS: Mapping[str, tuple[Origin, ...]] = dict(_all())
"""Origins of the closed forms in a result, by its key."""

STATIONARY: Mapping[str, Recursion] = dict(_stationary())
"""Recursions whose fixed point a result is, by its key."""
