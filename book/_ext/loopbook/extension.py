"""Sphinx extension of the book: writes what is generated, ships JavaScript, and sets what `_config.yml` cannot."""

from __future__ import annotations

import shutil
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.environment import BuildEnvironment

from . import chapters, explorer
from .generate import write
from .reference import homes, linked

SCRIPTS = {
    "mathjax/tex-svg-full.js": ("sphinx-mathjax-offline", "sphinx-mathjax-offline/static/mathjax/tex-svg-full.js"),
    "plotly/plotly.min.js": ("plotly", "plotly/package_data/plotly.min.js"),
}
"""Where a script goes among the static files, and the distribution and the path that it comes from."""

_BY_NAME = homes()


def stage(folder: Path) -> None:
    """Copy the scripts of other projects, which installed packages hold, into a folder of static files."""
    for target, (package, source) in SCRIPTS.items():
        copy = folder / target
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(str(distribution(package).locate_file(source)), copy)


def configure(app: Sphinx, config: Config) -> None:
    """Write the generated pages, stage the scripts, and complete what jupyter-book made of `_config.yml`."""
    write(Path(app.srcdir))
    shipped = Path(app.doctreedir).parent / "shipped"
    stage(shipped)
    explorer.stage(Path(app.srcdir), shipped / "explorer")
    config.html_static_path.append(str(shipped))
    config.mathjax_path = "mathjax/tex-svg-full.js"
    config.html_theme_options["navbar_persistent"] = []  # the search is in the sidebar already
    config.html_context["default_mode"] = "auto"


def leave_out_thebe(app: Sphinx) -> None:
    """Leave out the scripts of sphinx-thebe: they load from a server, and declare a constant twice."""
    for name in ("env-before-read-docs", "doctree-resolved"):
        listeners = app.events.listeners[name]
        listeners[:] = [listener for listener in listeners if listener.handler.__module__ != "sphinx_thebe"]


def add_scripts(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """Add to a page the scripts that its front matter asks for: ``scripts: plotly/plotly.min.js mine.js``."""
    for script in app.env.metadata.get(page, {}).get("scripts", "").split():
        app.add_js_file(script)


def add_links(app: Sphinx, page: str, source: list[str]) -> None:
    """Link every proof of a chapter to the blocks of its results."""
    if "/" not in page:
        source[0] = chapters.with_links(source[0])


def link_docstring(app: Sphinx, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """Link the public names that a docstring mentions."""
    lines[:] = [linked(line, _BY_NAME) for line in lines]


def resolve_public(
    app: Sphinx, env: BuildEnvironment, node: pending_xref, content: nodes.TextElement
) -> nodes.Element | None:
    """Resolve a type that a docstring names without its package to where it is documented."""
    home = _BY_NAME.get(node.get("reftarget", ""))
    if node.get("refdomain") != "py" or home is None:
        return None
    return env.domains["py"].resolve_xref(env, node["refdoc"], app.builder, "obj", home, node, content)


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the extension."""
    app.connect("config-inited", configure, priority=100)
    app.connect("builder-inited", leave_out_thebe)
    app.connect("source-read", add_links)
    app.connect("autodoc-process-docstring", link_docstring, priority=100)
    app.connect("missing-reference", resolve_public)
    app.connect("html-page-context", add_scripts)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
