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

// Where each point stands: its number, or its epoch and how far into it.
export function positions(curve, axis) {
  if (axis !== "epoch" || curve.epochs.length !== curve.steps.length) return curve.steps;
  const { steps, epochs } = curve;
  const places = [];
  let length = 1;
  let before = 0; // epochs of an earlier training in the same run
  for (let start = 0; start < steps.length; ) {
    let end = start;
    while (end + 1 < steps.length && epochs[end + 1] === epochs[start]) end += 1;
    const whole = end + 1 < steps.length;
    if (start && epochs[start] < epochs[start - 1]) before += epochs[start - 1] + 1;
    const own = (whole ? steps[end + 1] : steps[end] + 1) - steps[start];
    length = whole ? own : Math.max(own, length);
    for (let index = start; index <= end; index += 1) places.push(before + epochs[start] + (steps[index] - steps[start] + 1) / length);
    start = end + 1;
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

export function csv(curves) {
  const cell = (text) => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  const rows = curves.flatMap(({ series, steps, values, epochs }) =>
    steps.map((step, at) => [cell(series.name), series.kind, step, epochs[at] ?? "", spell(values[at])].join(",")),
  );
  return ["curve,kind,step,epoch,value", ...rows].join("\n") + "\n";
}

export function json(curves) {
  const plain = curves.map(({ series, steps, values, epochs, count }) => ({
    name: series.name, kind: series.kind, count, steps, epochs, values: values.map(spell),
  }));
  return JSON.stringify({ curves: plain }, null, 1) + "\n";
}
