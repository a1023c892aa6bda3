// Lets formulas within a line scroll by themselves where they are wider than the screen.
window.addEventListener("load", async () => {
  if (!window.MathJax?.startup) return;
  await MathJax.startup.promise;
  const fit = () => {
    for (const formula of document.querySelectorAll("span.math")) {
      const drawing = formula.querySelector("mjx-container > svg");
      const line = formula.parentElement.clientWidth;
      formula.classList.toggle("wide", !!drawing && line > 0 && drawing.getBoundingClientRect().width > line);
    }
  };
  fit();
  window.addEventListener("resize", fit);
});
