"""From a recursion to its closed form, step by step, each step checked: the query `derive`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import TypeAlias

import sympy as sp

from ..functions import accumulated_survival
from ..lookup import get
from ..recursions import ORIGINS, STATIONARY, Origin, Recursion, j
from ..render import tex
from ..result import Result
from ..symbols import i
from .answers import Derivation, Step, Unanswered
from .growth import limit
from .identity import unfold, vanishes
from .worker import TimeIsUp, WorkFailed, run

Solved: TypeAlias = "dict[Callable[..., sp.Expr], sp.Expr]"  # closed forms in i, by unknown
_LIMIT = 5.0  # seconds for what a derivation can do without
_rho = sp.Symbol("rho")
_k = sp.Symbol("k", integer=True)


def derive(target: str | Result | Recursion) -> Derivation:
    """Derive a closed form from the recursion behind it.

    The recursion is unrolled, sums and products are evaluated, and the outcome is brought into the functions of the
    catalogue. That both agree, and that the closed form satisfies the recursion and its first value for every index,
    is decided by reducing the difference to a rational function.

    Parameters
    ----------
    target : str, Result or Recursion
        A result or its key; or a recursion of your own, ``Recursion(unknown=u, first=1, step=u(j) / 2 + 1)`` with
        ``u = sympy.Function("u")`` and ``bounds.recursions.j`` as its index.

    Returns
    -------
    Derivation
        `steps` hold a sentence and a formula each; `expr` is the closed form in `bounds.symbols.i`.

    Raises
    ------
    Unanswered
        No recursion of one sequence leads to the result, the recursion is not linear, or the closed form cannot be
        checked.
    UnknownResultError
        A key that is not in the catalogue.
    TypeError
        Anything else than a key, a result or a recursion.
    """
    if isinstance(target, Recursion):
        return _of_recursion(target)
    if not isinstance(target, (str, Result)):
        raise TypeError(f"target must be a key, a Result or a Recursion, got {type(target).__name__}")
    result = get(target) if isinstance(target, str) else target
    query = f"derive {result.key}"
    if result.key in STATIONARY:
        return _fixed_point(query, STATIONARY[result.key], result.expr)
    if result.key not in ORIGINS:
        raise Unanswered(query, "no first-order recursion with a closed solution leads to this result")
    steps = [step for origin in ORIGINS[result.key] for step in _explained(query, origin)]
    steps.append(Step(text="inserted in the result", latex=tex(result.expr)))
    try:
        end = limit(result, "i", time_limit=_LIMIT)
    except Unanswered:
        return _answer(query, result.expr, steps)
    if end.proved:
        steps.append(Step(text="its limit for many generations", latex=rf"i \to \infty:\quad {tex(end.expr)}"))
    return _answer(query, result.expr, steps)


def _of_recursion(recursion: Recursion) -> Derivation:
    """Derive the solution of a user's recursion; without a claimed solution it is found here."""
    if recursion.closed is None:
        found = _closed(*_parts(recursion, {}), recursion)
        recursion = replace(recursion, closed=_evaluated(found))
    assert recursion.closed is not None
    return _answer("derive", recursion.closed, list(_solution("derive", recursion, {})))


def _evaluated(found: sp.Expr) -> sp.Expr:
    """Evaluate sums and products where sympy can within the time limit, and the outcome can be checked."""
    if not found.has(sp.Sum, sp.Product):
        return found
    try:
        value: sp.Expr = run(_doit, found, limit=_LIMIT)
        return (
            value if vanishes(value.xreplace({i: i + 1}) - value - (found.xreplace({i: i + 1}) - found), i) else found
        )
    except (TimeIsUp, WorkFailed, NotImplementedError, sp.PolynomialError):
        return found


def _doit(expr: sp.Expr) -> sp.Expr:
    return sp.combsimp(expr.doit())


def _answer(query: str, closed: sp.Expr, steps: list[Step]) -> Derivation:
    return Derivation(
        query=query,
        expr=closed,
        value=float(closed) if closed.is_number else float("nan"),
        method="symbolic (unrolled, summed, checked by induction)",
        proved=True,
        text=f"{len(steps)} steps lead to {closed}",
        steps=tuple(steps),
    )


def _explained(query: str, origin: Origin) -> Iterator[Step]:
    """Steps of every recursion of an origin, then what they combine to."""
    solved: Solved = {}
    for recursion in origin.recursions:
        yield from _solution(query, recursion, solved)
        assert recursion.closed is not None
        solved[recursion.unknown] = recursion.closed
    if origin.combination != origin.recursions[-1].unknown(i):
        if not vanishes(_inserted(origin.combination, solved) - origin.closed, i):
            raise Unanswered(query, f"{origin.combination} could not be shown to equal {origin.closed}")
        yield Step(text="put together", latex=f"{origin.name} = {_tex(origin.combination)} = {tex(origin.closed)}")


