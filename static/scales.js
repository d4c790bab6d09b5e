// Which curves can share a scale, in which order they are told, and which of their points a picture can show.
import { keyOf } from "./curves.js";

const FLAT = 6; // so many times smaller than another, a curve is a flat line beside it
const MOST = 4;
const RANKS = [/^(total_?)?loss$|^cost$|^损失$/i, /^(train(ing)?_?)?loss/i, /loss|cost|损失/i];

const reach = ({ low, high }) => Math.max(Math.abs(low), Math.abs(high)) || 0;

// What is trained first, then what it is made of, then what only measures it.
export function inOrder(curves) {
  const rank = ({ series: { kind, name } }) => {
    const found = RANKS.findIndex((pattern) => pattern.test(name));
    return kind === "metric" ? RANKS.length + 1 : found < 0 ? RANKS.length : found;
  };
  return [...curves].sort((one, two) => rank(one) - rank(two));
}

// Curves by what they reach, so that none is flattened by another: a map from each curve's key to its plot's number.
// The plots stand in the order of the curves.
export function apart(curves) {
  const known = curves.filter((curve) => reach(curve) > 0 && Number.isFinite(reach(curve)));
  const groups = [curves.filter((curve) => !known.includes(curve))];
  let least = 0;
  for (const curve of known.sort((one, two) => reach(one) - reach(two))) {
    if (!least) least = reach(curve);
    else if (reach(curve) > FLAT * least && groups.length < MOST) {
      groups.push([]);
      least = reach(curve);
    }
    groups.at(-1).push(curve);
  }
  const first = (group) => Math.min(...group.map((curve) => curves.indexOf(curve)));
  groups.sort((one, two) => first(one) - first(two));
  return new Map(groups.flatMap((group, number) => group.map((curve) => [keyOf(curve.series), number])));
}

// What a picture so many columns wide can show of a line: of each column the least and the greatest, and a gap where
// something is no number. One point beyond either end stays, for the line to leave the picture at.
export function visible({ xs, ys, log }, low, high, columns) {
  const from = Math.max(0, place(xs, low) - 1);
  const to = Math.min(xs.length, place(xs, high) + 2);
  if (to - from <= 2 * columns || !(high > low)) return { xs: xs.slice(from, to), ys: ys.slice(from, to), log };
  const kept = { xs: [], ys: [], log };
  const keep = (at) => { kept.xs.push(xs[at]); kept.ys.push(ys[at]); };
  const width = (high - low) / columns;
  for (let at = from; at < to; ) {
    const edge = low + (Math.floor((xs[at] - low) / width) + 1) * width;
    let [least, most, bad] = [-1, -1, -1];
    const start = at;
    for (; at < to && (at === start || xs[at] < edge); at += 1) {
      const y = ys[at];
      if (!Number.isFinite(y) || (log && y <= 0)) bad = at;
      else {
        if (least < 0 || y < ys[least]) least = at;
        if (most < 0 || y > ys[most]) most = at;
      }
    }
    const last = at === to ? at - 1 : -1; // where the line ends is exact
    for (const each of [...new Set([least, most, bad, last])].sort((one, two) => one - two)) if (each >= 0) keep(each);
  }
  return kept;
}

// The first of rising places that is not below `x`.
export function place(xs, x) {
  let [low, high] = [0, xs.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (xs[middle] < x) low = middle + 1;
    else high = middle;
  }
  return low;
}

// The newest value of a line up to `x`; undefined before it begins.
export function valueAt({ xs, ys }, x) {
  const at = place(xs, x);
  return ys[xs[at] === x ? at : at - 1];
}
