"""The built book in headless Chromium: every page, its formulas and links, and the explorer.

`make test-book` builds the book and runs these. They open it from disk; nothing may leave the machine.
"""

import csv
import io
import json
import math
import os
import shutil
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from javascript_points import COMPARE, all_points, disagreements, live

HTML = Path(__file__).resolve().parents[1] / "book" / "_build" / "html"
FILES = sorted(p.relative_to(HTML).as_posix() for p in HTML.rglob("*.html") if "_static" not in p.parts)
PAGES = [name for name in FILES if name != "index.html"]  # which only leads to the first page
FLAGS = [f"--{name}" for name in ("headless", "no-sandbox", "disable-gpu", "disable-quic", "no-first-run")]
FLAGS += [f"--disable-{name}" for name in ("background-networking", "component-update", "sync")]
NARROW, WIDE = {"width": 390, "height": 800}, {"width": 1280, "height": 900}

pytestmark = pytest.mark.browser


def executable():
    """Path of Chromium: $CHROMIUM, or what the system has under its usual names."""
    found = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    assert found, "Chromium is needed: apt-get install chromium, or set CHROMIUM to its path"
    return found


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    assert PAGES, "the book is not built: run `make book`"
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=executable(), args=FLAGS)
        yield chromium
        chromium.close()


class Visit:
    """An open page, with everything that went wrong on it."""

    def __init__(self, context, address):
        self.troubles = []
        self.page = context.new_page()
        self.page.on("console", lambda m: m.type in ("error", "warning") and self.troubles.append(m.text))
        self.page.on("pageerror", lambda error: self.troubles.append(str(error)))
        self.page.on("requestfailed", lambda request: self.troubles.append(f"failed: {request.url}"))
        self.page.on("request", self._local)
        self.page.goto(address)
        if self.page.evaluate("!!window.MathJax"):
            self.page.evaluate("MathJax.startup.promise.then(() => true)")

    def _local(self, request):
        if urlsplit(request.url).scheme not in ("file", "data", "blob"):
            self.troubles.append(f"leaves the machine: {request.url}")


@pytest.fixture
def visit(browser):
    """Open a page of the book, or a whole address; at the end, nothing must have gone wrong."""
    contexts, visits = [], []

    def opened(page, viewport=WIDE, **options):
        context = browser.new_context(viewport=viewport, **options)
        context.set_default_timeout(60_000)
        context.route("http*://**", lambda route: route.abort())
        contexts.append(context)
        visits.append(Visit(context, page if "://" in page else (HTML / page).as_uri()))
        return visits[-1].page

    yield opened
    troubles = [trouble for one in visits for trouble in one.troubles]
    for context in contexts:
        context.close()
    assert troubles == []


# --- every page -------------------------------------------------------------------------------------------------

FORMULAS = """() => {
  const failed = [...document.querySelectorAll('[data-mml-node="merror"], mjx-container [fill="red"]')];
  const raw = [...document.querySelectorAll(".math")].filter((math) => !math.querySelector("mjx-container"));
  return [...failed, ...raw].map((element) => element.textContent.slice(0, 200) || element.outerHTML.slice(0, 200));
}"""
PICTURES = """() => Promise.all([...document.images].map((image) => {
  image.loading = "eager";
  return image.decode().then(() => "", () => image.src);
})).then((sources) => sources.filter(Boolean))"""
TOO_WIDE = """() => {
  const page = document.scrollingElement;
  if (page.scrollWidth <= innerWidth) return [];
  const wide = [...document.body.querySelectorAll("*")].filter((e) => e.getBoundingClientRect().right > innerWidth + 1);
  return [page.scrollWidth, ...wide.slice(0, 5).map((element) => element.outerHTML.slice(0, 150))];
}"""


@pytest.mark.parametrize("name", PAGES)
def test_page(visit, name):
    page = visit(name)
    assert page.evaluate(FORMULAS) == []
    assert page.evaluate(PICTURES) == []
    page.set_viewport_size(NARROW)
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert page.evaluate(TOO_WIDE) == []