def _solution(query: str, recursion: Recursion, solved: Solved) -> Iterator[Step]:
    """Steps from one recursion to its closed form."""
    unknown, start, closed = recursion.unknown, recursion.start, recursion.closed
    assert closed is not None
    if recursion.meaning:
        yield Step(text="definition", latex=recursion.meaning)
    after, first, last = _tex(unknown(j + 1)), _tex(unknown(start)), _tex(unknown(i))
    begin = f"{first} = {tex(recursion.first)}"
    yield Step(text="recursion", latex=rf"{after} = {_tex(recursion.step)},\qquad {begin}")
    factor, source = _parts(recursion, solved)
    short = _rho if factor.count_ops() > 2 and not factor.has(j) else factor
    if short is _rho:
        linear = _tex(sp.Add(sp.Mul(_rho, unknown(j), evaluate=False), source, evaluate=False))
        yield Step(text="collected", latex=rf"{after} = {linear},\qquad \rho = {tex(factor)}")
    yield Step(text="unrolled", latex=f"{last} = {_unrolled(short, source, recursion)}")
    found = _closed(short, source, recursion)
    if not found.has(sp.Sum, sp.Product) and found != closed:
        yield Step(text="summed", latex=f"{last} = {tex(found)}")
    _check(query, recursion, _inserted(recursion.step, solved), found.xreplace({_rho: factor}))
    yield Step(text="closed form", latex=f"{last} = {tex(closed)}")
    if isinstance(closed, accumulated_survival):
        yield from _product_limit(query, closed, last)


def _check(query: str, recursion: Recursion, step: sp.Expr, found: sp.Expr) -> None:
    """Raise unless the closed form equals what was found, has the first value and satisfies the recursion."""
    closed = recursion.closed
    assert closed is not None
    first = closed.xreplace({i: sp.Integer(recursion.start)}) - recursion.first
    induction = closed.xreplace({i: i + 1}) - _inserted(step, {recursion.unknown: closed}).xreplace({j: i})
    same = found.has(sp.Sum, sp.Product) or vanishes(found - closed, i)
    if not (same and vanishes(first, i) and vanishes(induction, i)):
        raise Unanswered(query, f"the closed form {closed} could not be shown to satisfy the recursion")


def _parts(recursion: Recursion, solved: Solved) -> tuple[sp.Expr, sp.Expr]:
    """Return a_j and f_j of u_{j+1} = a_j u_j + f_j."""
    u = sp.Dummy()
    step = _inserted(recursion.step, solved).xreplace({recursion.unknown(j): u})
    factor = step.diff(u)
    if sp.expand(factor).has(u) or step.has(recursion.unknown):
        raise Unanswered("derive", f"{recursion.step} is not linear in {recursion.unknown(j)}")
    return sp.expand(factor) if factor.has(u) else factor, step.subs(u, 0)


def _unrolled(factor: sp.Expr, source: sp.Expr, recursion: Recursion) -> str:
    """LaTeX of a_{i-1}···a_start u_start + Σ_k a_{i-1}···a_{k+1} f_k."""
    start, first = recursion.start, recursion.first
    if factor.has(j):
        head = sp.Product(factor.xreplace({j: _k}), (_k, start, i - 1))
        return tex(sp.Mul(first, head, evaluate=False) if first != 1 else head)
    body = source.xreplace({j: _k})
    if factor != 1:
        power = factor ** (i - 1 - _k)
        body = power if body == 1 else sp.Mul(body, power, evaluate=False)
    parts = [tex(first * factor ** (i - start))] if first != 0 else []
    parts += [tex(sp.Sum(body, (_k, start, i - 1)))] if source != 0 else []
    return " + ".join(parts)


def _closed(factor: sp.Expr, source: sp.Expr, recursion: Recursion) -> sp.Expr:
    """Return the solution at i: geometric sums for a constant factor, else a sum or a product."""
    start, first = recursion.start, recursion.first
    if factor.has(j):
        if source != 0:
            raise Unanswered("derive", "both coefficients of the recursion depend on the index")
        return first * sp.Product(factor.xreplace({j: _k}), (_k, start, i - 1))
    if factor == 1:
        if not source.has(j):
            return sp.expand(first + (i - start) * source)
        return first + sp.Sum(source.xreplace({j: _k}), (_k, start, i - 1))
    total = first * factor ** (i - start)
    for base, coefficient in _exponentials(source).items():
        # Σ_{k=start}^{i-1} base^k factor^(i-1-k)
        if base == factor:
            total += coefficient * (i - start) * base ** (i - 1)
        else:
            total += coefficient * base**start * (factor ** (i - start) - base ** (i - start)) / (factor - base)
    return total


