// The figure of the explorer, drawn by Plotly in the colours of the page.
"use strict";

Loopbound.plot = (() => {
  const { byKey, paramOf, points, problems, settings, sweepOf } = Loopbound.model;
  // Okabe and Ito's colours, told apart by colour-blind readers; the dark ones are lighter on a dark page
  const LIGHT = ["#0072b2", "#d55e00", "#007a5a", "#a8447c", "#8a6d00", "#3b3b9e", "#000000"];
  const DARK = ["#56b4e9", "#ff9a4d", "#2fcf9f", "#ee9fc8", "#f0e442", "#a9a9ff", "#ffffff"];
  const DASHES = ["solid", "dash", "dot", "dashdot", "longdash"];
  const STYLE = { upper: "solid", lower: "dash", equality: "solid", rate: "dot" };

  const isDark = () => document.documentElement.dataset.theme === "dark";
  const colour = (k) => (isDark() ? DARK : LIGHT)[k % LIGHT.length];
  const dash = (curve, k) => (k < LIGHT.length ? STYLE[byKey.get(curve.key).kind] : DASHES[(k / LIGHT.length) | 0] || "dot");

  // The line of a curve as a small picture for lists.
  function swatch(curve, k) {
    const [svg, line] = ["svg", "line"].map((tag) => document.createElementNS("http://www.w3.org/2000/svg", tag));
    const dashes = { solid: "none", dash: "7 4", dot: "2 3", dashdot: "7 3 2 3", longdash: "12 4" };
    const facts = { x1: 0, x2: 28, y1: 5, y2: 5, stroke: colour(k), "stroke-width": 3 };
    facts["stroke-dasharray"] = dashes[dash(curve, k)];
    for (const [name, fact] of Object.entries(facts)) line.setAttribute(name, fact);
    svg.setAttribute("aria-hidden", "true");
    svg.setAttribute("viewBox", "0 0 28 10");
    svg.append(line);
    return svg;
  }

  function formula(curve, k, view) {
    const { x, y } = points(curve, view);
    const width = 2.2 + 0.8 * Math.min(view.curves.length - 1 - k, 6); // of curves that coincide, all are seen
    const name = `${curve.key}<br>${settings(curve.values, view.x)}`;
    return {
      x, y, name, mode: x.length > 1 ? "lines" : "markers", connectgaps: false,
      line: { color: colour(k), width, dash: dash(curve, k) }, marker: { color: colour(k) }, hovertemplate: `%{x:.6~g}: %{y:.6~g}<extra>${name}</extra>`,
    };
  }

  // The stored simulation of a curve: a band where there are limits, and the means.
  function simulation(curve, k, view) {
    const sweep = sweepOf(curve);
    if (!sweep || sweep.along !== view.x) return [];
    const at = sweep.x.map((_, j) => j).filter((j) => sweep.lower?.[j] != null && sweep.upper?.[j] != null);
    const around = (side) => at.map((j) => sweep[side][j]);
    const traces = [];
    if (at.length > 1)
      traces.push({
        x: [...at.map((j) => sweep.x[j]), ...at.map((j) => sweep.x[j]).reverse()],
        y: [...around("upper"), ...around("lower").reverse()],
        fill: "toself", fillcolor: `${colour(k)}33`, line: { width: 0 }, hoverinfo: "skip", mode: "lines",
      });
    traces.push({
      x: sweep.x, y: sweep.value, mode: "markers", marker: { color: colour(k), size: 7, symbol: "circle" },
      error_y: at.length !== 1 ? undefined : {
        type: "data", symmetric: false, array: sweep.x.map((_, j) => (j === at[0] ? sweep.upper[j] - sweep.value[j] : 0)),
        arrayminus: sweep.x.map((_, j) => (j === at[0] ? sweep.value[j] - sweep.lower[j] : 0)),
      },
      hovertemplate: `%{x:.6~g}: %{y:.6~g}<extra>${sweep.replications ? "simulated" : "exact"}<br>${sweep.design}</extra>`,
    });
    // the formula at the points of the simulation: its vectors are not among the parameters of this view
    if (byKey.get(curve.key).params.some((param) => param.vector))
      traces.push({
        x: sweep.x, y: sweep.bound, mode: "markers", marker: { color: colour(k), size: 9, symbol: "x-thin-open" },
        hovertemplate: `%{x:.6~g}: %{y:.6~g}<extra>formula<br>${sweep.design}</extra>`,
      });
    return traces;
  }

  // Where the parameters of the active curve are.
  function here(view) {
    const curve = view.curves[view.active];
    const [at, value] = [curve.values[view.x], byKey.get(curve.key).value(curve.values)];
    if (problems(byKey.get(curve.key), curve.values).length || !(at >= view.from && at <= view.to)) return [];
    const marker = { color: "rgba(0,0,0,0)", size: 13, line: { color: colour(view.active), width: 2.5 } };
    return [{ x: [at], y: [value], mode: "markers", marker, hovertemplate: "%{x:.6~g}: %{y:.6~g}<extra></extra>" }];
  }

  function axis(title, log, ink) {
    const line = isDark() ? "#4a4a4a" : "#dcdcdc";
    return {
      title: { text: title, standoff: 8 }, type: log ? "log" : "linear", automargin: true, color: ink, gridcolor: line,
      zerolinecolor: line, linecolor: ink, showline: true, exponentformat: "power",
    };
  }

  function draw(element, view) {
    const ink = getComputedStyle(element).color;
    const traces = view.curves.flatMap((curve, k) => [formula(curve, k, view), ...simulation(curve, k, view)]);
    const param = paramOf(byKey.get(view.curves[view.active].key), view.x);
    const title = param && element.clientWidth > 500 ? `${view.x}: ${param.meaning}` : view.x;
    const layout = {
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", font: { color: ink, size: 13 }, showlegend: false,
      margin: { l: 48, r: 10, t: 10, b: 44 }, hovermode: "closest", dragmode: false,
      xaxis: axis(title, view.xlog, ink), yaxis: axis("value", view.ylog, ink),
    };
    const options = { responsive: true, displaylogo: false, displayModeBar: false };
    return Plotly.react(element, [...traces, ...here(view)], layout, options);
  }

  return { colour, draw, swatch };
})();
