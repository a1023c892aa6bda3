// The explorer without its page: domains, positions of sliders, points of a curve, links and tables.
"use strict";

Loopbound.model = (() => {
  const SLIDER = 1000; // positions of a slider
  const POINTS = 241; // of a curve
  const [FEWEST, PATIENCE] = [16, 400]; // points that are waited for, and milliseconds for the others
  const ROUNDING = 8 * Number.EPSILON;
  const SCHEDULES = ["replace", "fresh", "stratified", "fixed", "accumulate", "subsample", "expand"];

  const byKey = new Map(Loopbound.results.map((result) => [result.key, result]));
  const paramOf = (result, name) => result.params.find((param) => param.name === name);
  const clone = (values) => JSON.parse(JSON.stringify(values));
  const defaults = (result) => clone(Object.fromEntries(result.params.map((param) => [param.name, param.value])));
  const show = (value) => {
    if (Array.isArray(value)) return value.map(show).join(", ");
    if (Number.isInteger(value) && Math.abs(value) < 1e15) return String(value);
    return String(Number(value.toPrecision(6)));
  };

  // --- domains -------------------------------------------------------------------------------------------------

  function outside(param, number) {
    if (!Number.isFinite(number) || (param.integer && !Number.isSafeInteger(number))) return true;
    if (number < param.low || (param.lowOpen && number === param.low)) return true;
    return param.high !== null && (number > param.high || (param.highOpen && number === param.high));
  }

  // Say what is wrong with a value, or return "".
  function problem(param, value) {
    const entries = param.vector ? value : [value];
    if (!Array.isArray(entries) || !entries.length) return `${param.name} must be numbers with commas between them`;
    const wrong = entries.find((entry) => outside(param, entry));
    if (wrong !== undefined) return `${param.name} must be ${param.words}; it is ${wrong}`;
    const total = param.simplex ? entries.reduce((a, b) => a + b, 0) : 1;
    return Math.abs(total - 1) > 1e-9 ? `the entries of ${param.name} must sum to 1, not ${show(total)}` : "";
  }

  function broken(rule, values) {
    const quantity = rule.value(values);
    if (!rule.integer) return !(quantity >= 0);
    return Math.abs(quantity - Math.round(quantity)) > quantity * ROUNDING;
  }

  // What is wrong with the arguments of a result: [name of the parameter, text].
  function problems(result, values) {
    const found = result.params.map((param) => [param.name, problem(param, values[param.name])]);
    const wrong = found.filter(([, text]) => text);
    if (wrong.length) return wrong;
    const vectors = result.params.filter((param) => param.vector).map((param) => values[param.name].length);
    if (new Set(vectors).size > 1) return [["", "vectors must have the same length"]];
    return result.rules.filter((rule) => broken(rule, values)).map((rule) => [rule.names[0], rule.text]);
  }

  // The fraction of n that must be a whole number of points, if the result has one.
  function fractionOf(result) {
    const rule = result.rules.find((r) => r.integer);
    return rule ? rule.names.find((name) => name !== "n") : null;
  }

  // Move the fraction of n to the nearest one that is a whole number of points.
  function settle(result, values) {
    const name = fractionOf(result);
    if (!name || problem(paramOf(result, "n"), values.n) || problem(paramOf(result, name), values[name])) return "";
    if (!result.rules.some((rule) => rule.integer && broken(rule, values))) return "";
    let points = Math.round(values[name] * values.n);
    if (outside(paramOf(result, name), points / values.n)) points += points ? -1 : 1;
    values[name] = points / values.n;
    return `${name} is now ${show(values[name])}, so that ${name}·n is whole`;
  }

  // Values for another result: what both have is kept where it is allowed.
  function carried(from, result) {
    const values = defaults(result);
    for (const param of result.params)
      if (param.name in from && !problem(param, from[param.name])) values[param.name] = clone(from[param.name]);
    if (from.alpha > 0 && !("lam" in from) && "lam" in values) values.lam = (1 - from.alpha) / from.alpha;
    if (from.lam >= 0 && !("alpha" in from) && "alpha" in values) values.alpha = 1 / (1 + from.lam);
    settle(result, values);
    return problems(result, values).length ? defaults(result) : values;
  }

  // The same result under the other schedules.
  function siblings(key) {
    const parts = key.split("/");
    const at = parts.findIndex((part) => SCHEDULES.includes(part));
    if (at < 0) return [];
    return SCHEDULES.map((name) => parts.with(at, name).join("/")).filter((k) => k !== key && byKey.has(k));
  }

  // --- sliders -------------------------------------------------------------------------------------------------

  const zeroFirst = (param) => param.log && param.low === 0 && !param.lowOpen;

  function valueAt(param, position) {
    const share = position / SLIDER;
    if (zeroFirst(param) && position === 0) return 0;
    const [a, b] = [param.from, param.to];
    let value = param.log ? a * Math.pow(b / a, share) : a + (b - a) * share;
    if (share === 1) value = b;
    if (param.integer) return Math.round(value);
    const inside = (b - a) / SLIDER;
    if (param.lowOpen && value === param.low) value += inside;
    if (param.highOpen && value === param.high) value -= inside;
    return share === 0 || share === 1 ? value : Number(value.toPrecision(4));
  }

  function positionOf(param, value) {
    if (value <= param.from) return 0;
    const share = param.log
      ? Math.log(value / param.from) / Math.log(param.to / param.from)
      : (value - param.from) / (param.to - param.from);
    return Math.min(SLIDER, Math.max(0, Math.round(share * SLIDER)));
  }

  // The value a key press leads to; integers and whole numbers of points go one by one.
  function stepped(result, param, values, steps) {
    const value = values[param.name];
    const unit = param.integer ? 1 : fractionOf(result) === param.name ? 1 / values.n : 0;
    let next = unit ? Math.round(value / unit + steps) * unit : 0;
    if (unit && !param.integer) next = Math.round(value * values.n + steps) / values.n;
    if (!unit) next = valueAt(param, Math.min(SLIDER, Math.max(0, positionOf(param, value) + steps)));
    return outside(param, next) ? value : next;
  }

  // --- curves --------------------------------------------------------------------------------------------------

  const gcd = (a, b) => (b ? gcd(b, a % b) : a);

  // At most POINTS numbers from low to high; whole ones if asked for.
  function spread(low, high, log, whole) {
    if (!(high >= low)) return [];
    if (whole && high - low < POINTS) return Array.from({ length: high - low + 1 }, (_, k) => low + k);
    const start = log && low <= 0 ? (whole ? 1 : high * 1e-4) : low;
    const at = (share) => (log ? start * Math.pow(high / start, share) : start + (high - start) * share);
    const numbers = Array.from({ length: POINTS }, (_, k) => (k === POINTS - 1 ? high : k ? at(k / (POINTS - 1)) : start));
    return whole ? [...new Set(numbers.map(Math.round))] : numbers;
  }

  // Where a curve is evaluated along a parameter.
  function grid(result, values, view) {
    const param = paramOf(result, view.x);
    if (!param) return [view.from, view.to];
    const low = Math.max(view.from, param.low);
    const high = param.high === null ? view.to : Math.min(view.to, param.high);
    const fraction = fractionOf(result);
    if (view.x === fraction) {
      const n = values.n;
      return spread(Math.ceil(low * n - 1e-9), Math.floor(high * n + 1e-9), view.xlog, true).map((k) => k / n);
    }
    if (param.integer) {
      const points = view.x === "n" && fraction ? Math.round(values[fraction] * values.n) : 0;
      const unit = points ? values.n / gcd(points, values.n) : 1;
      return spread(Math.ceil(low / unit), Math.floor(high / unit), view.xlog, true).map((k) => k * unit);
    }
    const margin = (high - low) / SLIDER;
    const start = param.lowOpen && low === param.low ? low + margin : low;
    return spread(start, param.highOpen && high === param.high ? high - margin : high, view.xlog, false);
  }

  // 0 to count − 1 from coarse to fine, the ends first.
  function coarseFirst(count) {
    const order = new Set(count ? [count - 1] : []);
    for (let stride = 16; stride >= 1; stride /= 2) for (let k = 0; k < count; k += stride) order.add(k);
    return order;
  }

  // Points of a curve, fewer of a result that takes long; null where the result does not apply.
  function points(curve, view) {
    const result = byKey.get(curve.key);
    if (result.params.some((param) => param.name !== view.x && problem(param, curve.values[param.name])))
      return { x: [], y: [] };
    const [x, found, end] = [grid(result, curve.values, view), [], performance.now() + PATIENCE];
    for (const k of coarseFirst(x.length)) {
      if (found.length > FEWEST && performance.now() > end) break;
      const values = paramOf(result, view.x) ? { ...curve.values, [view.x]: x[k] } : curve.values;
      const value = problems(result, values).length ? NaN : result.value(values);
      found.push([k, Number.isFinite(value) ? value : null]);
    }
    found.sort(([a], [b]) => a - b);
    return { x: found.map(([k]) => x[k]), y: found.map(([, value]) => value) };
  }

  const described = (sweep) =>
    `${sweep.replications ? `${sweep.replications} simulations` : "exact"}: ${sweep.design}`;
  const sweepOf = (curve) => (Loopbound.sweeps[curve.key] || [])[curve.sweep] || null;

  // --- links and tables ----------------------------------------------------------------------------------------

  function encode(view) {
    const words = new URLSearchParams({ x: view.x, from: view.from, to: view.to });
    words.set("log", (view.xlog ? "x" : "") + (view.ylog ? "y" : ""));
    for (const curve of view.curves) {
      const values = Object.entries(curve.values).map(([name, value]) => `${name}=${[value].flat().join(" ")}`);
      words.append("curve", [curve.key, ...values, ...(curve.sweep >= 0 ? [`sweep=${curve.sweep}`] : [])].join(";"));
    }
    words.set("active", view.active);
    return words.toString();
  }

  function decodeCurve(text) {
    const [key, ...fields] = text.split(";");
    const result = byKey.get(key);
    if (!result) return null;
    const curve = { key, values: defaults(result), sweep: -1 };
    for (const [name, ...rest] of fields.map((field) => field.split("="))) {
      const numbers = rest.join("=").split(" ").map(Number);
      const param = paramOf(result, name);
      if (param) curve.values[name] = param.vector ? numbers : numbers[0];
      else if (name === "sweep") curve.sweep = numbers[0];
    }
    return problems(result, curve.values).length ? { ...curve, values: defaults(result) } : curve;
  }

  // The view that a link asks for, or null.
  function decode(text) {
    const words = new URLSearchParams(text);
    const curves = words.getAll("curve").map(decodeCurve).filter(Boolean);
    const [from, to] = [Number(words.get("from")), Number(words.get("to"))];
    if (!curves.length || !words.get("x") || !(from < to)) return null;
    const active = Math.min(curves.length - 1, Math.max(0, Math.trunc(Number(words.get("active")) || 0)));
    const log = words.get("log") || "";
    return { x: words.get("x"), from, to, xlog: log.includes("x"), ylog: log.includes("y"), curves, active };
  }

  const cell = (value) => (/[",\n]/.test(value) ? `"${String(value).replaceAll('"', '""')}"` : String(value ?? ""));
  const settings = (values, x) =>
    Object.entries(values).filter(([name]) => name !== x).map(([name, value]) => `${name}=${show(value)}`).join(", ");

  // All curves and stored simulations of a view as a table with commas.
  function table(view) {
    const rows = [["result", "what", "parameters", view.x, "value", "lower", "upper"]];
    for (const curve of view.curves) {
      const { x, y } = points(curve, view);
      const fixed = settings(curve.values, view.x);
      x.forEach((at, k) => rows.push([curve.key, "formula", fixed, at, y[k], "", ""]));
      const sweep = sweepOf(curve);
      if (!sweep || sweep.along !== view.x) continue;
      sweep.x.forEach((at, k) =>
        rows.push([curve.key, described(sweep), "", at, sweep.value[k], sweep.lower?.[k], sweep.upper?.[k]]));
    }
    return rows.map((row) => row.map(cell).join(",")).join("\n") + "\n";
  }

  return {
    SLIDER, byKey, carried, clone, decode, defaults, described, encode, paramOf, points, positionOf, problem, problems,
    settings, settle, show, siblings, stepped, sweepOf, table, valueAt,
  };
})();
