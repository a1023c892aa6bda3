// The special functions of the catalogue in JavaScript, in forms that do not cancel: the counterparts of those that
// Python evaluates, under the same names. Arguments are numbers within the domains that the catalogue states.
"use strict";

var Loopbound = { functions: {} };

(($) => {
  // Σ_j coefficients[j] x^j
  const polynomial = (x, coefficients) => coefficients.reduceRight((total, c) => total * x + c, 0);

  // Nodes in (0, 1) and weights of the Gauss-Legendre rule, by Newton's method.
  $.gaussLegendre = (size) =>
    Array.from({ length: size }, (_, k) => {
      let x = Math.cos((Math.PI * (k + 0.75)) / (size + 0.5));
      let slope = 1;
      for (let step = 0; step < 8; step++) {
        let [before, value] = [1, x];
        for (let j = 2; j <= size; j++) [before, value] = [value, ((2 * j - 1) * x * value - (j - 1) * before) / j];
        slope = (size * (before - x * value)) / (1 - x * x);
        x -= value / slope;
      }
      return { node: (1 - x) / 2, weight: 1 / ((1 - x * x) * slope * slope) };
    });
  const RULE = $.gaussLegendre(12);
  $.integral = (f, start, length) =>
    length * RULE.reduce((total, { node, weight }) => total + weight * f(start + length * node), 0);

  // Sum of a function over the entries of one or several vectors of the same length.
  $.sum_atoms = (f, ...vectors) => vectors[0].reduce((total, _, k) => total + f(...vectors.map((v) => v[k])), 0);

  // --- generations ---------------------------------------------------------------------------------------------

  $.geometric_sum = (x, i) => {
    if (x === 0) return i;
    return x >= 1 ? (1 - Math.pow(1 - x, i)) / x : Math.expm1(Math.log1p(-x) * i) / -x;
  };
  $.complement_power = (x, i) => (x >= 1 ? Math.pow(1 - x, i) : Math.exp(Math.log1p(-x) * i));

  const EULER_MACLAURIN = [
    1 / 12, -1 / 720, 1 / 30240, -1 / 1209600, 1 / 47900160, -691 / 1307674368000, 1 / 74724249600,
    -3617 / 10670622842880000,
  ]; // B_{2k}/(2k)!

  // Σ_{k=first}^{last} k^{−s} by Euler-Maclaurin, last ≥ first ≥ 13.
  function powerTail(s, first, last) {
    const [ratio, gap] = [Math.log(last / first), 1 - s];
    const quotient = gap === 0 ? ratio : Math.expm1(gap * ratio) / gap;
    let [start, stop, rising] = [Math.pow(first, -s), Math.pow(last, -s), s];
    let total = first * start * quotient + (start + stop) / 2;
    EULER_MACLAURIN.forEach((coefficient, k) => {
      start /= Math.pow(first, k ? 2 : 1);
      stop /= Math.pow(last, k ? 2 : 1);
      if (k) rising *= (s + 2 * k - 1) * (s + 2 * k);
      total += coefficient * rising * (start - stop);
    });
    return total;
  }

  // Σ_{k≤i} f(k) with the terms behind `head` as tail(head + 1, i).
  function headAndTail(f, head, i, tail) {
    let total = i > head ? tail(head + 1, i) : 0;
    for (let k = Math.min(i, head); k >= 1; k--) total += f(k);
    return total;
  }

  // Σ_j signs(j) Σ_k k^{−exponent(j)}, j < terms, for k from first to last.
  const seriesTail = (terms, factor, exponent) => (first, last) => {
    let total = 0;
    for (let j = terms - 1; j >= 0; j--) total += factor(j) * powerTail(exponent(j), first, last);
    return total;
  };

  // log Π_{k≤i} (1 − 1/(n k²))
  const accumulatedLog = (n, i) =>
    headAndTail(
      (k) => Math.log1p(-1 / (n * k * k)), 16, i,
      seriesTail(7, (j) => -Math.pow(n, -j - 1) / (j + 1), (j) => 2 * j + 2),
    );
  $.accumulated_loss = (n, i) => -Math.expm1(accumulatedLog(n, i));
  $.accumulated_survival = (n, i) => Math.exp(accumulatedLog(n, i));
  const powers = (s, i) => headAndTail((k) => Math.pow(k, -s), 12, i, (first, last) => powerTail(s, first, last));
  $.power_sum = (s, i) => powers(Math.min(s, 1100), i);
  const shifted = (a, i) =>
    headAndTail(
      (k) => Math.pow(k, -a) / (k + 1), 31, i,
      seriesTail(12, (j) => (j % 2 ? -1 : 1), (j) => a + 1 + j),
    );
  $.shifted_power_sum = (a, i) => shifted(Math.min(a, 1100), i);

  // --- Gaussian ------------------------------------------------------------------------------------------------

  // x − log(1+x), x > −1
  $.log_gap = (x) => {
    if (Math.abs(x) >= 0.5) return x - Math.log1p(x);
    let [total, power] = [0, 1];
    for (let k = 2; k < 60; k++) {
      total += power / k;
      power *= -x;
    }
    return x * x * total;
  };
  $.ratio_gap = (r) => (r < 0.5 ? r - 1 - Math.log(r) : $.log_gap(r - 1));
  $.divergence_tv = (x) => Math.sqrt(Math.min(x / 2, -Math.expm1(-x)));
  $.square = (x) => x * x;

  // log Γ(z+½)/(Γ(z)√z): a series at z ≥ 32, and from there down by the recursion of Γ.
  function logRatio(z) {
    let steps = 0;
    for (; z < 32; z++) steps += Math.log1p(-0.25 / ((z + 0.5) * (z + 0.5))) / 2;
    return polynomial(1 / (z * z), [-1 / 8, 1 / 192, -1 / 640, 17 / 14336, -31 / 18432]) / z + steps;
  }
  $.c4_power = (n, i) => Math.exp(logRatio((n - 1) / 2) * i);
  $.c4_power_complement = (n, i) => -Math.expm1(logRatio((n - 1) / 2) * i);
  $.log_chi_square_drift = (n) => {
    let [z, steps] = [(n - 1) / 2, 0];
    for (; z < 32; z++) steps -= $.log_gap(1 / z);
    const square = 1 / (z * z);
    const series = polynomial(square, [-1 / 12, 1 / 120, -1 / 252, 1 / 240, -1 / 132, 691 / 32760]);
    return series * square - 1 / (2 * z) + steps;
  };

  $.erf = (x) => {
    const size = Math.abs(x);
    if (size > 6) return Math.sign(x);
    if (size > 3) return Math.sign(x) * (1 - tailOfErf(size));
    let [term, total] = [1, 1];
    for (let k = 1; term > 1e-17 * total; k++) total += term *= (2 * x * x) / (2 * k + 1);
    return (2 / Math.sqrt(Math.PI)) * x * Math.exp(-x * x) * total;
  };
  // 1 − erf(x) for x > 3, by its continued fraction
  function tailOfErf(x) {
    let fraction = x;
    for (let k = 40; k >= 1; k--) fraction = x + k / 2 / fraction;
    return Math.exp(-x * x) / (Math.sqrt(Math.PI) * fraction);
  }
  // erf(low + gap) − erf(low) for low, gap ≥ 0
  $.erf_between = (low, gap) => {
    if (gap >= 0.5 || low >= 3) return $.erf(low + gap) - $.erf(low);
    return (2 / Math.sqrt(Math.PI)) * $.integral((x) => Math.exp(-x * x), low, gap);
  };

  // P(|t_d| ≤ √(d s)/2): for few degrees of freedom a finite sum of positive terms, else an integral.
  $.student_tv = (d, s) => {
    if (d <= 200) {
      const [tangent, odd] = [Math.sqrt(s) / 2, d % 2 === 1];
      const [sine, square] = [tangent / Math.hypot(1, tangent), 4 / (4 + s)];
      let [term, total] = [odd ? Math.sqrt(square) : 1, 0];
      for (let k = odd ? 3 : 2; k <= d; k += 2) {
        total += term;
        term *= ((k - 1) / k) * square;
      }
      return odd ? (2 / Math.PI) * (Math.atan(tangent) + sine * total) : sine * total;
    }
    const end = Math.min(Math.sqrt(d * s) / 2, 40);
    const panels = Math.max(1, Math.ceil(end));
    const density = (u) => Math.exp((-(d + 1) / 2) * Math.log1p((u * u) / d));
    let total = 0;
    for (let k = 0; k < panels; k++) total += $.integral(density, (end * k) / panels, end / panels);
    return Math.sqrt(2 / Math.PI) * Math.exp(logRatio(d / 2)) * total;
  };

  // --- discrete ------------------------------------------------------------------------------------------------

  // log Γ(x+1) − (x+½) log x + x − ½ log 2π for whole x ≥ 0
  function stirlingError(x) {
    if (x === 0) return 0;
    let steps = 0;
    for (; x < 64; x++) steps += (x + 0.5) * Math.log1p(1 / x) - 1;
    return polynomial(1 / (x * x), [1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188]) / x + steps;
  }
  $.mean_deviation = (n, share) => {
    const [p, q] = [Math.min(share, 1 - share), Math.max(share, 1 - share)];
    const mean = n * p;
    const m = Math.min(Math.floor(mean) + 1, n);
    const [rest, gap] = [n - m, m - mean];
    if (m === 1) return 2 * p * Math.exp(n * Math.log1p(-p));
    if (rest === 0) return 2 * q * Math.exp(n * Math.log(p));
    const exponent = m * Math.log1p(gap / mean) + rest * Math.log1p(-gap / (rest + gap));
    const value = Math.exp(stirlingError(n) - exponent - stirlingError(m) - stirlingError(rest));
    return value * Math.sqrt(m / rest) * q * Math.sqrt(2 / (Math.PI * n));
  };
})(Loopbound.functions);
