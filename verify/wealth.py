"""E-processes for a mean: evidence that it lies above or below a threshold.

An e-process against a hypothesis is a non-negative supermartingale that starts at 1 while the hypothesis is
true; by Ville's inequality it ever reaches 1/level with probability at most `level`. Every process here is
kept as the logarithm of its wealth, for any number of points at once, and is fed replications in index order.
"""

from typing import Literal, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import erfcx, log_ndtr

Array = NDArray[np.float64]
Direction = Literal["above", "below"]

BETS: Array = np.array([2.0**-k for k in range(8, 0, -1)] + [0.75, 0.99])
WEIGHTS: Array = np.array([1, 1, 1, 1, 2, 2, 3, 3, 4, 6]) / 24
TILTS: Array = np.exp2(np.arange(-8.0, 4.0))  # exponents u of the process under a capped sd/mean
BURN_IN = 256  # replications before an asymptotic process counts as evidence

BLOCK = 128  # replications an e-process takes at a time; no product of so many factors >= 0.01 underflows
_LARGEST_EXPONENT = 600.0  # nor does one overflow: shorter products are taken where they could exceed e^600
_LARGEST_RATIO = 1e200  # largest multiple of the mean tested that an observation counts for; less is valid


class Process(Protocol):
    """An e-process: `advance` takes samples (R, P) and returns the log wealth (R, P) after each of them."""

    def advance(self, x: Array) -> Array:
        """Feed the next replications and return the log wealth after each."""


class BettingProcess:
    """Mixture of the products of 1 + c(Y/m - 1) over the bets c, against E Y <= m, for Y >= 0.

    Parameters
    ----------
    direction : {"above", "below"}
        Where it certifies E X to be: "above" takes Y = X and m = `threshold`, so it rejects E X <= threshold
        without any condition on the tail; "below" takes Y = upper - X and m = upper - threshold.
    threshold, upper : (P,) arrays
        Mean tested, and the largest possible X (only used for "below"). At m = 0 the wealth is infinite
        from the first Y > 0 on; at m < 0, which no Y >= 0 can have as its mean, it stays 1.
    """

    def __init__(self, direction: Direction, threshold: Array, upper: Array) -> None:
        self._upper = upper if direction == "below" else None
        mean = threshold if self._upper is None else self._upper - threshold
        self._is_zero, self._usable = mean == 0, mean > 0
        self._slip = 0.0 if self._upper is None else 1e-12 * self._upper  # rounding of upper - X
        self._mean = np.where(self._usable, mean, 1.0)
        self._paths = np.zeros((BETS.size, mean.size))  # log wealth of every bet
        self._contradicted = np.zeros(mean.size, dtype=bool)

    def advance(self, x: Array) -> Array:
        """Feed replications (R, P), at most BLOCK at a time; return the log wealth (R, P) after each."""
        y = x if self._upper is None else self._upper - x
        with np.errstate(over="ignore"):
            wealth = self._bet(np.minimum(y / self._mean, _LARGEST_RATIO) - 1.0)
        if self._usable.all():
            return wealth
        seen = np.logical_or.accumulate(y > self._slip, axis=0) | self._contradicted
        self._contradicted = seen[-1]
        return np.where(self._usable, wealth, np.where(self._is_zero & seen, np.inf, 0.0))

    def _bet(self, excess: Array) -> Array:
        rows, points = excess.shape
        if rows > 1 and rows * np.log(max(excess.max(), 1.0) + 1.0) > _LARGEST_EXPONENT:
            return np.concatenate([self._bet(half) for half in np.array_split(excess, 2)])
        if points < 32:  # the fastest way for few points; many are faster row by row
            factors = 1.0 + BETS[:, None, None] * np.ascontiguousarray(excess.T)
            products = np.multiply.accumulate(factors, axis=2).transpose(2, 0, 1)
        else:
            products = 1.0 + BETS[:, None] * excess[:, None, :]
            for row in range(1, rows):
                products[row] *= products[row - 1]
        top = self._paths.max(axis=0)
        shares = WEIGHTS[:, None] * np.exp(self._paths - top)
        self._paths = self._paths + np.log(products[-1])
        return np.asarray(top + np.log(np.einsum("cp,rcp->rp", shares, products)))


