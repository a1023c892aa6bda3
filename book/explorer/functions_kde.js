// The functions of the kernel density results in JavaScript; b = 1 − α throughout.
"use strict";

(($) => {
  const LOG_LOST = 45; // what has decayed by e^−45 is left out
  const TERMS = [1, 2, 3, 4, 5];
  const sum = (count, f) => {
    let total = 0;
    for (let k = 1; k <= count; k++) total += f(k);
    return total;
  };

  // −log b, how far (e^−rate)^k reaches, and b^k with 0^0 = 1
  const decay = (alpha) => (alpha < 1 ? -Math.log1p(-alpha) : Infinity);
  const reach = (rate, last, lost = LOG_LOST) => Math.max(1, Math.min(last, rate > 0 ? Math.ceil(lost / rate) : last));
  const power = (alpha, k) => (alpha === 1 ? (k === 0 ? 1 : 0) : Math.exp(Math.log1p(-alpha) * k));
  const geometric = $.geometric_sum;

  // Keep the last value of a function, for curves along which it does not change.
  function remembered(f) {
    let [key, value] = ["", null];
    return (...args) => {
      if (key !== args.join()) [key, value] = [args.join(), f(...args)];
      return value;
    };
  }

  // --- line ----------------------------------------------------------------------------------------------------

  $.gaussian_bias = (t) => {
    if (t === 0) return 0;
    if (t === Infinity) return 1;
    const square = t * t;
    // √(log(1+t²)/(2t²)), and the other argument of erf less this one
    const inner = t > 1e8 ? Math.sqrt(Math.log(t)) / t : Math.sqrt(Math.log1p(square) / (2 * square));
    const gap = t > 1e8 ? Math.sqrt(Math.log(t)) : (inner * square) / (1 + Math.sqrt(1 + square));
    return $.erf_between(inner || Math.SQRT1_2, gap);
  };

  $.spread_sum = (alpha, i, t) => {
    const kept = reach(decay(alpha), i);
    const [small, low] = [Math.min(t, 1), Math.max(t, 1)];
    const total = sum(kept, (back) => {
      const growth = 0.5 + (1 - alpha) * geometric(alpha, i - back);
      return power(alpha, back - 1) * Math.pow(1 / (low * low) + small * small * growth, 0.25);
    });
    return total / Math.sqrt(small);
  };

  // E P_i = Σ_k w_k N(0, 1 + kt²): [k, w_k]
  function mixture(alpha, i) {
    const last = Math.min(i - 1, reach(decay(alpha), i));
    const parts = Array.from({ length: alpha > 0 ? last : 0 }, (_, k) => [k + 1, alpha * power(alpha, k)]);
    return [...parts, [i, power(alpha, i - 1)]].filter(([, weight]) => weight > 0);
  }

  // Half the square of the point where the mixture meets N(0, 1): Newton's method, from the right.
  function crossing(parts) {
    const terms = parts.map(([s, weight]) => ({ weight, share: s / (1 + s), log: Math.log1p(s) / 2 }));
    let u = Math.max(...terms.map(({ share, log }) => log / share));
    for (let round = 0; round < 200; round++) {
      let [excess, slope] = [0, 0];
      for (const { weight, share, log } of terms) {
        excess += weight * Math.expm1(u * share - log);
        slope += weight * share * Math.exp(u * share - log);
      }
      const step = (Math.log1p(excess) * (1 + excess)) / slope;
      u -= step;
      if (!(Math.abs(step) > 1e-13 * u)) break;
    }
    return u;
  }

  $.mixture_bias = (alpha, i, t) => {
    if (alpha === 0 || alpha === 1) return $.gaussian_bias(t * (alpha === 0 ? Math.sqrt(i) : 1));
    const parts = mixture(alpha, i).map(([k, weight]) => [k * t * t, weight]);
    const y = Math.sqrt(crossing(parts));
    return parts.reduce((total, [s, weight]) => {
      const root = Math.sqrt(1 + s);
      return total + weight * $.erf_between(y / root, ((y / root) * s) / (1 + root));
    }, 0);
  };

  // Tanh-sinh nodes on (0, 1): distances from both ends, and weights.
  const BOTH_ENDS = Array.from({ length: 109 }, (_, k) => {
    const inner = Math.PI * Math.sinh(k / 16 - 3.4);
    const [left, right] = [1 / (1 + Math.exp(-inner)), 1 / (1 + Math.exp(inner))];
    return { left, right, weight: (Math.PI * Math.cosh(k / 16 - 3.4) * left * right) / 16 };
  });

  // Nodes and weights on the half line for densities up to a length, with an end at a root.
  function halfLine(root, longest) {
    const inner = BOTH_ENDS.map(({ left, weight }) => [root * left, root * weight]);
    const count = Math.ceil((Math.max(Math.log(longest), 0) + 3.7) * 32) + 2;
    const outer = Array.from({ length: count }, (_, k) => {
      const distance = Math.exp(k / 32 - 3.7 - Math.exp(3.7 - k / 32));
      return [root + distance, ((1 + Math.exp(3.7 - k / 32)) * distance) / 32];
    });
    return [...inner, ...outer];
  }

  // E P_i and n Var_i at a point, from the densities φ_0, φ_½, …, φ_last there: F_j and D_j for j = last..1.
  function lineMoments(schedule, alpha, t, phi) {
    const [b, last] = [1 - alpha, (phi.length - 1) / 2];
    const kernels = new Float64Array(last + 3);
    let [mean, variance] = [0, 0];
    for (let j = last; j >= 1; j--) {
      const after = j === last ? phi[2 * last] : mean;
      mean = j === last ? after : alpha * phi[2 * j] + b * after;
      if (j === last) kernels[j] = phi[last];
      else if (j === last - 1) kernels[j] = phi[last + 1];
      else {
        const step = phi[2 * last - j] - phi[2 * last - j - 2];
        kernels[j] = alpha * phi[j + 2] + power(alpha, last - j - 1) * step + b * kernels[j + 2];
      }
      const spread = j === last ? phi[last] : b * kernels[j] + alpha * phi[j];
      const square = schedule === "stratified" ? alpha * phi[2 * j] ** 2 + b * after ** 2 : mean ** 2;
      variance += power(alpha, j - 1) ** 2 * (spread / (t * Math.sqrt(4 * Math.PI * j)) - square);
    }
    return [mean, variance];
  }

  // Weights of the quadrature over the line, B_i² and n Var_i at its nodes.
  const lineProfile = remembered((schedule, alpha, i, t) => {
    const [v, last] = [t * t, reach(decay(alpha), i, 75)];
    const root = Math.sqrt(2 * crossing(mixture(alpha, i).map(([k, weight]) => [k * v, weight])));
    const scales = Array.from({ length: 2 * last + 1 }, (_, k) => 1 + (k / 2) * v);
    const heights = scales.map((scale) => 1 / Math.sqrt(2 * Math.PI * scale));
    return halfLine(root, 14 * Math.sqrt(scales[2 * last])).map(([x, weight]) => {
      const phi = scales.map((scale, k) => heights[k] * Math.exp((-x * x) / (2 * scale)));
      const [mean, variance] = lineMoments(schedule, alpha, t, phi);
      return { weight, bias: (mean - phi[0]) ** 2, variance: Math.max(variance, 0) };
    });
  });
  const sharpLine = (schedule) => (n, alpha, i, t) =>
    lineProfile(schedule, alpha, i, t).reduce(
      (total, { weight, bias, variance }) => total + weight * Math.sqrt(bias + variance / n), 0);

  // --- torus ---------------------------------------------------------------------------------------------------

  $.heat_loss = (h) => -Math.expm1(-2 * Math.PI ** 2 * h * h);

  // Θ(h) − 1, by its series or by the Poisson dual
  function thetaExcess(h) {
    if (h > 0.3) return 2 * TERMS.reduce((total, k) => total + Math.exp(-((2 * Math.PI * h * k) ** 2)), 0);
    const series = 1 + 2 * TERMS.reduce((total, k) => total + Math.exp(-((k / h) ** 2) / 4), 0);
    return series / (2 * Math.sqrt(Math.PI) * h) - 1;
  }
  // Σ_{l∈Z} exp(−2π²h²(l² + (l−1)²)), less 2 exp(−2π²h²)
  function thetaCross(h) {
    const mode = (squares) => Math.exp(-2 * Math.PI ** 2 * h * h * squares);
    if (h > 0.3) return 2 * TERMS.reduce((total, k) => total + mode(k * k + (k + 1) ** 2), 0);
    const series = 1 + 2 * TERMS.reduce((total, k) => total + (-1) ** k * Math.exp(-((k / h) ** 2) / 4), 0);
    return (Math.exp(-((Math.PI * h) ** 2)) * series) / (2 * Math.sqrt(Math.PI) * h) - 2 * mode(1);
  }

  $.torus_roughness = (h, d) => {
    if (h >= 2) return Math.sqrt(2 * d) * Math.exp(-2 * Math.PI ** 2 * h * h);
    const log = d * Math.log1p(thetaExcess(h));
    return Math.exp(log / 2) * Math.sqrt(-Math.expm1(-log));
  };

  // What a draw of generation i − j is trained to follow, mode by mode: its multiplier, and the mean of its square.
  function trained(schedule, alpha, multiplier, last) {
    if (schedule === "fixed") return [multiplier, multiplier ** 2];
    if (last) return [1, 1];
    const mean = alpha + (1 - alpha) * multiplier;
    return [mean, schedule === "stratified" ? alpha + (1 - alpha) * multiplier ** 2 : mean ** 2];
  }
  const weightOf = (schedule, alpha, j) => power(alpha, schedule === "fixed" ? 2 * j - 1 : 2 * (j - 1));
  const spanOf = (alpha, i, exponent) => reach(2 * exponent + 2 * decay(alpha), i);

  // Coefficients of 1, c cos, c² cos² in n Var_i that the reused points bring.
  function reusedModes(alpha, i, h) {
    const transform = (mode) => {
      const exponent = 2 * Math.PI ** 2 * h * h * mode * mode;
      return Math.exp(-exponent) * geometric(alpha - (1 - alpha) * Math.expm1(-exponent), i);
    };
    const modes = Math.ceil(1.6 / h) + 2;
    return [
      2 * alpha * sum(modes, (l) => transform(l) ** 2),
      2 * alpha * sum(modes, (l) => transform(l) * transform(l + 1)),
      -alpha * transform(1) ** 2,
    ];
  }

  // B_i over c cos 2πx, and the coefficients of 1, c cos, c² cos² in n Var_i.
  const circleMoments = remembered((schedule, alpha, i, h) => {
    const [exponent, loss] = [2 * Math.PI ** 2 * h * h, $.heat_loss(h)];
    const gap = alpha + (1 - alpha) * loss;
    const variance = schedule === "fixed" && alpha > 0 ? reusedModes(alpha, i, h) : [0, 0, 0];
    for (let j = spanOf(alpha, i, exponent); j >= 1; j--) {
      const weight = weightOf(schedule, alpha, j);
      const [mean, square] = trained(schedule, alpha, 1 - loss * geometric(gap, i - j), j === i);
      variance[0] += weight * thetaExcess(h * Math.sqrt(j));
      variance[1] += weight * mean * thetaCross(h * Math.sqrt(j));
      variance[2] -= weight * square * Math.exp(-2 * exponent * j);
    }
    return { bias: -loss * geometric(gap, i), variance };
  });

  // Cosines and weights for the mean over an angle, with nodes that crowd at 0, π/2 and π.
  const ANGLES = BOTH_ENDS.map(({ right, weight }) => ({ cosine: Math.sin((Math.PI / 2) * right), weight: weight / 2 }));
  const sharpCircle = (schedule) => (n, alpha, i, h, c) => {
    const { bias, variance: [v0, v1, v2] } = circleMoments(schedule, alpha, i, h);
    const root = (x) => Math.sqrt(Math.max((bias * x) ** 2 + (v0 + v1 * x + v2 * x * x) / n, 0));
    return ANGLES.reduce((total, { cosine, weight }) => total + weight * (root(c * cosine) + root(-c * cosine)), 0) / 2;
  };

  const powerExcess = (h, d) => Math.expm1(d * Math.log1p(thetaExcess(h)));

  // n ∫Var_i that the reused points bring; pairs of ages with the same sum count together.
  function reusedSquares(alpha, i, h, shares) {
    const kept = reach(decay(alpha), i);
    const d = shares.length;
    let total = sum(2 * kept - 1, (k) => {
      const pairs = Math.min(k, 2 * kept - k);
      return pairs * power(alpha, k - 1) * powerExcess(h * Math.sqrt((k + 1) / 2), d);
    });
    shares.forEach((share, k) => {
      const exponent = 2 * Math.PI ** 2 * h * h * (k + 1);
      const gap = alpha - (1 - alpha) * Math.expm1(-exponent);
      total -= share * (Math.exp(-exponent) * geometric(gap, i)) ** 2;
    });
    return alpha * total;
  }

  // ∫B_i² and n ∫Var_i
  const torusMoments = remembered((schedule, alpha, i, h, c, d) => {
    const exponent = 2 * Math.PI ** 2 * h * h;
    const shares = []; // C(d, k) (c²/2)^k, k = 1..d
    for (let k = 1, share = 1; k <= d; k++) shares.push((share *= (((d - k + 1) / k) * c * c) / 2));
    const span = spanOf(alpha, i, exponent);
    let variance = sum(span, (j) => weightOf(schedule, alpha, j) * powerExcess(h * Math.sqrt(j), d));
    let bias = 0;
    shares.forEach((share, k) => {
      const loss = -Math.expm1(-exponent * (k + 1));
      const gap = alpha + (1 - alpha) * loss;
      bias += share * (loss * geometric(gap, i)) ** 2;
      variance -= share * sum(span, (j) => {
        const [, square] = trained(schedule, alpha, 1 - loss * geometric(gap, i - j), j === i);
        return weightOf(schedule, alpha, j) * Math.exp(-2 * exponent * (k + 1) * j) * square;
      });
    });
    if (schedule === "fixed" && alpha > 0) variance += reusedSquares(alpha, i, h, shares);
    return [bias, variance];
  });
  const squareTorus = (schedule) => (n, alpha, i, h, c, d) => {
    const [bias, variance] = torusMoments(schedule, alpha, i, h, c, d);
    return Math.sqrt(bias + variance / n) / 2;
  };

  $.sharp_line_fresh = sharpLine("fresh");
  $.sharp_line_stratified = sharpLine("stratified");
  for (const schedule of ["fresh", "stratified", "fixed"]) {
    $[`sharp_torus_${schedule}`] = sharpCircle(schedule);
    $[`square_torus_${schedule}`] = squareTorus(schedule);
  }
})(Loopbound.functions);
