// Smoothing of a curve, always of all its points and never of what is left after thinning. Points that are not finite
// are left out of every mean and stay what they are.

export const SMOOTHINGS = ["none", "ema", "twema", "gauss", "mean"] as const;
export type Smoothing = (typeof SMOOTHINGS)[number];

export const SMOOTHING_NAMES: { [kind in Smoothing]: string } = {
  none: "None",
  ema: "Exponential",
  twema: "Time-weighted",
  gauss: "Gaussian",
  mean: "Running mean",
};

/** The smoothed values; `amount` is 0 to 1 for the exponential kinds, else a width in points. */
export function smoothed(kind: Smoothing, amount: number, x: Float64Array, y: Float64Array): Float64Array {
  switch (kind) {
    case "none":
      return y;
    case "ema":
      return exponential(Math.min(Math.max(amount, 0), 0.9999), y, () => 1);
    case "twema":
      return exponential(Math.min(Math.max(amount, 0), 0.9999), y, timeWeights(x));
    case "gauss":
      return gaussian(Math.max(amount, 0), y);
    case "mean":
      return runningMean(Math.max(1, Math.round(amount)), y);
  }
}

/** Debiased, so that the first points are not drawn towards zero. The weight's exponent is the distance to the point before. */
function exponential(weight: number, y: Float64Array, distance: (place: number) => number): Float64Array {
  const result = new Float64Array(y.length);
  let total = 0;
  let mass = 0;
  for (let place = 0; place < y.length; place++) {
    const value = y[place] as number;
    if (!Number.isFinite(value)) {
      result[place] = value;
      continue;
    }
    const kept = weight ** distance(place);
    total = total * kept + value * (1 - weight);
    mass = mass * kept + (1 - weight);
    result[place] = mass > 0 ? total / mass : value;
  }
  return result;
}

/** Distances in x, in units of the mean distance: an uneven curve is smoothed evenly along its axis. */
function timeWeights(x: Float64Array): (place: number) => number {
  const span = x.length > 1 ? ((x[x.length - 1] as number) - (x[0] as number)) / (x.length - 1) : 1;
  const unit = span > 0 ? span : 1;
  return (place) => (place === 0 ? 1 : Math.max(0, ((x[place] as number) - (x[place - 1] as number)) / unit));
}

/** A kernel cut at three standard deviations; `deviation` is in points. */
function gaussian(deviation: number, y: Float64Array): Float64Array {
  if (deviation === 0) return y;
  const reach = Math.ceil(3 * deviation);
  const kernel = Float64Array.from({ length: reach + 1 }, (_, away) => Math.exp(-0.5 * (away / deviation) ** 2));
  return Float64Array.from(y, (value, place) => {
    if (!Number.isFinite(value)) return value;
    let total = 0;
    let mass = 0;
    const last = Math.min(y.length - 1, place + reach);
    for (let other = Math.max(0, place - reach); other <= last; other++) {
      const near = y[other] as number;
      if (!Number.isFinite(near)) continue;
      const weight = kernel[Math.abs(other - place)] as number;
      total += near * weight;
      mass += weight;
    }
    return total / mass;
  });
}

/** The mean of the last `width` points, by sums from the start so that a long window costs no more than a short one. */
function runningMean(width: number, y: Float64Array): Float64Array {
  const result = new Float64Array(y.length);
  let total = 0;
  let count = 0;
  for (let place = 0; place < y.length; place++) {
    const value = y[place] as number;
    if (Number.isFinite(value)) {
      total += value;
      count++;
    }
    const gone = y[place - width] as number;
    if (place >= width && Number.isFinite(gone)) {
      total -= gone;
      count--;
    }
    result[place] = Number.isFinite(value) ? total / count : value;
  }
  return result;
}