def _exponentials(source: sp.Expr) -> Mapping[sp.Expr, sp.Expr]:
    """Write f_j as Σ coefficient · base^j, geometric sums unfolded."""
    terms: dict[sp.Expr, sp.Expr] = {}
    for term in sp.Add.make_args(sp.expand(unfold(source, j), power_exp=True)):
        constant, moving = term.as_independent(j)
        base = sp.Mul(*(power.base ** (power.exp / j) for power in sp.Mul.make_args(moving) if power.has(j)))
        if base.has(j):
            raise Unanswered("derive", f"{term} is neither constant nor exponential in the index")
        terms[base] = terms.get(base, sp.S.Zero) + constant
    return {base: sp.factor(coefficient) for base, coefficient in terms.items() if sp.factor(coefficient) != 0}


def _product_limit(query: str, survival: accumulated_survival, name: str) -> Iterator[Step]:
    """Steps to the limit of Π (1 − x²/k²), x = 1/√n: gamma functions, Stirling's and Euler's reflection formula."""
    x = sp.Symbol("x", positive=True)
    gammas = sp.gamma(i + 1 - x) * sp.gamma(i + 1 + x) / (sp.gamma(1 - x) * sp.gamma(1 + x) * sp.gamma(i + 1) ** 2)
    ratio = sp.gammasimp(gammas.xreplace({i: i + 1}) / gammas)
    reflected = sp.sin(sp.pi * x) / (sp.pi * x)
    start_is_right = sp.gammasimp(gammas.xreplace({i: sp.S.Zero})) == 1
    step_is_right = sp.cancel(ratio - (1 - x**2 / (i + 1) ** 2)) == 0
    limit_is_right = sp.simplify(sp.gammasimp(1 / (sp.gamma(1 - x) * sp.gamma(1 + x))) - reflected) == 0
    if not (start_is_right and step_is_right and limit_is_right):
        raise Unanswered(query, f"the product {survival} could not be written with gamma functions")
    n = survival.args[0]
    yield Step(text="in gamma functions", latex=rf"{name} = {tex(gammas)},\qquad x = {tex(1 / sp.sqrt(n))}")
    end = tex(reflected.xreplace({x: 1 / sp.sqrt(n)}))
    stirling = r"\Gamma(i+1-x)\,\Gamma(i+1+x)/\Gamma(i+1)^2 \to 1"
    reflection = r"\Gamma(1-x)\,\Gamma(1+x) = \pi x/\sin \pi x"
    yield Step(
        text="for many generations, by Stirling's formula and Euler's reflection formula",
        latex=rf"{stirling},\qquad {reflection},\qquad {name} \to {end}",
    )


def _fixed_point(query: str, recursion: Recursion, claimed: sp.Expr) -> Derivation:
    """Derive a stationary value: the fixed point of a contraction."""
    factor, source = _parts(recursion, {})
    value = sp.Symbol("v")
    closed = source / (1 - factor)
    if sp.cancel(sp.together(closed - claimed)) != 0:
        raise Unanswered(query, f"the fixed point {closed} is not {claimed}")
    fixed = tex(sp.Add(sp.Mul(factor, value, evaluate=False), source, evaluate=False))
    steps = [
        Step(text="definition", latex=recursion.meaning),
        Step(text="recursion", latex=f"{_tex(recursion.unknown(j + 1))} = {_tex(recursion.step)}"),
        Step(text="a contraction", latex=rf"0 \le {tex(factor)} < 1"),
        Step(text="stationary: the same value before and after", latex=f"v = {fixed}"),
        Step(text="solved", latex=f"v = {tex(claimed)}"),
    ]
    return _answer(query, claimed, steps)


def _inserted(expr: sp.Expr, solved: Mapping[Callable[..., sp.Expr], sp.Expr]) -> sp.Expr:
    """Put closed forms (in i) in the place of unknowns at any index."""
    for unknown, closed in solved.items():
        expr = expr.replace(unknown, lambda at, closed=closed: closed.xreplace({i: at}))
    return expr


def _tex(expr: sp.Expr) -> str:
    """LaTeX, with u(j) shown as u with a subscript."""
    applied = [node for node in expr.atoms(sp.core.function.AppliedUndef) if len(node.args) == 1]
    named = {node: sp.Symbol(f"{node.func.__name__}_{{{tex(node.args[0])}}}") for node in applied}
    return tex(expr.xreplace(named))
