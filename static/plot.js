// uPlot in the page's colours: plots one above the other over one axis, each with a scale of its own; zoom by drag, by
// buttons and by keys, and values at the cursor.
import uPlot from "./vendor/uplot.js";
import { align } from "./curves.js";
import { place, valueAt, visible } from "./scales.js";
import { startTokens } from "./tokens.js";

const HEIGHTS = [300, 190, 150, 130]; // of each plot where there are so many
const HEAD = 24;
const FOOT = 46; // what the horizontal axis takes below the last one
const COLUMN = 2; // pixels; lines are as wide
const DASHES = [[], [7, 4], [2, 3], [9, 3, 2, 3]];

// `onRead(x | null)` is told where the cursor stands.
export function startPlot(element, onRead) {
  const state = { panes: [], shape: "", zoom: null, whole: [0, 1], lines: [], marks: [], cursor: null, across: 0 };
  const tokens = startTokens(element);
  const token = tokens.colour;

  const width = () => Math.max(200, state.across ||= element.clientWidth); // the observer below keeps it

  function options(pane, number, count) {
    const [soft, line] = [token("--soft"), token("--line")];
    const axis = { stroke: soft, font: "12px system-ui, sans-serif", ticks: { stroke: line, width: 1, size: 4 }, grid: { stroke: line, width: 1 } };
    const last = number === count - 1;
    const across = last ? { size: 28, label: state.label, labelSize: 18, labelFont: axis.font, labelGap: 0 } : { size: 6, values: (_, ticks) => ticks.map(() => "") };
    return {
      width: width(),
      height: HEIGHTS[count - 1] + (count > 1 && last ? FOOT : 0),
      legend: { show: false },
      cursor: { points: { size: 7 }, drag: { x: true, y: false, setScale: false } },
      padding: [count > 1 ? 8 : HEAD, 14, 0, 0],
      scales: { x: { time: false }, y: state.log ? { distr: 3 } : { range: padded } },
      axes: [
        { ...axis, space: 60, ...across },
        { ...axis, size: 54, space: count > 1 ? 24 : 30, values: (_, ticks) => ticks.map((tick) => (tick === null ? "" : short(tick))) },
      ],
      series: [{}, ...pane.lines.map((each) => series(each))],
      hooks: {
        setCursor: [(plot) => follow(plot)],
        setSelect: [(plot) => {
          if (plot.select.width > 4) zoomTo([plot.posToVal(plot.select.left, "x"), plot.posToVal(plot.select.left + plot.select.width, "x")]);
          plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
        }],
        draw: [(plot) => drawMarks(plot, pane)],
      },
    };
  }

  function series({ colour, faint, dash, width: wide, dots }) {
    const stroke = token(colour);
    return {
      stroke: faint ? stroke.replace(/^rgb\((.*)\)$/, "rgba($1, 0.42)") : stroke,
      width: wide ?? 2,
      dash: DASHES[dash ?? 0],
      points: { show: Boolean(dots), size: 5, fill: stroke },
      spanGaps: false,
    };
  }

  function drawMarks(plot, pane) {
    const bad = token("--bad");
    const { ctx, bbox } = plot;
    ctx.save();
    ctx.strokeStyle = ctx.fillStyle = bad;
    ctx.lineWidth = 1.5 * devicePixelRatio;
    let drawn = -Infinity; // crosses keep apart, so that a row of them stays readable
    for (const { x, first, curve } of state.marks) {
      if (!pane.lines.some((line) => line.curve === curve)) continue;
      const left = plot.valToPos(x, "x", true);
      if (left < bbox.left || left > bbox.left + bbox.width || (!first && Math.abs(left - drawn) < 14 * devicePixelRatio)) continue;
      drawn = left;
      const [size, foot] = [4 * devicePixelRatio, bbox.top + bbox.height - 7 * devicePixelRatio];
      ctx.beginPath();
      ctx.moveTo(left - size, foot - size); ctx.lineTo(left + size, foot + size);
      ctx.moveTo(left - size, foot + size); ctx.lineTo(left + size, foot - size);
      ctx.stroke();
      if (!first) continue;
      ctx.setLineDash([4 * devicePixelRatio, 4 * devicePixelRatio]);
      ctx.beginPath();
      ctx.moveTo(left, bbox.top); ctx.lineTo(left, foot - size);
      ctx.stroke();
      ctx.setLineDash([]);
    }
    ctx.restore();
  }

  // `lines`: { curve, xs, ys, colour, faint, dash, width, pane }; the same shape of lines as before only gets new numbers.
  function show({ lines, marks, log, label }) {
    state.lines = lines.map((line) => ({ ...line, log, dots: line.dots && line.xs.length < 2 }));
    const ends = state.lines.filter(({ xs }) => xs.length);
    const [low, high] = [Math.min(...ends.map(({ xs }) => xs[0])), Math.max(...ends.map(({ xs }) => xs.at(-1)))];
    state.whole = ends.length ? [low, high > low ? high : low + 1] : [0, 1];
    Object.assign(state, { marks, log, label });
    const shape = JSON.stringify([log, label, state.lines.map(({ colour, faint, dash, width: wide, dots, pane, old, curve }) => [colour, faint, dash, wide, dots, pane, Boolean(old), curve.series.name])]);
    if (shape === state.shape) feed();
    else rebuild(shape);
  }

  const linesIn = (number) => state.lines.filter(({ pane }) => pane === number);

  function rebuild(shape) {
    for (const { plot } of state.panes) plot.destroy();
    for (const each of element.querySelectorAll(".pane")) each.remove();
    state.shape = shape;
    const count = Math.max(1, ...state.lines.map(({ pane }) => pane + 1));
    state.panes = Array.from({ length: count }, (_, number) => ({ lines: linesIn(number), plot: null }));
    state.panes.forEach((pane, number) => {
      const room = element.appendChild(Object.assign(document.createElement("div"), { className: "pane" }));
      if (count > 1) room.append(caption(pane.lines));
      pane.plot = new uPlot(options(pane, number, count), [[], ...pane.lines.map(() => [])], room);
    });
    feed();
  }

  // Which curves a plot among several holds; the legend below says the same to those who do not see it.
  function caption(lines) {
    const told = Object.assign(document.createElement("p"), { className: "pane-names" });
    told.setAttribute("aria-hidden", "true");
    const named = new Map(lines.filter((line) => !line.old).map((line) => [line.curve.series.name, line]));
    for (const [name, { look }] of named) {
      const entry = Object.assign(document.createElement("span"), { className: `${look} pane-name` });
      entry.append(Object.assign(document.createElement("span"), { className: "swatch" }), name);
      told.append(entry);
    }
    return told;
  }

  // Every plot gets what its width can show of its lines.
  function feed() {
    const [min, max] = state.zoom ?? state.whole;
    const columns = Math.max(50, Math.floor(width() / COLUMN));
    state.panes.forEach((pane, number) => {
      pane.lines = linesIn(number);
      pane.plot.batch(() => {
        pane.plot.setData(align(pane.lines.map((line) => visible(line, min, max, columns))), false);
        pane.plot.setScale("x", { min, max });
      });
    });
  }

  function zoomTo(range) {
    const [low, high] = state.whole;
    const wide = Math.min(high - low, Math.max((high - low) / 10_000, range[1] - range[0]));
    const start = Math.min(Math.max(low, range[0]), high - wide);
    state.zoom = wide >= high - low ? null : [start, start + wide];
    feed();
  }

  function zoom(factor) {
    if (!factor) { state.zoom = null; return feed(); }
    const [low, high] = state.zoom ?? state.whole;
    const centre = state.cursor ?? (low + high) / 2;
    return zoomTo([centre - (centre - low) / factor, centre + (high - centre) / factor]);
  }

  function pan(share) {
    const [low, high] = state.zoom ?? state.whole;
    zoomTo([low + (high - low) * share, high + (high - low) * share]);
  }

  // ------------------------------------------------------------------------------------------------ reading

  // The cursor of one plot is that of all: they share their horizontal axis.
  function follow(from) {
    const { idx, left } = from.cursor;
    for (const { plot } of state.panes) if (plot && plot !== from && plot.cursor.left !== left) plot.setCursor({ left, top: left < 0 ? -10 : 0 }, false);
    const x = idx == null || left < 0 ? null : from.data[0][idx] ?? null;
    if (x === null && state.cursor === null) return;
    state.cursor = x;
    onRead(x);
  }

  // Places inside of what is shown, of all lines.
  function places() {
    const [low, high] = state.zoom ?? state.whole;
    const found = state.lines.flatMap(({ xs }) => xs.slice(place(xs, low), place(xs, high) + 1).filter((x) => x <= high));
    return [...new Set(found)].sort((one, two) => one - two);
  }

  function moveCursor(by) {
    const inside = places();
    const plot = state.panes[0]?.plot;
    if (!plot || !inside.length) return;
    const stride = Math.max(1, Math.round(inside.length / 100));
    const now = state.cursor === null ? (by > 0 ? -stride : inside.length - 1 + stride) : place(inside, state.cursor);
    const x = inside[Math.min(inside.length - 1, Math.max(0, now + by * stride))];
    plot.setCursor({ left: plot.valToPos(x, "x"), top: plot.over.clientHeight / 2 });
    state.cursor = x; // the picture may not hold the very point
    onRead(x);
  }

  element.addEventListener("keydown", (event) => {
    const act = {
      ArrowLeft: () => (event.shiftKey ? pan(-0.2) : moveCursor(-1)),
      ArrowRight: () => (event.shiftKey ? pan(0.2) : moveCursor(1)),
      "+": () => zoom(1.5), "=": () => zoom(1.5), "-": () => zoom(1 / 1.5), 0: () => zoom(0), Escape: () => zoom(0),
    }[event.key];
    if (!act || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    act();
  });
  element.addEventListener("dblclick", () => zoom(0));
  new ResizeObserver(() => {
    state.across = element.clientWidth;
    const now = width();
    if (!state.panes.some(({ plot }) => Math.abs(now - plot.width) > 1)) return;
    for (const { plot } of state.panes) plot.setSize({ width: now, height: plot.height });
    feed();
  }).observe(element);

  return {
    show,
    zoom,
    repaint: () => {
      tokens.forget();
      if (state.panes.length) rebuild(state.shape);
    },
    // Of each line its value at a place, or the last one before.
    valuesAt: (x) => state.lines.map((line) => valueAt(line, x)),
    canvases: () => state.panes.map(({ plot }) => plot.ctx.canvas),
    colour: token,
  };
}

function padded(_, low, high) {
  if (low === null || high === null) return [0, 1];
  const room = (high - low || Math.abs(high) || 1) * 0.06;
  return [low >= 0 && low - room < 0 ? 0 : low - room, high + room];
}

export function short(value) {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "NaN" : value > 0 ? "∞" : "−∞";
  const size = Math.abs(value);
  const text = size !== 0 && (size >= 1e5 || size < 1e-3) ? value.toExponential(2).replace(/\.?0+e/, "e").replace("e+", "e") : String(Number(value.toPrecision(4)));
  return text.replace("-", "−");
}
