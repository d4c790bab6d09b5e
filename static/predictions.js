// What the models found say of their data: a line, a surface with its boundary, probabilities; before and now.
import { numberOf } from "./curves.js";
import { element, press, pressOne, set, write } from "./dom.js";
import { SHAPES, startField } from "./field.js";
import { inSight, sometimes, soon } from "./pace.js";
import { short } from "./plot.js";
import { showChances } from "./chances.js";

const SPOKEN = 4_000; // milliseconds between summaries read aloud
const ROWS = 200;
const CLASSES = 8;
const VIRIDIS = [[68, 1, 84], [59, 82, 139], [33, 145, 140], [94, 201, 98], [253, 231, 37]];

export function startPredictions() {
  const panel = document.getElementById("predictions");
  const part = (id) => document.getElementById(`predictions-${id}`);
  const say = (word, values = {}) => panel.dataset[word].replace(/\{(\w+)\}/g, (gap, name) => values[name] ?? gap);
  const state = { models: new Map(), model: null, view: null, time: "now", off: new Set(), spoken: 0, timer: 0, keys: [] };
  const field = startField(part("field"), showReading);
  const show = inSight(panel, showAll);

  // ---------------------------------------------------------------------------------------- what there is

  const looks = () => state.models.get(state.model) ?? {};
  const shown = () => (state.time === "before" && looks().before ? looks().before : looks().now ?? looks().before);

  const nameOf = (look) => look.name || say("nameless");

  function viewsOf({ now, before }) {
    const look = now ?? before;
    const views = [];
    if (look.line) views.push("line");
    if (look.surface) views.push(look.surface.level === null && !look.surface.classes.length ? "surface" : "boundary");
    else if (look.data.inputs.length === 2) views.push("points");
    else if (look.data.inputs.length === 1 && !look.line) views.push("points");
    else if (look.kind === "regression") views.push("against"); // too many inputs to draw
    if (look.probabilities) views.push("chances");
    return views;
  }

  function draw(always = false) {
    set(panel, { hidden: !state.models.size });
    if (panel.hidden) return;
    show(always);
    speakSoon();
  }
  const move = () => draw();
  const redraw = () => draw(true);

  function showAll() {
    if (!state.models.has(state.model)) state.model = [...state.models.keys()].sort((one, two) => one - two)[0];
    const views = viewsOf(looks());
    if (!views.includes(state.view)) state.view = views[0];
    choices("models", [...state.models].sort(([one], [two]) => one - two).map(([index, each]) => [String(index), nameOf(each.now ?? each.before)]), String(state.model));
    choices("views", views.map((view) => [view, say(view)]), state.view);
    const flat = ["boundary", "surface", "points", "against"].includes(state.view);
    set(part("time"), { hidden: !flat || !looks().before || !looks().now });
    pressOne(part("time"), state.time);
    showCaption();
    const scene = { line: lineScene, against: againstScene, points: planeScene, surface: planeScene, boundary: planeScene }[state.view];
    for (const id of ["field", "reading", "legend"]) set(part(id), { hidden: !scene });
    set(part("chances"), { hidden: state.view !== "chances" });
    if (state.view === "chances") showChances(part, say, looks(), { classColour, classShape });
    if (scene) field.show(scene());
    showLegend();
    showReading(field.reading() === null ? null : { point: field.reading() });
    if (part("table").open) showTable();
  }

  function showCaption() {
    const look = state.view === "line" || state.view === "chances" ? looks().now ?? looks().before : shown();
    const text = say(look.own ? "own" : "asked", { name: nameOf(look), step: look.step, count: look.data.rows.length }).replaceAll("`", "");
    write(part("caption"), text);
  }

  // -------------------------------------------------------------------------------------------- the scenes

  const labelsOf = (look) => [...new Set(look.data.targets.map(numberOf))].sort((one, two) => one - two);
  const isDecision = (look) => look.kind !== "regression" || (labelsOf(look).length <= 2 && look.data.inputs.length === 2);
  const classShape = (label, labels) => Math.max(0, labels.indexOf(label));
  function classColour(label, labels) {
    if (labels.length <= 2) return label === labels[0] && (labels.length === 2 || label === 0) ? "--negative" : "--positive";
    return `--curve-${classShape(label, labels) % CLASSES}`;
  }

  function lineScene() {
    const { now, before } = looks();
    const look = now ?? before;
    const [xs] = look.data.inputs;
    const targets = look.data.targets.map(numberOf);
    const lines = [];
    if (before && now && !state.off.has("before")) lines.push({ ...lineOf(before), colour: "--soft", dash: [6, 5], width: 2, below: true });
    if (!state.off.has("now")) lines.push({ ...lineOf(look), colour: "--accent" });
    const points = state.off.has("target") ? [] : targets.map((y, at) => ({ x: numberOf(xs[at]), y, colour: "--curve-1" }));
    const heights = [...targets, ...(look.kind === "binary" ? [0, 1] : [])];
    const [left, right] = extent(look.line.xs, look.own ? 0.04 : 0);
    return { left, right, ...vertical(heights, lines), lines, points, labels: look.axes, pointSize: targets.length > 100 ? 3 : 4 };
  }

  const lineOf = (look) => ({ xs: look.line.xs.map(numberOf), ys: look.line.ys.map(numberOf) });

  // What was predicted over what is true: the nearer to the diagonal, the better.
  function againstScene() {
    const look = shown();
    const ends = extent(look.data.targets, 0.08);
    const rows = look.data.rows.map((_, at) => ({ x: numberOf(look.data.targets[at]), y: numberOf(look.data.predicted[at]), at, colour: "--accent" }));
    const points = rows.filter(({ x, y }) => Number.isFinite(x) && Number.isFinite(y));
    state.keys = points.map(({ at }) => at);
    const exact = { xs: ends, ys: ends, colour: "--soft", dash: [6, 5], width: 2, below: true };
    const { bottom, top } = vertical(ends, [{ ys: points.map(({ y }) => y) }]);
    return { left: ends[0], right: ends[1], bottom, top, lines: [exact], points, labels: [look.axes.at(-1), say("predicted")], square: true, pointSize: points.length > 200 ? 3.5 : 4.5 };
  }

  function planeScene() {
    const look = shown();
    const { inputs, targets, predicted } = look.data;
    const labels = labelsOf(look);
    const decision = isDecision(look) && labels.length <= SHAPES.length;
    const [xs, ys] = inputs.map((column) => column.map(numberOf));
    const points = xs.map((x, at) => {
      const target = numberOf(targets[at]);
      return {
        x, y: ys ? ys[at] : target, shape: decision ? classShape(target, labels) : 0,
        colour: decision ? classColour(target, labels) : shade(target, look), wrong: decision && isWrong(look, at, labels),
      };
    }).filter((_, at) => !state.off.has(String(numberOf(targets[at]))));
    state.keys = xs.map((_, at) => at).filter((at) => !state.off.has(String(numberOf(targets[at]))));
    const labelsXY = [look.axes[0] ?? "", look.axes[1] ?? ""];
    const rest = { lines: [], points, labels: labelsXY, square: true, pointSize: points.length > 200 ? 3.5 : 4.5 };
    if (!look.surface) {
      const [[left, right], [bottom, top]] = [extent(xs, 0.08), extent(ys ?? targets, 0.08)];
      return { left, right, bottom, top, ...rest };
    }
    const { left, right, bottom, top, columns, level } = look.surface;
    const values = valuesOf(look.surface);
    return {
      left, right, bottom, top, ...rest, image: { columns, pixels: paint(look, values, labels) },
      level: level === null ? null : { columns, values, at: level },
    };
  }

  const valuesOf = ({ cells, low, high }) => cells.map((cell) => (cell === 255 ? NaN : low + (cell / 254) * (high - low)));

  function isWrong(look, at, labels) {
    const [target, value] = [numberOf(look.data.targets[at]), numberOf(look.data.predicted[at])];
    if (look.kind === "classes") return value !== target;
    const level = look.kind === "binary" ? 0.5 : (labels[0] + labels.at(-1)) / 2;
    return labels.length === 2 || look.kind === "binary" ? value > level !== target > level : false;
  }

  function paint(look, values, labels) {
    const { columns, classes, level, low, high } = look.surface;
    const rgb = (name) => field.colour(name).match(/[\d.]+/g).slice(0, 3).map(Number);
    const [neutral, negative, positive] = ["--neutral", "--negative", "--positive"].map(rgb);
    const hues = new Map([...new Set(classes)].map((label) => [label, rgb(classColour(label, labels.includes(label) ? labels : [...labels, label]))]));
    const count = Math.max(2, labels.length);
    const pixels = new Uint8ClampedArray(columns * columns * 4);
    values.forEach((value, at) => {
      const place = ((columns - 1 - Math.floor(at / columns)) * columns + (at % columns)) * 4;
      let ends = null;
      if (Number.isNaN(value)) ends = [neutral, rgb("--bad"), 0.5];
      else if (classes.length) ends = [neutral, hues.get(classes[at]), 0.4 + 0.3 * Math.max(0, (value - 1 / count) / (1 - 1 / count))];
      else if (level === null) ends = viridis((value - low) / (high - low));
      else ends = value < level ? [neutral, negative, 0.6 * ((level - value) / (level - low))] : [neutral, positive, 0.6 * ((value - level) / (high - level))];
      for (let part = 0; part < 3; part += 1) pixels[place + part] = ends[0][part] + (ends[1][part] - ends[0][part]) * ends[2];
      pixels[place + 3] = 255;
    });
    return pixels;
  }

  function shade(value, look) {
    const [low, high] = look.surface ? [look.surface.low, look.surface.high] : extent(look.data.targets, 0);
    const [one, two, share] = viridis((value - low) / (high - low));
    return `rgb(${one.map((each, at) => Math.round(each + (two[at] - each) * share)).join(" ")})`;
  }

  // ---------------------------------------------------------------------------------------------- in words

  function showLegend() {
    const legend = part("legend");
    if (legend.hidden) return;
    const entries = { line: lineLegend, against: againstLegend }[state.view]?.() ?? planeLegend();
    const key = JSON.stringify(entries);
    if (legend.dataset.key !== key) {
      legend.dataset.key = key;
      legend.replaceChildren(...entries.map(legendEntry));
    }
    for (const entry of legend.querySelectorAll("button")) press(entry, !state.off.has(entry.value));
  }

  function legendEntry({ off, sign, scale, colour, text }) {
    const entry = off === undefined ? element("span", "legend-fact") : Object.assign(element("button", "curve"), { type: "button", value: off });
    if (sign) {
      const mark = element("span", "legend-sign", sign);
      mark.setAttribute("aria-hidden", "true");
      mark.style.color = `var(${colour})`;
      entry.append(mark);
    }
    if (scale) entry.append(element("span", "legend-scale"));
    entry.append(element("span", "curve-name", text));
    return entry;
  }

  function lineLegend() {
    const { now, before } = looks();
    const entries = [{ off: "target", sign: "●", colour: "--curve-1", text: say("target", { name: (now ?? before).axes.at(-1) }) }, { off: "now", sign: "━", colour: "--accent", text: say("now") }];
    if (now && before) entries.push({ off: "before", sign: "┅", colour: "--soft", text: say("before") });
    return entries;
  }

  const againstLegend = () => [{ sign: "●", colour: "--accent", text: say("rows", { count: state.keys.length }) }, { sign: "┅", colour: "--soft", text: say("exact") }];

  function planeLegend() {
    const look = shown();
    const labels = labelsOf(look);
    const entries = [];
    if (isDecision(look) && labels.length <= SHAPES.length) {
      for (const label of labels) entries.push({ off: String(label), sign: SHAPES[classShape(label, labels)], colour: classColour(label, labels), text: say("class", { label: short(label) }) });
      if (look.data.targets.some((_, at) => isWrong(look, at, labels))) entries.push({ sign: "◯", colour: "--bad", text: say("wrong") });
    }
    const { surface } = look;
    if (surface?.level != null) entries.push({ sign: "━", colour: "--ink", text: say("level", { level: short(surface.level) }) });
    if (surface && surface.level === null && !surface.classes.length) entries.push({ scale: true, text: say("scale", { low: short(surface.low), high: short(surface.high) }) });
    else if (surface) entries.push({ text: say("unsure") });
    return entries;
  }

  function showReading(reading) {
    write(part("reading"), reading ? tellReading(reading) : "");
  }

  function tellReading({ point, x, y }) {
    const look = state.view === "line" ? looks().now ?? looks().before : shown();
    if (!look) return "";
    const place = (values) => values.map((value, at) => `${look.axes[at]} = ${short(value)}`).join(", ");
    if (point !== null && point !== undefined) {
      const at = state.view === "line" ? point : state.keys[point];
      const values = look.data.inputs.map((column) => numberOf(column[at]));
      const target = `${look.axes.at(-1)} = ${short(numberOf(look.data.targets[at]))}`;
      return say("point", { place: place(values) || `${say("row")} ${look.data.rows[at]}`, target, now: valueOf(looks().now ?? look, look.data.rows[at]), before: valueOf(looks().before, look.data.rows[at]) });
    }
    if (!look.surface) return "";
    const { columns, left, right, bottom, top, classes } = look.surface;
    const column = Math.round(((x - left) / (right - left)) * (columns - 1));
    const row = Math.round(((y - bottom) / (top - bottom)) * (columns - 1));
    const value = short(Number(valuesOf(look.surface)[row * columns + column]?.toPrecision(3)));
    if (classes.length) return say("likely", { place: place([x, y].map((each) => Number(each.toPrecision(3)))), label: classes[row * columns + column], share: value });
    return say("place", { place: place([x, y].map((each) => Number(each.toPrecision(3)))), now: value });
  }

  function valueOf(look, row) {
    const at = look ? look.data.rows.indexOf(row) : -1;
    return at < 0 ? "–" : short(numberOf(look.data.predicted[at]));
  }

  function summaryOf(look) {
    if (!look) return null;
    const labels = labelsOf(look);
    if (isDecision(look)) return look.data.rows.filter((_, at) => !isWrong(look, at, labels)).length;
    const distances = look.data.targets.map((target, at) => Math.abs(numberOf(target) - numberOf(look.data.predicted[at])));
    return distances.reduce((sum, each) => sum + each, 0) / Math.max(1, distances.length);
  }

  function speakSoon() {
    clearTimeout(state.timer);
    state.timer = setTimeout(() => {
      state.spoken = performance.now();
      const { now, before } = looks();
      const look = now ?? before;
      if (!look) return;
      const tell = (each) => { const found = summaryOf(each); return found === null ? "–" : short(found); };
      const text = say(isDecision(look) ? "right" : "distance", { name: nameOf(look), now: tell(look), before: tell(before), count: look.data.rows.length });
      write(part("summary"), text);
    }, Math.max(0, state.spoken + SPOKEN - performance.now()));
  }

  function showTable() {
    const look = looks().now ?? looks().before;
    const table = part("table").querySelector("table");
    const head = element("tr");
    head.append(...[say("row"), ...look.axes.slice(0, look.data.inputs.length), look.axes.at(-1), say("predicted"), say("earlier")].map((text) => element("th", "", text)));
    table.tHead.replaceChildren(head);
    const tell = (value) => short(numberOf(value));
    table.tBodies[0].replaceChildren(...look.data.rows.slice(0, ROWS).map((row, at) => {
      const cells = [...look.data.inputs.map((column) => tell(column[at])), tell(look.data.targets[at]), tell(look.data.predicted[at]), valueOf(looks().before, row)];
      const line = element("tr");
      line.append(element("th", "", String(row)), ...cells.map((cell) => element("td", "", cell)));
      return line;
    }));
  }

  // -------------------------------------------------------------------------------------------- what is pressed

  function choices(id, entries, chosen) {
    const group = part(id);
    set(group, { hidden: entries.length < 2 });
    const key = JSON.stringify(entries);
    if (group.dataset.key !== key) {
      group.dataset.key = key;
      group.replaceChildren(...entries.map(([value, text]) => Object.assign(element("button", "", text), { type: "button", value })));
    }
    pressOne(group, chosen);
  }

  const choose = (id, act) => part(id).addEventListener("click", (event) => {
    const chosen = event.target.closest("button");
    if (!chosen) return;
    act(chosen.value);
    soon(redraw);
  });
  choose("models", (index) => { state.model = Number(index); state.off.clear(); });
  choose("views", (view) => { state.view = view; state.off.clear(); });
  choose("time", (time) => { state.time = time; });
  choose("legend", (key) => { if (!state.off.delete(key)) state.off.add(key); });
  part("table").addEventListener("toggle", () => soon(redraw));
  const repaint = () => { field.repaint(); soon(redraw); };
  document.getElementById("themes").addEventListener("click", () => setTimeout(repaint));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaint);

  return {
    take(look) {
      const known = state.models.get(look.index);
      state.models.set(look.index, { ...(known?.name === look.name ? known : {}), name: look.name, [look.first ? "before" : "now"]: look });
      sometimes(move);
    },
    begin() {
      state.models.clear();
      state.off.clear();
      state.time = "now";
      part("summary").textContent = "";
      soon(redraw);
    },
  };
}

// From least to greatest with some room around.
function extent(values, room) {
  const finite = values.map(numberOf).filter(Number.isFinite);
  const [low, high] = finite.length ? [Math.min(...finite), Math.max(...finite)] : [0, 1];
  const more = (high - low || Math.abs(high) || 1) * (low === high ? 0.5 : room);
  return [low - more, high + more];
}

// Lines may leave the picture, but not squeeze the data into a corner.
function vertical(targets, lines) {
  const [low, high] = extent(targets, 0);
  const room = high - low;
  const near = lines.flatMap((line) => line.ys).filter((y) => y > low - room && y < high + room);
  const [bottom, top] = extent([...targets, ...near], 0.06);
  return { bottom, top };
}

function viridis(share) {
  const at = Math.min(1, Math.max(0, Number.isFinite(share) ? share : 0)) * (VIRIDIS.length - 1);
  const low = Math.min(VIRIDIS.length - 2, Math.floor(at));
  return [VIRIDIS[low], VIRIDIS[low + 1], at - low];
}
