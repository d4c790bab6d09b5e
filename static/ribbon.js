// A ribbon: histograms over time as a heat map on a canvas. Steps run across, values upwards; nothing here knows the page.
import { set } from "./dom.js";
import { short } from "./plot.js";

const MOST = 160; // histograms kept of one ribbon while it grows; the server's own take their place at the end
const OUTLYING = 4; // a whole range wider than that many usual ones is cut, and the picture says so
const MARGIN = { left: 52, right: 8, top: 8, bottom: 20 };
const NO_MARGIN = { left: 0, right: 0, top: 0, bottom: 0 };

export class Ribbons {
  constructor() {
    this.byIndex = new Map();
  }

  get all() {
    return [...this.byIndex.values()].sort((one, other) => one.index - other.index);
  }

  take(ribbons) {
    for (const more of ribbons) {
      const ribbon = this.byIndex.get(more.index) ?? { ...more, histograms: [] };
      this.byIndex.set(more.index, ribbon);
      const last = ribbon.histograms.at(-1)?.step ?? -1;
      ribbon.histograms.push(...more.histograms.filter(({ step }) => step > last));
      if (ribbon.histograms.length > MOST) ribbon.histograms = thin(ribbon.histograms);
    }
  }

  replace(ribbons) {
    this.byIndex = new Map(ribbons.map((ribbon) => [ribbon.index, ribbon]));
  }
}

const reach = ({ low, high, not_finite: bad }) => (bad || low === null ? Infinity : Math.max(Math.abs(low), Math.abs(high)));

// One histogram of each stretch of steps: the one that reaches furthest. The first and the newest stay.
function thin(histograms) {
  const width = Math.max(1, (2 * histograms.at(-1).step) / MOST);
  const kept = new Map();
  for (const each of histograms) {
    const stretch = Math.floor(each.step / width);
    if (!kept.has(stretch) || reach(each) > reach(kept.get(stretch))) kept.set(stretch, each);
  }
  return [...new Set([histograms[0], ...kept.values(), histograms.at(-1)])].sort((one, other) => one.step - other.step);
}

// From where to where the values are drawn. A few steps far beyond all others must not flatten these.
export function rangeOf(histograms) {
  const known = histograms.filter(({ low }) => low !== null);
  if (!known.length) return null;
  const rising = (values) => values.sort((one, other) => one - other);
  const [lows, highs] = [rising(known.map(({ low }) => low)), rising(known.map(({ high }) => high))];
  const at = Math.floor(known.length / 10);
  const newest = known.at(-1);
  const usual = [Math.min(newest.low, lows[at]), Math.max(newest.high, highs.at(-1 - at))];
  const whole = [lows[0], highs.at(-1)];
  const [low, high] = whole[1] - whole[0] > OUTLYING * (usual[1] - usual[0]) && usual[1] > usual[0] ? usual : whole;
  const beyond = known.filter((each) => each.low < low || each.high > high);
  const far = Math.max(...beyond.map(reach), 0);
  const room = (high - low || Math.abs(high) || 1) * 0.04;
  return { low: low - room, high: high + room, beyond: beyond.length, far };
}

// Where everything stands on a canvas of that size, in CSS pixels.
export function geometryOf(ribbon, width, height, axes) {
  const margin = axes ? MARGIN : NO_MARGIN;
  const { histograms } = ribbon;
  const range = rangeOf(histograms) ?? { low: -1, high: 1, beyond: 0, far: 0 };
  const [first, last] = [histograms[0].step, histograms.at(-1).step];
  const across = width - margin.left - margin.right;
  const down = height - margin.top - margin.bottom;
  const stride = (last - first) / Math.max(1, histograms.length - 1) || 1;
  const xOf = (step) => margin.left + ((step - first) / (last - first + stride)) * across;
  const edges = [...histograms.map(({ step }) => xOf(step)), margin.left + across];
  const yOf = (value) => margin.top + ((range.high - value) / (range.high - range.low)) * down;
  const valueOf = (y) => range.high - ((y - margin.top) / down) * (range.high - range.low);
  return { ribbon, range, margin, width, height, across, down, edges, xOf, yOf, valueOf };
}

export const binOf = ({ low, high, counts }, value) =>
  low === null || value < low || value > high ? -1 : Math.min(counts.length - 1, Math.floor(((value - low) / (high - low || 1)) * counts.length));

export function binRange({ low, high, counts }, bin) {
  const width = (high - low) / counts.length;
  return [low + bin * width, bin === counts.length - 1 ? high : low + (bin + 1) * width];
}

// What lies at a place: the number of the histogram and of its bin, -1 for none.
export function placeAt(geometry, x, y) {
  const { edges, ribbon } = geometry;
  let column = 0;
  while (column < ribbon.histograms.length - 1 && edges[column + 1] <= x) column += 1;
  return { column, bin: binOf(ribbon.histograms[column], geometry.valueOf(y)) };
}