def test_the_index_leads_to_the_first_page(visit):
    page = visit((HTML / "intro.html").as_uri())
    address = page.url
    page.goto((HTML / "index.html").as_uri())
    page.wait_for_url(address)


def test_bad_mathematics_is_seen(visit, tmp_path):
    script = (HTML / "_static/mathjax/tex-svg-full.js").as_uri()
    bad = tmp_path / "bad.html"
    bad.write_text(f'<script src="{script}"></script><p class="math">\\(\\nonsense{{x}} + \\frac\\)</p>')
    assert visit(bad.as_uri()).evaluate(FORMULAS) != []


class Links(HTMLParser):
    """Anchors and links of a page."""

    def __init__(self):
        super().__init__()
        self.anchors, self.links = set(), []

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.anchors |= {given[name] for name in ("id", "name") if given.get(name)}
        if tag == "a" and given.get("href"):
            self.links.append(given["href"])


@pytest.fixture(scope="module")
def parsed():
    found = {}
    for name in PAGES:
        found[name] = Links()
        found[name].feed((HTML / name).read_text(encoding="utf-8"))
    return found


def dead(parsed, name, link):
    """Whether a link within the book leads nowhere."""
    parts = urlsplit(link)
    if parts.scheme:
        return False
    target = (HTML / name).parent.joinpath(unquote(parts.path)).resolve() if parts.path else HTML / name
    if not target.is_file():
        return True
    page = target.relative_to(HTML).as_posix()
    return bool(parts.fragment) and page in parsed and unquote(parts.fragment) not in parsed[page].anchors


def test_links_and_anchors_resolve(parsed):
    wrong = {name: [link for link in page.links if dead(parsed, name, link)] for name, page in parsed.items()}
    assert {name: links for name, links in wrong.items() if links} == {}
    assert dead(parsed, PAGES[0], "no-such-page.html")
    assert dead(parsed, "explorer.html", "#no-such-anchor")


def test_links_of_the_explorer_resolve(visit, parsed):
    page = visit("explorer.html")
    links = page.evaluate("[...Loopbound.results, ...Loopbound.left].map((result) => result.link)")
    assert [link for link in links if dead(parsed, "explorer.html", link)] == []


# --- explorer ---------------------------------------------------------------------------------------------------


def test_generated_javascript_agrees_with_numpy(visit):
    page = visit("explorer.html")
    points = all_points(8, 12, live())
    page.evaluate(f"var points = {json.dumps(points)}; window.points = points; 0")
    found = page.evaluate(COMPARE)
    assert disagreements(points, found) == []
    assert sum(map(len, json.loads(found))) == 12 * len(points) > 2000


def settled(page):
    """Wait until the figure shows the view."""
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done))))")


def curves(page):
    """Return what the figure shows: x and y of every trace."""
    settled(page)
    return page.evaluate("document.querySelector('[data-part=figure]').data.map(({ x, y }) => [[...x], [...y]])")


def part(page, name):
    return page.locator(f'#explorer [data-part="{name}"]')


def choose(page, key):
    part(page, "results").select_option(key)
    settled(page)


def test_every_result_has_a_curve_along_every_parameter(visit):
    page = visit("explorer.html")
    poor = page.evaluate("""() => Loopbound.results.flatMap((result) => {
      const values = Loopbound.model.defaults(result);
      const wrong = Loopbound.model.problems(result, values);
      return result.params.filter((param) => !param.vector).flatMap((param) => {
        const view = { x: param.name, from: param.from, to: param.to, xlog: param.log };
        const { y } = Loopbound.model.points({ key: result.key, values }, view);
        const finite = y.filter((value) => value !== null).length;
        return wrong.length || finite < Math.min(5, param.to - param.from) ? [[result.key, param.name, finite]] : [];
      });
    })""")
    assert poor == []


