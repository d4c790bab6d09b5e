// The curves of a run as plain data: what the events say, put together; nothing here touches the page.
// A curve is { series, steps, values, epochs }; values are numbers, NaN and the infinities included.

const MOST = 6_000; // points kept of one curve while it grows; the server's own curve replaces it at the end
const NEWEST = 2_000;
const SPELLED = { NaN: NaN, Infinity: Infinity, "-Infinity": -Infinity };

export const numberOf = (value) => (typeof value === "number" ? value : SPELLED[value] ?? NaN);
export const spell = (value) => (Number.isFinite(value) ? value : String(value));
export const keyOf = (series) => `${series.kind} ${series.name}`;

export const GROUPS = { loss: "loss", metric: "loss", learning_rate: "rate", grad_norm: "norms", update_ratio: "updates", watched: "watched" };

export class Curves {
  constructor() {
    this.byIndex = new Map();
  }

  get all() {
    return [...this.byIndex.values()].filter((curve) => curve.steps.length);
  }

  // New series and points; points that are known already are passed over.
  take({ new_series, points }) {
    for (const series of new_series) if (!this.byIndex.has(series.index)) this.byIndex.set(series.index, emptyCurve(series));
    for (const more of points) {
      const curve = this.byIndex.get(more.series);
      if (!curve) continue;
      const last = curve.steps.length ? curve.steps[curve.steps.length - 1] : -1;
      for (let index = 0; index < more.steps.length; index += 1) {
        if (more.steps[index] > last) push(curve, more.steps[index], numberOf(more.values[index]), more.epochs[index]);
      }
      curve.count += more.left_out;
      if (curve.steps.length > MOST) thin(curve);
    }
  }

  // All curves as the server has them.
  replace(curves) {
    this.byIndex = new Map(curves.map((each) => [each.series.index, readCurve(each)]));
  }
}

function emptyCurve(series) {
  return { series, steps: [], values: [], epochs: [], count: 0, first: NaN, low: NaN, lowAt: 0, high: NaN, bad: null, badValue: NaN };
}

function push(curve, step, value, epoch) {
  if (!curve.count) curve.first = value;
  curve.count += 1;
  curve.steps.push(step);
  curve.values.push(value);
  if (epoch !== undefined || curve.epochs.length) {
    while (curve.epochs.length < curve.steps.length) curve.epochs.push(curve.epochs.at(-1) ?? 0); // from before loops were seen to be nested
    curve.epochs[curve.epochs.length - 1] = epoch ?? curve.epochs.at(-1);
  }
  note(curve, step, value);
}

function note(curve, step, value) {
  if (Number.isFinite(value)) {
    if (!(curve.low <= value)) [curve.low, curve.lowAt] = [value, step];
    if (!(curve.high >= value)) curve.high = value;
  } else if (curve.bad === null) [curve.bad, curve.badValue] = [step, value];
}

function readCurve(given) {
  const { series, points } = given;
  const curve = emptyCurve(series);
  points.steps.forEach((step, index) => push(curve, step, numberOf(points.values[index]), points.epochs[index]));
  return Object.assign(curve, { count: given.count, first: numberOf(given.first) });
}

// Half of the older points: of every four the least, the greatest and what is no number.
function thin(curve) {
  const { steps, values, epochs } = curve;
  const kept = [];
  const old = steps.length - NEWEST;
  for (let start = 0; start < old; start += 4) {
    const stretch = [start, start + 1, start + 2, start + 3].filter((index) => index < old);
    const finite = stretch.filter((index) => Number.isFinite(values[index])).sort((one, two) => values[one] - values[two]);
    const chosen = new Set([finite[0], finite.at(-1), stretch.find((index) => !Number.isFinite(values[index]))]);
    if (start === 0) chosen.add(0);
    kept.push(...stretch.filter((index) => chosen.has(index)));
  }
  for (let index = old; index < steps.length; index += 1) kept.push(index);
  curve.steps = kept.map((index) => steps[index]);
  curve.values = kept.map((index) => values[index]);
  if (epochs.length) curve.epochs = kept.map((index) => epochs[index]);
}

// Passes of the outer loop, rising: those of a second training in the same run follow those of the first.
function rising(epochs) {
  let before = 0;
  return epochs.map((epoch, at) => {
    if (at && epoch < epochs[at - 1]) before += epochs[at - 1] + 1;
    return before + epoch;
  });
}