class CappedProcess:
    """Mixture over u of the products of exp(-uX/m)/phi(u), against E X >= m, for X >= 0 with a capped CV.

    phi(u) = (k^2 + exp(-u(1 + k^2)))/(1 + k^2) is the largest E exp(-uX/m) among X >= 0 with E X = m and
    standard deviation at most k m, reached by the law on {0, (1 + k^2)m}; it decreases in the mean.

    Parameters
    ----------
    threshold, cap : (P,) arrays
        Mean tested and cap k on the coefficient of variation; without a cap (inf) the wealth never exceeds 1.
    """

    def __init__(self, threshold: Array, cap: Array) -> None:
        self._usable = threshold > 0
        self._mean = np.where(self._usable, threshold, 1.0)
        self._log_phi = log_phi(cap)
        self._count, self._total = 0, np.zeros(threshold.size)

    def advance(self, x: Array) -> Array:
        """Feed replications (R, P); return the log wealth (R, P) after each."""
        totals = self._total + np.cumsum(x, axis=0)
        counts = self._count + np.arange(1, len(x) + 1)[:, None, None]
        with np.errstate(over="ignore"):
            ratios = np.minimum(totals / self._mean, 1e300)
        wealth = log_mean_exp(-TILTS[:, None] * ratios[:, None, :] - counts * self._log_phi)
        self._count, self._total = self._count + len(x), totals[-1]
        return np.where(self._usable, wealth, 0.0)


class AsymptoticProcess:
    """Half-normal mixture of Gaussian likelihood ratios with the running variance, an e-process in the limit.

    Against E X <= m ("above") or E X >= m ("below"), for any real X with finite variance. With S the sum of
    X - m (or m - X) over the running standard deviation and z = r S/sqrt(t r^2 + 1), the wealth is
    2 exp(z^2/2) Phi(z)/sqrt(t r^2 + 1). It is 1 during the burn-in and while all observations are equal.
    Source: Waudby-Smith, Arbour, Sinha, Kennedy & Ramdas (2024), "Time-uniform central limit theory and
    asymptotic confidence sequences".
    """

    def __init__(self, direction: Direction, threshold: Array, level: float, burn_in: int) -> None:
        self._sign = 1.0 if direction == "above" else -1.0
        self._threshold, self._scale, self._burn_in = threshold, asymptotic_scale(level, burn_in), burn_in
        self._count, self._origin = 0, np.zeros_like(threshold)
        self._sums, self._squares = np.zeros_like(threshold), np.zeros_like(threshold)

    def advance(self, x: Array) -> Array:
        """Feed replications (R, P); return the log wealth (R, P) after each."""
        if self._count == 0:  # sums about an observation do not cancel
            self._origin = x[0].copy()
        sums = self._sums + np.cumsum(x - self._origin, axis=0)
        squares = self._squares + np.cumsum(np.square(x - self._origin), axis=0)
        count = self._count + np.arange(1, len(x) + 1)[:, None]
        self._count, self._sums, self._squares = self._count + len(x), sums[-1], squares[-1]
        variance = (squares - np.square(sums) / count) / count
        known = (count >= self._burn_in) & (variance > 1e-14 * squares / count)
        deviation = self._sign * (sums + count * (self._origin - self._threshold))
        spread = count * self._scale**2 + 1.0
        z = self._scale * deviation / np.sqrt(np.where(known, variance, 1.0) * spread)
        return np.where(known, asymptotic_log_wealth(z, spread), 0.0)


def asymptotic_scale(level: float, burn_in: int) -> float:
    """Return the mixture scale r with the narrowest limits near 4 `burn_in` replications (same source)."""
    evidence = -2.0 * np.log(level)
    return float(np.sqrt((evidence + np.log1p(evidence)) / (4 * burn_in)))


def asymptotic_log_wealth(z: Array, spread: ArrayLike) -> Array:
    """Return the log wealth at standardised sums z, `spread` = t r^2 + 1."""
    gain = np.clip(z, 0.0, 1e100)
    # exp(z^2/2) Phi(z) for z < 0 without the cancellation of two huge exponents
    loss = np.log(0.5 * erfcx(np.maximum(-z, 0.0) / np.sqrt(2.0)))
    return np.asarray(
        np.log(2.0) - 0.5 * np.log(spread) + np.where(z < 0, loss, 0.5 * np.square(gain) + log_ndtr(gain))
    )


def log_phi(cap: Array) -> Array:
    """Return log phi(u), (tilts, P); 0 without a cap."""
    with np.errstate(over="ignore"):
        second = 1.0 + np.square(cap)
    return np.asarray(np.log1p(np.expm1(-TILTS[:, None] * second) / second))


def log_mean_exp(exponents: Array) -> Array:
    """Return the log of the mean of exp over the axis before the last."""
    top = exponents.max(axis=-2, keepdims=True)
    return np.asarray(np.log(np.exp(exponents - top).mean(axis=-2)) + top[..., 0, :])