def test_sliders_change_the_curve(visit):
    page = visit("explorer.html")
    before, value = curves(page), part(page, "value").inner_text()
    page.locator('[data-slider="n"]').press("PageUp")
    after = curves(page)
    assert after[0][0] == before[0][0]
    assert all(new < old for new, old in zip(after[0][1], before[0][1], strict=True))
    page.locator('[data-slider="K"]').fill("900")
    assert min(curves(page)[0][1]) > max(after[0][1])
    assert part(page, "value").inner_text() != value


def test_whole_numbers_stay_whole(visit):
    page = visit("explorer.html")
    choose(page, "tv/discrete/fixed")
    n, alpha = page.locator('[data-slider="n"]'), page.locator('[data-slider="alpha"]')
    first = int(page.locator('[data-value="n"]').input_value())
    n.press("ArrowRight")
    assert page.locator('[data-value="n"]').input_value() == str(first + 1)
    assert "is whole" in part(page, "message").inner_text()
    for press in ("ArrowRight", "PageUp", "ArrowLeft"):
        alpha.press(press)
        points = float(page.locator('[data-value="alpha"]').input_value()) * (first + 1)
        assert abs(points - round(points)) < 1e-9
    part(page, "axis").select_option("alpha")
    x, y = curves(page)[0]
    assert all(abs(at * (first + 1) - round(at * (first + 1))) < 1e-6 for at in x)
    assert None not in y


def test_values_outside_the_domain_are_named(visit):
    page = visit("explorer.html")
    choose(page, "tv/discrete/fixed")
    for text in ("2", "nonsense", "0.10005"):
        page.locator('[data-value="alpha"]').fill(text)
        page.locator('[data-value="alpha"]').press("Enter")
        assert "alpha" in part(page, "errors").inner_text()
        assert page.locator('[data-value="alpha"]').get_attribute("aria-invalid") == "true"
    page.locator('[data-value="alpha"]').fill("0.2")
    page.locator('[data-value="alpha"]').press("Enter")
    assert part(page, "errors").inner_text() == ""
    choose(page, "tv/discrete-instance/replace")
    page.locator('[data-value="p"]').fill("0.5, 0.4")
    page.locator('[data-value="p"]').press("Enter")
    assert "sum to 1" in part(page, "errors").inner_text()


def test_results_are_found_by_words(visit):
    page = visit("explorer.html")
    part(page, "search").fill("golden ratio")
    keys = part(page, "results").locator("option").evaluate_all("options => options.map(option => option.value)")
    assert 1 <= len(keys) <= 5
    assert all("golden-ratio" in key for key in keys)


def test_schedules_are_overlaid_and_a_link_reproduces_the_view(visit):
    page = visit("explorer.html")
    part(page, "sweep").select_option(index=1)
    part(page, "schedules").click()
    part(page, "ylog").check()
    choose(page, "tv/discrete/fresh")
    shown = curves(page)
    assert part(page, "curves").locator("li").count() == 7
    again = visit(part(page, "link").evaluate("link => link.href"))
    assert curves(again) == shown
    assert again.url == page.url
    assert part(again, "ylog").is_checked()
    part(again, "curves").locator("button").nth(3).click()
    settled(again)
    assert part(again, "curves").locator("li").count() == 6


@pytest.mark.parametrize(
    "address", ["#curve=no/such/result", "#x=i&from=1&to=0&curve=tv%2Fdiscrete%2Ffresh", "#nonsense"]
)
def test_a_broken_link_shows_the_first_view(visit, address):
    page = visit((HTML / "explorer.html").as_uri() + address)
    assert len(curves(page)[0][0]) > 10


def test_simulations_lie_on_the_right_side_of_their_bound(visit):
    page = visit("explorer.html")
    choose(page, "tv/discrete/accumulate")
    sweeps = page.evaluate("Loopbound.sweeps['tv/discrete/accumulate'].map((sweep) => sweep.replications)")
    part(page, "sweep").select_option(str(next((k for k, count in enumerate(sweeps) if count), 0)))
    (x, y), *others = curves(page)
    bound = dict(zip(x, y, strict=True))
    means = next(trace for trace in others if len(trace[0]) == len(set(trace[0])) > 1)
    assert all(mean <= bound[at] for at, mean in zip(*means, strict=True) if at in bound)
    assert all(len(trace[0]) == len(trace[1]) for trace in others)


