// The Training panel: curves of a live run or of a finished evaluation, drawn, switched, summed up and saved.
import { align, Curves, epochsOf, GROUPS, csv, json, keyOf, positions, sample, smooth } from "./curves.js";
import { button, element, press, pressOne, set, write } from "./dom.js";
import { colourOf, dashOf, startEarlier } from "./earlier.js";
import { sometimes, soon as nextFrame } from "./pace.js";
import { startPlot, short } from "./plot.js";
import { startRibbons } from "./ribbons.js";
import { save, savePicture } from "./saving.js";
import { apart, inOrder } from "./scales.js";

const COLOURS = 8;
const SPOKEN = 4_000; // milliseconds between summaries read aloud
const ROWS = 24;
const SEEN = 3_000; // milliseconds after which a finished run counts as looked at
const SIZED = new Set(["loss", "watched"]); // groups whose curves are of any size; norms are compared with each other
const REST = 2; // a drawing rests so many times as long as it took: the page stays smooth, and its cores the program's

export function startTraining() {
  const panel = document.getElementById("panel-training");
  const part = (id) => document.getElementById(`training-${id}`);
  const words = panel.dataset;
  const say = (word, values = {}) => words[word].replace(/\{(\w+)\}/g, (gap, name) => values[name] ?? gap);
  const state = { curves: new Curves(), source: "", asked: false, ended: Infinity, group: "loss", wanted: "", log: false, axis: null, off: new Set(), gone: new Set(), spoken: 0, timer: 0, rested: 0, reading: null, lines: [], shown: [], panes: {}, panesNow: new Map(), looks: new Map(), epochs: new Map() };
  const plot = startPlot(part("plot"), (x) => { state.reading = x; showReadings(); });
  const ribbons = startRibbons(() => state.curves.all, plot.colour);
  const earlier = startEarlier(part("before"), say, () => soon());
  let asked = 0;

  // -------------------------------------------------------------------------------------- what is drawn

  const groupOf = (curve) => GROUPS[curve.series.kind] ?? "loss";
  const watched = ({ series: { kind, name } }) => kind !== "watched" || !(state.gone.has(name) || state.gone.has(name.slice(1, -1)));
  const all = () => state.curves.all.filter(watched);
  const groups = () => [...new Set(Object.values(GROUPS))].filter((group) => all().some((curve) => groupOf(curve) === group));
  const inGroup = (curves) => curves.filter((curve) => groupOf(curve) === state.group);
  const isOn = ({ series }) => !state.off.has(keyOf(series));
  const curvesOf = (run) => inGroup(run.curves).filter(isOn);
  const weight = () => Number(part("smoothing").value);
  const place = (curve, epochs = state.epochs) => positions(curve, state.drawnAxis, epochs);

  // A curve's colour is its own from its first point on, wherever it stands in the legend.
  function looksOf(curves) {
    return new Map(curves.map((curve, index) => [curve, { colour: index % COLOURS, dash: Math.floor(index / COLOURS) % 4 }]));
  }

  // Curves of very different size are drawn apart; what was apart once stays so while the same ones come.
  function panesOf(curves) {
    if (!SIZED.has(state.group) || state.log || !part("apart").querySelector("input").checked) return new Map();
    const keys = curves.map((curve) => keyOf(curve.series)).join("\n");
    const found = apart(curves);
    if (keys !== state.panes.keys || countOf(found) > countOf(state.panes.found)) state.panes = { keys, found };
    return state.panes.found;
  }

  function linesOf(curves) {
    const paneOf = (curve) => state.panesNow.get(keyOf(curve.series)) ?? 0;
    const lines = earlier.on().flatMap((run) => oldLinesOf(run, paneOf));
    for (const curve of curves.filter(isOn)) {
      const { colour, dash } = state.looks.get(curve);
      const line = { curve, pane: paneOf(curve), xs: place(curve), colour: `--curve-${colour}`, dash, look: `c${colour} d${dash}` };
      if (weight()) lines.push({ ...line, ys: curve.values, faint: true, width: 1, raw: true });
      lines.push({ ...line, ys: smooth(curve.values, weight()), dots: true });
    }
    return lines;
  }

  function oldLinesOf(run, paneOf) {
    const curves = curvesOf(run);
    const epochs = state.drawnAxis === "epoch" ? epochsOf(curves) : state.epochs;
    const look = { colour: `--curve-${colourOf(run)}`, dash: dashOf(run), width: 1.5, old: run };
    return curves.map((curve) => ({ curve, pane: paneOf(curve), xs: place(curve, epochs), ys: smooth(curve.values, weight()), ...look }));
  }

  function marksOf(curves) {
    return curves.filter((curve) => isOn(curve) && curve.bad !== null).flatMap((curve) => {
      const xs = place(curve);
      return curve.values.flatMap((value, at) => (Number.isFinite(value) ? [] : [{ curve, x: xs[at], first: curve.steps[at] === curve.bad }])).slice(0, 500);
    });
  }

  function draw() {
    asked = 0;
    const began = performance.now();
    const known = groups();
    panel.dataset.points = String(state.curves.all.reduce((sum, curve) => sum + curve.count, 0));
    set(part("curves"), { hidden: !known.length });
    if (!known.length) return;
    if (known.includes(state.wanted)) [state.group, state.wanted] = [state.wanted, ""];
    if (!known.includes(state.group)) state.group = known[0];
    const found = inGroup(all());
    state.looks = looksOf(found);
    const curves = inOrder(found);
    const epochs = curves.some((curve) => curve.epochs.length === curve.steps.length && curve.epochs.at(-1) > 0);
    set(part("axis"), { hidden: !epochs });
    const axis = !epochs ? "point" : state.axis ?? (uneven(curves) ? "epoch" : "point");
    pressOne(part("axis"), axis);
    state.drawnAxis = axis;
    state.epochs = axis === "epoch" ? epochsOf(curves) : new Map();
    state.panesNow = panesOf(curves.filter(isOn));
    set(part("apart"), { hidden: state.log || !SIZED.has(state.group) || countOf(apart(curves.filter(isOn))) < 2 });
    state.shown = curves;
    state.lines = linesOf(curves);
    plot.show({ lines: state.lines, marks: marksOf(curves), log: state.log, label: say(state.drawnAxis) });
    showGroups(known);
    showLegend(curves);
    sometimes(tell);
    // uPlot draws when this task is done
    queueMicrotask(() => { state.rested = performance.now() + REST * (performance.now() - began); });
  }

  // In words and numbers what the drawing shows.
  function tell() {
    const curves = state.shown;
    showReadings();
    showBad(curves);
    set(part("hidden"), { hidden: !(state.log && curves.some((curve) => curve.low <= 0)) });
    write(part("hidden"), say("hidden"));
    sumUp(curves);
    if (part("table").open) showTable(curves);
  }

  const soon = () => { asked ||= setTimeout(() => nextFrame(draw), Math.max(0, state.rested - performance.now())); };

  function showGroups(known) {
    const chosen = part("groups");
    set(chosen, { hidden: known.length < 2 });
    if (chosen.dataset.known !== known.join()) {
      chosen.dataset.known = known.join();
      chosen.replaceChildren(...known.map((group) => button(say(group), group)));
    }
    pressOne(chosen, state.group);
  }

  function showLegend(curves) {
    const legend = part("legend");
    const keys = curves.map((curve) => keyOf(curve.series));
    if (legend.dataset.keys !== keys.join("\n")) {
      legend.dataset.keys = keys.join("\n");
      legend.replaceChildren(...curves.map((curve) => {
        const entry = button("", keyOf(curve.series));
        const { colour, dash } = state.looks.get(curve);
        entry.className = `curve c${colour} d${dash}`;
        entry.append(element("span", "swatch"), element("span", "curve-name", curve.series.name), element("span", "curve-value"));
        return entry;
      }));
    }
    [...legend.children].forEach((entry, at) => {
      const off = state.off.has(entry.value);
      press(entry, !off);
      set(entry, { title: say(off ? "show" : "hide") });
      entry.dataset.count = String(curves[at].count);
    });
  }

  function showReadings() {
    const at = state.reading === null ? null : plot.valuesAt(state.reading);
    const read = new Map();
    state.lines.forEach((line, index) => {
      if (!line.old && !line.raw) read.set(keyOf(line.curve.series), at ? at[index] : undefined);
    });
    const curves = new Map(inGroup(all()).map((curve) => [keyOf(curve.series), curve]));
    for (const entry of part("legend").children) {
      const curve = curves.get(entry.value);
      if (!curve) continue;
      const value = read.get(entry.value) ?? (at ? undefined : curve.values.at(-1));
      write(entry.querySelector(".curve-value"), value == null ? "–" : short(value));
    }
    earlier.show(curvesOf, (run) => {
      const index = state.lines.findIndex((line) => line.old === run);
      if (index < 0) return "";
      const value = at ? at[index] : state.lines[index].curve.values.at(-1);
      return value == null ? "–" : short(value);
    });
    const told = at ? `${say(state.drawnAxis)} ${short(state.reading)}` : "";
    if (part("plot").dataset.reading !== told) part("plot").dataset.reading = told;
  }

  function showBad(curves) {
    const bad = curves.filter((curve) => curve.bad !== null).sort((one, two) => one.bad - two.bad)[0];
    set(part("bad"), { hidden: !bad });
    write(part("bad"), bad ? say("bad", { name: bad.series.name, step: bad.bad, value: short(bad.badValue) }) : "");
  }

  // Who looks reads what is drawn; who listens is told now and then.
  function sumUp(curves) {
    const text = curves.filter(isOn).slice(0, 4).map((curve) => say("summary", {
      name: curve.series.name, count: curve.count, first: short(curve.first), last: short(curve.values.at(-1)),
      minimum: short(curve.low), at: curve.lowAt,
    })).join(" ");
    write(part("said"), text);
    clearTimeout(state.timer);
    const wait = Math.max(0, state.spoken + SPOKEN - performance.now());
    state.timer = setTimeout(() => {
      state.spoken = performance.now();
      write(part("summary"), text);
    }, wait);
  }

  function showTable(curves) {
    const table = part("table").querySelector("table");
    const head = element("tr");
    const old = state.lines.filter((line) => line.old);
    const names = [...curves.map((curve) => curve.series.name), ...old.map((line) => `${line.curve.series.name} (${line.old.name})`)];
    head.append(element("th", "", say(state.drawnAxis)), ...names.map((name) => element("th", "", name)));
    table.tHead.replaceChildren(head);
    const lines = [...curves.map((curve) => ({ xs: place(curve), ys: curve.values })), ...old.map(({ xs, curve }) => ({ xs, ys: curve.values }))];
    const [places] = align(lines);
    const stride = Math.max(1, (places.length - 1) / (ROWS - 1));
    const chosen = Array.from({ length: Math.min(ROWS, places.length) }, (_, row) => places[Math.round(row * stride)]);
    const columns = lines.map((line) => sample(line, chosen));
    table.tBodies[0].replaceChildren(...chosen.map((place, at) => {
      const row = element("tr");
      row.append(element("th", "", short(place)), ...columns.map((column) => element("td", "", column[at] === undefined ? "" : short(column[at]))));
      return row;
    }));
  }

  // ----------------------------------------------------------------------------------------- what is pressed

  const choose = (id, act) => part(id).addEventListener("click", (event) => {
    const chosen = event.target.closest("button");
    if (!chosen) return;
    act(chosen.value);
    soon();
  });
  choose("groups", (group) => { state.group = group; plot.zoom(0); });
  choose("scale", (scale) => { state.log = scale === "log"; pressOne(part("scale"), scale); });
  choose("axis", (axis) => { state.axis = axis; plot.zoom(0); });
  choose("legend", (key) => { if (!state.off.delete(key)) state.off.add(key); });
  // Two clicks in a row show one curve alone; where it is alone already, all of them again.
  part("legend").addEventListener("dblclick", (event) => {
    const chosen = event.target.closest("button");
    if (!chosen) return;
    const others = [...part("legend").children].map(({ value }) => value).filter((value) => value !== chosen.value);
    const alone = others.length > 0 && others.every((value) => state.off.has(value));
    for (const value of [chosen.value, ...others]) state.off.delete(value);
    if (!alone) for (const value of others) state.off.add(value);
    soon();
  });
  part("smoothing").addEventListener("input", () => {
    panel.querySelector("output[for=training-smoothing]").textContent = String(weight());
    soon();
  });
  part("apart").addEventListener("change", soon);
  part("table").addEventListener("toggle", soon);
  panel.querySelector(".zoom").addEventListener("click", (event) => {
    const chosen = event.target.closest("button");
    if (chosen) plot.zoom({ in: 1.5, out: 1 / 1.5, reset: 0 }[chosen.value]);
  });
  panel.addEventListener("click", (event) => {
    const kind = event.target.closest("[data-save]")?.dataset.save;
    if (!kind) return;
    const runs = [{ name: say("newest"), curves: all() }, ...earlier.on().map(({ name, curves }) => ({ name, curves: curves.filter(watched) }))];
    if (kind === "csv") save("training.csv", "text/csv", csv(runs));
    if (kind === "json") save("training.json", "application/json", json(runs));
    if (kind === "png") savePicture("training.png", plot, [...part("legend").children, ...part("before").querySelectorAll("button")]);
    panel.querySelector(".training-menu").open = false;
  });
  const repaint = () => { plot.repaint(); ribbons.repaint(); soon(); };
  document.getElementById("themes").addEventListener("click", () => setTimeout(repaint));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaint);

  return {
    panel, say, soon,
    curves: () => state.curves,
    take: (frame) => { state.curves.take(frame); ribbons.take(frame.ribbons); soon(); },
    // The whole of the curves at once, e.g. at the end: what is told of them must not be older.
    replace(curves, histograms) {
      state.curves.replace(curves);
      state.panes.keys = null; // of the whole it is seen anew what is to stand apart
      state.spoken = 0;
      state.ended = performance.now();
      ribbons.replace(histograms);
      soon();
    },
    // Watched expressions came or went: what is new is shown, what nobody watches any more is not.
    watch(added, removed) {
      if (added.length) state.wanted = "watched";
      for (const each of removed) state.gone.add(each);
      for (const each of added) state.gone.delete(each);
      soon();
    },
    // The curves so far become an earlier run's, to compare the next one with, unless that was broken off, or is one of
    // those that came and went while somebody typed: nobody asked for it, nor for the next, nor had the time to look.
    begin(source, whole = true, asked = false) {
      const seen = state.asked || asked || performance.now() - state.ended > SEEN;
      if (whole && seen && state.curves.all.length) earlier.keep(state.curves.all, state.source);
      Object.assign(state, { source, asked, ended: Infinity });
      earlier.name(source);
      state.curves = new Curves();
      state.panes = {};
      plot.zoom(0);
      ribbons.begin();
      soon();
    },
  };
}

// How many plots a map from curves to their plot's number needs.
function countOf(panes) {
  return Math.max(1, ...[...(panes?.values() ?? [])].map((number) => number + 1));
}

// Whether the curves count different things: a loss for every batch beside an accuracy for every epoch.
function uneven(curves) {
  const lengths = curves.map(({ count }) => count);
  return Math.max(...lengths) > 2 * Math.min(...lengths);
}
