// The explorer on its page: choices, sliders and buttons change the view; the view is drawn and kept in the address.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const model = Loopbound.model;
  const { byKey, paramOf, show } = model;
  const root = document.getElementById("explorer");
  const part = (name) => root.querySelector(`[data-part="${name}"]`);
  const make = (tag, properties = {}, ...children) => {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  };
  const announce = (text) => (part("message").textContent = text);
  const active = () => view.curves[view.active];
  const current = () => byKey.get(active().key);
  const KINDS = { upper: "upper bound", lower: "lower bound", equality: "value", rate: "order" };

  // --- the view ------------------------------------------------------------------------------------------------

  let view = null;
  let frame = 0;

  function start(key) {
    const result = byKey.get(key);
    return withAxis({ curves: [{ key, values: model.defaults(result), sweep: -1 }], active: 0, ylog: false }, result.axis);
  }

  // The axis of a view with the range of the slider of that parameter.
  function withAxis(old, name) {
    const result = byKey.get(old.curves[old.active].key);
    const param = paramOf(result, name) || result.params.find((p) => !p.vector);
    if (!param) return { ...old, x: "", from: 0, to: 1, xlog: false };
    return { ...old, x: param.name, from: param.from, to: param.to, xlog: param.log };
  }

  function changed({ controls = false } = {}) {
    if (controls) renderControls();
    cancelAnimationFrame(frame);
    frame = requestAnimationFrame(renderFigure);
  }

  // --- choosing ------------------------------------------------------------------------------------------------

  function renderChoices() {
    const words = part("search").value.toLowerCase().split(/\s+/).filter(Boolean);
    const text = (result) => `${result.key} ${result.title} ${result.statement}`.toLowerCase();
    const found = Loopbound.results.filter((result) => words.every((word) => text(result).includes(word)));
    const options = found.map(({ key, title }) => make("option", { value: key, textContent: `${key} – ${title}` }));
    part("results").replaceChildren(...options);
    part("results").value = active().key;
    part("count").textContent = `${found.length} of ${Loopbound.results.length} results`;
  }

  function choose(key) {
    const curve = active();
    curve.values = model.carried(curve.values, byKey.get(key));
    [curve.key, curve.sweep] = [key, -1];
    if (!paramOf(byKey.get(key), view.x)) view = withAxis(view, byKey.get(key).axis);
    announce("");
    changed({ controls: true });
  }

  function overlaySchedules() {
    const { key, values } = active();
    const missing = model.siblings(key).filter((k) => !view.curves.some((curve) => curve.key === k));
    missing.forEach((k) => view.curves.push({ key: k, values: model.carried(values, byKey.get(k)), sweep: -1 }));
    announce(missing.length ? `${missing.length} curves added` : "This result has no other schedules to add.");
    changed({ controls: true });
  }

  // --- parameters ----------------------------------------------------------------------------------------------

  function assign(param, value, { snap = true } = {}) {
    const { values } = active();
    values[param.name] = value;
    announce(snap ? model.settle(current(), values) : "");
    renderValues();
    changed();
  }

  const STEPS = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: 10, PageDown: -10 };

  function onKey(event, param) {
    if (!(event.key in STEPS) || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    assign(param, model.stepped(current(), param, active().values, STEPS[event.key]));
  }

  function typed(param, text) {
    const numbers = text.trim() ? text.split(/[\s,;]+/).filter(Boolean).map(Number) : [NaN];
    // a fraction that is typed is never moved: what is wrong with it is said
    const snap = param.name === "n";
    assign(param, param.vector ? numbers : numbers.length === 1 ? numbers[0] : NaN, { snap });
  }

  function renderParam(param) {
    const id = `explorer-${param.name}`;
    const number = make("input", { id, type: "text", inputMode: param.vector ? "text" : "decimal", autocomplete: "off" });
    number.dataset.value = param.name;
    number.setAttribute("aria-describedby", `${id}-meaning`);
    number.addEventListener("change", () => typed(param, number.value));
    const sign = param.sign === param.name ? "" : `${param.sign} `;
    const label = make("label", { htmlFor: id }, sign, make("code", { textContent: param.name }));
    const meaning = make("p", { id: `${id}-meaning`, textContent: `${param.meaning}; ${param.words}` });
    const row = make("div", { className: param.vector ? "explorer-param vector" : "explorer-param" }, label, number);
    if (!param.vector) {
      const slider = make("input", { type: "range", min: 0, max: model.SLIDER, step: 1 });
      slider.dataset.slider = param.name;
      slider.setAttribute("aria-label", `${param.name}: ${param.meaning}`);
      slider.addEventListener("input", () => assign(param, model.valueAt(param, Number(slider.value))));
      slider.addEventListener("keydown", (event) => onKey(event, param));
      row.append(slider);
    }
    row.append(meaning);
    return row;
  }

  function renderValues() {
    const { values } = active();
    const wrong = new Map(model.problems(current(), values));
    for (const param of current().params) {
      const number = root.querySelector(`[data-value="${param.name}"]`);
      const text = [values[param.name]].flat().map((v) => (Number.isFinite(v) ? v : "")).join(", ");
      if (document.activeElement !== number || !wrong.has(param.name)) number.value = text;
      number.setAttribute("aria-invalid", wrong.has(param.name));
      const slider = root.querySelector(`[data-slider="${param.name}"]`);
      if (!slider) continue;
      slider.value = model.positionOf(param, values[param.name]);
      slider.setAttribute("aria-valuetext", show(values[param.name]));
    }
    part("errors").textContent = [...wrong.values()].join(". ");
  }

  // --- the other controls --------------------------------------------------------------------------------------

  function renderStatement() {
    const result = current();
    part("title").textContent = result.title;
    part("statement").textContent = result.statement;
    part("quantity").textContent = `${KINDS[result.kind]} of ${result.quantity}; ${result.mode}`;
    part("block").href = result.link;
    const formula = part("formula");
    formula.textContent = `\\[${result.tex}\\]`;
    if (!window.MathJax?.startup) return;
    MathJax.startup.promise = MathJax.startup.promise.then(() => {
      MathJax.typesetClear([formula]);
      return MathJax.typesetPromise([formula]);
    });
  }

  function renderCurves() {
    const rows = view.curves.map((curve, k) => {
      const radio = make("input", { type: "radio", name: "explorer-curve", checked: k === view.active });
      radio.addEventListener("change", () => {
        view.active = k;
        changed({ controls: true });
      });
      const sweep = model.sweepOf(curve);
      const facts = model.settings(curve.values, view.x) + (sweep ? `; ● ${model.described(sweep)}` : "");
      const text = make("span", {}, make("code", { textContent: curve.key }), " ", make("small", { textContent: facts }));
      const remove = make("button", { type: "button", textContent: "×", disabled: view.curves.length === 1 });
      remove.setAttribute("aria-label", `Remove the curve of ${curve.key}`);
      remove.addEventListener("click", () => {
        view.curves.splice(k, 1);
        view.active = Math.min(view.active > k ? view.active - 1 : view.active, view.curves.length - 1);
        changed({ controls: true });
      });
      return make("li", {}, make("label", {}, radio, Loopbound.plot.swatch(curve, k), text), remove);
    });
    part("curves").replaceChildren(...rows);
  }

  function renderSweeps() {
    const sweeps = Loopbound.sweeps[active().key] || [];
    const options = sweeps.map((sweep, k) => make("option", { value: k, textContent: model.described(sweep) }));
    const none = sweeps.length ? "none" : "none is stored for this result";
    part("sweep").replaceChildren(make("option", { value: -1, textContent: none }), ...options);
    part("sweep").value = active().sweep;
    part("sweep").disabled = !sweeps.length;
  }

  // Show a stored simulation: the parameters and the axis become those of its points.
  function chooseSweep(index) {
    const [curve, result] = [active(), current()];
    curve.sweep = index;
    const sweep = model.sweepOf(curve);
    if (sweep) {
      for (const [name, value] of Object.entries(sweep.parameters)) if (paramOf(result, name)) curve.values[name] = value;
      const ends = [Math.min(...sweep.x), Math.max(...sweep.x)];
      view = { ...withAxis(view, sweep.along), from: ends[0], to: ends[1] > ends[0] ? ends[1] : ends[0] + 1 };
      curve.values[sweep.along] = sweep.x[sweep.x.length - 1];
    }
    changed({ controls: true });
  }

  function renderAxis() {
    const names = current().params.filter((param) => !param.vector).map((param) => param.name);
    if (view.x && !names.includes(view.x)) names.push(view.x);
    part("axis").replaceChildren(...names.map((name) => make("option", { value: name, textContent: name })));
    part("axis").value = view.x;
    [part("from").value, part("to").value] = [view.from, view.to];
    [part("xlog").checked, part("ylog").checked] = [view.xlog, view.ylog];
  }

  function renderControls() {
    if (part("params").dataset.key !== active().key) part("params").replaceChildren(...current().params.map(renderParam));
    part("params").dataset.key = active().key;
    renderValues();
    renderStatement();
    renderSweeps();
    renderAxis();
    renderChoices();
  }

  // --- drawing -------------------------------------------------------------------------------------------------

  function renderFigure() {
    const [result, { key, values }] = [current(), active()];
    const valid = !model.problems(result, values).length;
    const at = view.x in values ? ` at ${view.x} = ${show(values[view.x])}` : "";
    const value = valid ? result.value(values) : NaN;
    const text = valid ? `${KINDS[result.kind]}${at}: ${Number.isFinite(value) ? show(value) : "not finite"}` : "no value";
    part("value").textContent = text;
    const given = Object.entries(values).map(([name, v]) => `${name}=${Array.isArray(v) ? `[${v.join(", ")}]` : v}`);
    part("python").textContent = `bounds.get("${key}")(${given.join(", ")})`;
    renderCurves();
    history.replaceState(null, "", `#${model.encode(view)}`);
    part("link").href = location.href;
    const names = view.curves.map((curve) => curve.key).join(", ");
    part("figure").setAttribute("aria-label", `Curves along ${view.x} of ${names}. ${text}`);
    Loopbound.plot.draw(part("figure"), view);
  }

  function setRange() {
    const [from, to] = [Number(part("from").value), Number(part("to").value)];
    if (!(Number.isFinite(from) && from < to)) return announce("The axis needs two numbers, the first less than the second.");
    [view.from, view.to] = [from, to];
    announce("");
    changed();
  }

  function logarithmic(name) {
    view[name] = part(name).checked;
    changed();
  }

  function download() {
    const url = URL.createObjectURL(new Blob([model.table(view)], { type: "text/csv" }));
    make("a", { href: url, download: "loopbound.csv" }).click();
    setTimeout(() => URL.revokeObjectURL(url), 1000);
  }

  async function copy() {
    try {
      await navigator.clipboard.writeText(location.href);
      announce("The link to this view is copied.");
    } catch {
      announce("This browser does not let pages copy: use the link to this view.");
    }
  }

  // --- the page ------------------------------------------------------------------------------------------------

  const on = (name, event, handler) => part(name).addEventListener(event, handler);
  on("search", "input", renderChoices);
  on("results", "change", () => choose(part("results").value));
  on("add", "click", () => {
    view.active = view.curves.push(model.clone(active())) - 1;
    changed({ controls: true });
    announce("A curve is added: change its result or its parameters.");
  });
  on("schedules", "click", overlaySchedules);
  on("sweep", "change", () => chooseSweep(Number(part("sweep").value)));
  on("axis", "change", () => {
    view = withAxis(view, part("axis").value);
    changed({ controls: true });
  });
  for (const name of ["from", "to"]) on(name, "change", setRange);
  for (const name of ["xlog", "ylog"]) on(name, "change", () => logarithmic(name));
  on("csv", "click", download);
  on("copy", "click", copy);
  new MutationObserver(() => changed()).observe(document.documentElement, { attributeFilter: ["data-theme"] });

  const open = () => {
    view = model.decode(location.hash.slice(1)) || start("tv/discrete/fresh");
    changed({ controls: true });
  };
  window.addEventListener("hashchange", open);
  const about = ({ key, title, link, reason }) =>
    make("li", {}, make("a", { href: link, textContent: key }), ` – ${title} (${reason})`);
  part("left").replaceChildren(...Loopbound.left.map(about));
  open();
});