def test_table_has_what_the_figure_shows(visit):
    page = visit("explorer.html")
    part(page, "sweep").select_option(index=1)
    shown = curves(page)
    with page.expect_download() as waiting:
        part(page, "csv").click()
    rows = list(csv.DictReader(io.StringIO(Path(waiting.value.path()).read_text(encoding="utf-8"))))
    formula = [(float(row["i"]), float(row["value"])) for row in rows if row["what"] == "formula"]
    assert formula == list(zip(*shown[0], strict=True))
    assert len(rows) > len(formula)


def test_axes_turn_logarithmic(visit):
    page = visit("explorer.html")
    types = "['xaxis', 'yaxis'].map((name) => document.querySelector('[data-part=figure]').layout[name].type)"
    curves(page)
    assert page.evaluate(types) == ["log", "linear"]
    part(page, "xlog").uncheck()
    part(page, "ylog").check()
    curves(page)
    assert page.evaluate(types) == ["linear", "log"]


def test_the_keyboard_reaches_everything_and_everything_has_a_name(visit):
    page = visit("explorer.html")
    controls = "#explorer :is(input, select, button, summary, a[href]):not(:disabled)"
    nameless = f"""() => [...document.querySelectorAll('{controls}')].filter((element) =>
      !element.getAttribute("aria-label") && !element.labels?.length && !element.textContent.trim()
    ).map((element) => element.outerHTML)"""
    assert page.evaluate(nameless) == []
    expected = page.evaluate(f"[...document.querySelectorAll('{controls}')].filter((e) => e.checkVisibility()).length")
    part(page, "search").focus()
    seen = set()
    for _ in range(expected + 5):
        seen.add(page.evaluate("document.activeElement.closest('#explorer') && document.activeElement.outerHTML"))
        page.keyboard.press("Tab")
    assert len(seen - {None}) >= expected


def luminance(colour):
    """Relative luminance of `rgb(r, g, b)`, as the Web Content Accessibility Guidelines define it."""
    parts = [int(v) / 255 for v in colour[colour.index("(") + 1 : -1].split(",")[:3]]
    linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


COLOURS = """() => {
  const shown = (element, what) => getComputedStyle(element)[what];
  const probe = document.createElement("i");
  const rgb = (text) => { probe.style.color = text; document.body.append(probe); return shown(probe, "color"); };
  return {
    page: shown(document.body, "backgroundColor"),
    ink: shown(document.querySelector("[data-part=figure]"), "color"),
    quiet: shown(document.querySelector(".explorer-param p"), "color"),
    errors: shown(document.querySelector("[data-part=errors]"), "color"),
    lines: Array.from({ length: 7 }, (_, k) => rgb(Loopbound.plot.colour(k))),
  };
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast(visit, scheme):
    page = visit("explorer.html", color_scheme=scheme)
    found = page.evaluate(COLOURS)
    assert (luminance(found["page"]) < 0.5) == (scheme == "dark")
    assert all(contrast(found["page"], found[name]) >= 4.5 for name in ("ink", "quiet", "errors")), found
    assert all(contrast(found["page"], line) >= 3 for line in found["lines"]), found


def test_black_on_white_has_the_greatest_contrast():
    assert math.isclose(contrast("rgb(0, 0, 0)", "rgb(255, 255, 255)"), 21)


def test_the_explorer_on_a_telephone(visit):
    page = visit("explorer.html", viewport=NARROW, has_touch=True)
    choose(page, "tv/hp/fixed")
    assert page.evaluate(TOO_WIDE) == []
    before = curves(page)
    page.locator('[data-slider="delta"]').fill("10")
    assert curves(page) != before
    box = page.locator("[data-part=figure]").bounding_box()
    assert 300 < box["width"] <= 390
