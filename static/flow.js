// How gradients flow through the layers and how far each update moves a weight: numbers, words and places on log scales.

const TINY = 1e-7;
const HUGE = 1e3;
const UPDATES = [-6, 0];
const SIGNS = { none: "○", dead: "○", vanishing: "▼", exploding: "▲", bad: "✕" };

// Mean and greatest size of a parameter's newest gradient, and a word where something is wrong with it.
export function flowOf({ weight, grad }) {
  const newest = grad?.histograms.at(-1);
  if (!newest) return { mean: null, max: null, word: "none", sign: SIGNS.none };
  const max = newest.low === null ? NaN : Math.max(Math.abs(newest.low), Math.abs(newest.high));
  const word = wordOf(newest, max);
  return { mean: Number(newest.mean_size ?? NaN), max, word, sign: SIGNS[word] };
}

function wordOf(newest, max) {
  if (newest.not_finite) return "bad";
  if (max === 0) return "dead";
  if (max <= TINY) return "vanishing";
  return max > HUGE ? "exploding" : "";
}

// Powers of ten from which to which the sizes are drawn; null is for updates, which have a scale of their own.
export function scaleOf(flows) {
  if (flows === null) return UPDATES;
  const sizes = flows.flatMap(({ mean, max }) => [mean, max]).filter((size) => size > 0 && size < Infinity).map(Math.log10);
  if (!sizes.length) return [-6, 0];
  const [low, high] = [Math.floor(Math.min(...sizes)), Math.ceil(Math.max(...sizes))];
  return [Math.max(low, high - 12), Math.max(high, low + 1)];
}

// Percent of the way along a scale; what is too small, or no number, stands at its start.
export function place([low, high], size) {
  if (!(size > 0)) return 0;
  return Math.min(100, Math.max(0, (100 * (Math.log10(size) - low)) / (high - low)));
}

// The newest finite update-to-weight ratio of a parameter; null where there is none.
export function update(curves, name) {
  const curve = curves.find(({ series }) => series.kind === "update_ratio" && series.name === name);
  const last = curve?.values.at(-1);
  return Number.isFinite(last) ? last : null;
}