// `colours`: { ramp: 256 x [r, g, b], soft, line, bad, ink }; with a `label` for the steps there are axes; `chosen` is a
// place as placeAt gives it.
export function paint(canvas, geometry, colours, { label = "", chosen = null } = {}) {
  const scale = devicePixelRatio;
  const [width, height] = [geometry.width, geometry.height];
  const context = canvas.getContext("2d");
  context.setTransform(1, 0, 0, 1, 0, 0);
  set(canvas, { width: Math.round(width * scale), height: Math.round(height * scale) });
  context.clearRect(0, 0, canvas.width, canvas.height);
  paintHeat(context, geometry, colours, scale);
  context.scale(scale, scale);
  paintMarks(context, geometry, colours);
  if (label) paintAxes(context, geometry, colours, label);
  if (chosen) paintChosen(context, geometry, colours, chosen);
}

function paintHeat(context, geometry, { ramp }, scale) {
  const { margin, across, down, edges, ribbon } = geometry;
  const [left, top] = [Math.round(margin.left * scale), Math.round(margin.top * scale)];
  const [width, height] = [Math.max(1, Math.round(across * scale)), Math.max(1, Math.round(down * scale))];
  const image = context.createImageData(width, height);
  const pixels = new Uint32Array(image.data.buffer);
  ribbon.histograms.forEach((histogram, column) => {
    const from = Math.max(0, Math.round(edges[column] * scale) - left);
    const to = Math.min(width, Math.max(from + 1, Math.round(edges[column + 1] * scale) - left));
    const fullest = Math.max(1, ...histogram.counts);
    for (let y = 0; y < height; y += 1) {
      const [high, low] = [geometry.valueOf((top + y) / scale), geometry.valueOf((top + y + 1) / scale)];
      // A row may hold several bins, or a bin less than a row: the fullest of them shows.
      const [first, last] = [binOf(histogram, Math.max(low, histogram.low)), binOf(histogram, Math.min(high, histogram.high))];
      if (first < 0 || last < 0 || high < histogram.low || low > histogram.high) continue;
      const count = Math.max(...histogram.counts.slice(first, last + 1));
      if (count) pixels.fill(packed(ramp[Math.round(40 + 215 * (count / fullest))]), y * width + from, y * width + to);
    }
  });
  context.putImageData(image, left, top);
}

// As a canvas has it in memory.
const packed = ([red, green, blue]) => ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0;

// Steps whose values reach beyond the scale, or are no numbers, are marked by shape as well as colour.
function paintMarks(context, { ribbon, range, margin, down, edges }, { bad }) {
  context.fillStyle = context.strokeStyle = bad;
  context.lineWidth = 1.5;
  ribbon.histograms.forEach((each, column) => {
    const x = (edges[column] + edges[column + 1]) / 2;
    if (each.not_finite) {
      const y = margin.top + down / 2;
      context.beginPath();
      context.moveTo(x - 3, y - 3); context.lineTo(x + 3, y + 3);
      context.moveTo(x - 3, y + 3); context.lineTo(x + 3, y - 3);
      context.stroke();
    }
    if (each.high > range.high) triangle(context, x, margin.top, 1);
    if (each.low !== null && each.low < range.low) triangle(context, x, margin.top + down, -1);
  });
}

function triangle(context, x, y, way) {
  context.beginPath();
  context.moveTo(x, y); context.lineTo(x - 3, y + 5 * way); context.lineTo(x + 3, y + 5 * way);
  context.fill();
}

function paintAxes(context, geometry, { soft, line }, label) {
  const { margin, range, ribbon, height, across, down } = geometry;
  context.font = "12px system-ui, sans-serif";
  context.fillStyle = soft;
  context.strokeStyle = line;
  context.lineWidth = 1;
  context.strokeRect(margin.left - 0.5, margin.top - 0.5, across + 1, down + 1);
  context.textAlign = "right";
  context.textBaseline = "middle";
  for (const value of ticks(range.low, range.high)) {
    const y = geometry.yOf(value);
    context.fillText(short(value), margin.left - 7, y);
    context.beginPath(); context.moveTo(margin.left - 4, y); context.lineTo(margin.left, y); context.stroke();
  }
  context.textBaseline = "alphabetic";
  context.textAlign = "left";
  context.fillText(short(ribbon.histograms[0].step), margin.left, height - 5);
  context.textAlign = "center";
  context.fillText(label, margin.left + across / 2, height - 5);
  context.textAlign = "right";
  context.fillText(short(ribbon.histograms.at(-1).step), margin.left + across, height - 5);
}

// Round values inside a range, zero among them where it lies inside.
export function ticks(low, high) {
  const rough = (high - low) / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((each) => each * power).find((each) => each >= rough);
  const found = [];
  for (let at = Math.ceil(low / step); at * step <= high && found.length < 9; at += 1) found.push(at * step);
  return found;
}

function paintChosen(context, geometry, { ink }, { column, bin }) {
  const { edges, margin, down, ribbon } = geometry;
  const [left, width] = [edges[column], Math.max(2, edges[column + 1] - edges[column])];
  context.strokeStyle = ink;
  context.lineWidth = 1;
  context.strokeRect(left - 0.5, margin.top + 0.5, width + 1, down - 1);
  if (bin < 0) return;
  const [low, high] = binRange(ribbon.histograms[column], bin);
  context.lineWidth = 2;
  const top = Math.max(margin.top, geometry.yOf(high));
  context.strokeRect(left - 2, top - 1, width + 4, Math.min(margin.top + down, geometry.yOf(low)) - top + 2);
}
