"""Write the book page of derivations: from the recursion of a schedule to the closed form in the catalogue.

Usage: python examples/derivations.py book/derivations.md
"""

import sys
from pathlib import Path

from bounds.query import derive

PAGES = {
    "tv/propagation/fresh": "The geometric sum $S_i(\\alpha)$",
    "tv/propagation/subsample": "Averages of all generations: the harmonic number",
    "tv/propagation/accumulate": "Errors that shrink with the data",
    "discrete/variance/fresh": "An atom's variance with fresh real data",
    "discrete/variance/fixed": "An atom's variance with reused real data",
    "discrete/variance/expand": "An atom's variance with synthetic data added",
    "discrete/variance/accumulate": "An atom's variance when data accumulate: Euler's sine",
    "tv/gaussian-mean/stratified": "The Gaussian mean with fresh real data",
    "tv/gaussian-mean/fixed": "The Gaussian mean with reused real data",
    "gaussian/golden-ratio": "The stationary variance behind the golden ratio",
}
HEAD = """(derivations)=
# Derivations

Each closed form of the catalogue that solves a recursion is derived here step by step, as
`bounds.query.derive(key)` and `loopbound query KEY derive` do. That a closed form satisfies its recursion and its
first value, for every generation, is decided by reducing the difference to a rational function: the steps are
checked, not only written down. A derivation of your own starts from a `Recursion`:

```python
import sympy as sp
from bounds.query import derive
from bounds.recursions import Recursion, j

u = sp.Function("u")
derive(Recursion(unknown=u, first=sp.S.One, step=u(j) / 2 + 1)).expr
```

This page is written by `examples/derivations.py`.
"""


def page() -> str:
    """Return the page as MyST Markdown."""
    parts = [HEAD]
    for key, title in PAGES.items():
        parts.append(f"## {title} (`{key}`)\n")
        parts += [f"{step.text[0].upper()}{step.text[1:]}:\n\n$$\n{step.latex}\n$$\n" for step in derive(key).steps]
    return "\n".join(parts)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    Path(sys.argv[1]).write_text(page(), encoding="utf-8")