const hasEpochs = ({ steps, epochs }) => steps.length > 0 && epochs.length === steps.length;

// Where each epoch begins and how many steps it has, as the curve with the most points tells it.
export function epochsOf(curves) {
  const told = new Map();
  const leader = curves.filter(hasEpochs).reduce((most, curve) => (most && most.count >= curve.count ? most : curve), null);
  if (!leader) return told;
  const epochs = rising(leader.epochs);
  let length = 1;
  for (let start = 0; start < epochs.length; ) {
    let end = start;
    while (end + 1 < epochs.length && epochs[end + 1] === epochs[start]) end += 1;
    const whole = end + 1 < epochs.length;
    const own = (whole ? leader.steps[end + 1] : leader.steps[end] + 1) - leader.steps[start];
    length = whole ? own : Math.max(own, length); // the newest is thought to be as long as the one before it
    told.set(epochs[start], { start: leader.steps[start], length });
    start = end + 1;
  }
  return told;
}

// Where each point stands: at its step, or at its epoch and how far into it. `known` is what `epochsOf` tells.
export function positions(curve, axis, known) {
  if (axis !== "epoch" || !hasEpochs(curve)) return curve.steps;
  const { steps } = curve;
  const epochs = rising(curve.epochs);
  const places = [];
  for (let first = 0; first < steps.length; ) {
    let last = first;
    while (last + 1 < steps.length && epochs[last + 1] === epochs[first]) last += 1;
    let { start, length } = known.get(epochs[first]) ?? { start: steps[first], length: 0 };
    // What is counted after the epoch's last step, e.g. batches of a validation set, is spread over the epoch.
    if (steps[last] - start + 1 > length || steps[first] < start) [start, length] = [steps[first], steps[last] - steps[first] + 1];
    for (let at = first; at <= last; at += 1) places.push(epochs[first] + (steps[at] - start + 1) / length);
    first = last + 1;
  }
  return places;
}

// A running mean that forgets: weight 0 leaves the values, 0.99 looks back about a hundred points.
export function smooth(values, weight) {
  if (!weight) return values;
  let mean = 0;
  let seen = 0;
  return values.map((value) => {
    if (!Number.isFinite(value)) return value;
    mean = weight * mean + (1 - weight) * value;
    seen = weight * seen + (1 - weight);
    return mean / seen;
  });
}

// Several curves over one axis, as uPlot wants them: null breaks a line, undefined lets it pass.
export function align(lines) {
  const places = [];
  const columns = lines.map(() => []);
  const next = lines.map(() => 0);
  for (;;) {
    let place = Infinity;
    lines.forEach(({ xs }, line) => { if (next[line] < xs.length && xs[next[line]] < place) place = xs[next[line]]; });
    if (place === Infinity) return [places, ...columns];
    places.push(place);
    lines.forEach(({ xs, ys, log }, line) => {
      if (xs[next[line]] !== place) columns[line].push(undefined);
      else {
        const value = ys[next[line]];
        columns[line].push(Number.isFinite(value) && !(log && value <= 0) ? value : null);
        next[line] += 1;
      }
    });
  }
}

// For each of the rising places the newest value since the place before; undefined where there is none.
export function sample({ xs, ys }, places) {
  let at = 0;
  return places.map((place) => {
    let value;
    for (; at < xs.length && xs[at] <= place; at += 1) value = ys[at];
    return value;
  });
}

// Of one or several runs, each `{ name, curves }`.
export function csv(runs) {
  const cell = (text) => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  const rows = runs.flatMap(({ name, curves }) => curves.flatMap(({ series, steps, values, epochs }) =>
    steps.map((step, at) => [cell(name), cell(series.name), series.kind, step, epochs[at] ?? "", spell(values[at])].join(",")),
  ));
  return ["run,curve,kind,step,epoch,value", ...rows].join("\n") + "\n";
}

export function json(runs) {
  const plain = runs.flatMap(({ name, curves }) => curves.map(({ series, steps, values, epochs, count }) => ({
    run: name, name: series.name, kind: series.kind, count, steps, epochs, values: values.map(spell),
  })));
  return JSON.stringify({ curves: plain }, null, 1) + "\n";
}
