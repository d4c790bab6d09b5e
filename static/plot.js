// uPlot in the page's colours: lines over one axis, zoom by drag, by buttons and by keys, and values at the cursor.
import uPlot from "./vendor/uplot.js";
import { align } from "./curves.js";

const HEIGHT = 300;
const DASHES = [[], [7, 4], [2, 3], [9, 3, 2, 3]];

// `onRead(index | null)` is told where the cursor stands in the aligned data.
export function startPlot(element, onRead) {
  const state = { plot: null, shape: "", data: [[]], zoom: null, lines: [], marks: [] };

  const token = (name) => {
    const probe = element.querySelector(".probe") ?? element.appendChild(Object.assign(document.createElement("i"), { className: "probe" }));
    probe.style.color = `var(${name})`;
    return getComputedStyle(probe).color;
  };

  function options({ log, label }) {
    const [soft, line] = [token("--soft"), token("--line")];
    const axis = { stroke: soft, font: "12px system-ui, sans-serif", ticks: { stroke: line, width: 1, size: 4 }, grid: { stroke: line, width: 1 } };
    return {
      width: Math.max(200, element.clientWidth),
      height: HEIGHT,
      legend: { show: false },
      cursor: { points: { size: 7 }, drag: { x: true, y: false, setScale: false } },
      padding: [24, 14, 0, 0],
      scales: { x: { time: false }, y: log ? { distr: 3 } : { range: padded } },
      axes: [
        { ...axis, space: 60, size: 28, label, labelSize: 18, labelFont: axis.font, labelGap: 0 },
        { ...axis, size: 54, values: (_, ticks) => ticks.map((tick) => (tick === null ? "" : short(tick))) },
      ],
      series: [{}, ...state.lines.map((each) => series(each))],
      hooks: {
        setCursor: [(plot) => onRead(plot.cursor.idx ?? null)],
        setSelect: [(plot) => {
          if (plot.select.width > 4) zoomTo([plot.posToVal(plot.select.left, "x"), plot.posToVal(plot.select.left + plot.select.width, "x")]);
          plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
        }],
        draw: [drawMarks],
      },
    };
  }

  function series({ colour, faint, dash, width, dots }) {
    const stroke = token(colour);
    return {
      stroke: faint ? stroke.replace(/^rgb\((.*)\)$/, "rgba($1, 0.42)") : stroke,
      width: width ?? 2,
      dash: DASHES[dash ?? 0],
      points: { show: Boolean(dots), size: 5, fill: stroke },
      spanGaps: false,
    };
  }

  function drawMarks(plot) {
    const bad = token("--bad");
    const { ctx, bbox } = plot;
    ctx.save();
    ctx.strokeStyle = ctx.fillStyle = bad;
    ctx.lineWidth = 1.5 * devicePixelRatio;
    let drawn = -Infinity; // crosses keep apart, so that a row of them stays readable
    for (const { x, first } of state.marks) {
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

  // `lines`: { xs, ys, colour, faint, dash, width }; the same shape of lines as before only gets new numbers.
  function show({ lines, marks, log, label }) {
    state.lines = lines.map((line) => ({ ...line, dots: line.dots && line.xs.length < 2 }));
    state.marks = marks;
    state.log = log;
    state.label = label;
    state.data = align(lines.map((line) => ({ ...line, log })));
    const shape = JSON.stringify([log, label, state.lines.map(({ colour, faint, dash, width, dots }) => [colour, faint, dash, width, dots])]);
    if (state.plot && shape === state.shape) state.plot.setData(state.data, false);
    else rebuild(shape);
    rescale();
  }

  function rebuild(shape) {
    state.plot?.destroy();
    state.shape = shape;
    state.plot = new uPlot(options(state), state.data, element);
  }

  function whole() {
    const xs = state.data[0];
    return xs.length ? [xs[0], xs.length > 1 ? xs.at(-1) : xs[0] + 1] : [0, 1];
  }

  function rescale() {
    if (!state.plot) return;
    const [min, max] = state.zoom ?? whole();
    state.plot.setScale("x", { min, max });
  }

  function zoomTo(range) {
    const [low, high] = whole();
    const width = Math.min(high - low, Math.max((high - low) / 10_000, range[1] - range[0]));
    const start = Math.min(Math.max(low, range[0]), high - width);
    state.zoom = width >= high - low ? null : [start, start + width];
    rescale();
  }

  function zoom(factor) {
    if (!factor) { state.zoom = null; return rescale(); }
    const [low, high] = state.zoom ?? whole();
    const at = state.plot?.cursor.idx;
    const centre = at != null ? state.data[0][at] : (low + high) / 2;
    zoomTo([centre - (centre - low) / factor, centre + (high - centre) / factor]);
  }

  function pan(share) {
    const [low, high] = state.zoom ?? whole();
    zoomTo([low + (high - low) * share, high + (high - low) * share]);
  }

  function moveCursor(by) {
    const { plot, data: [xs] } = state;
    if (!plot || !xs.length) return;
    const [low, high] = state.zoom ?? whole();
    const inside = xs.map((x, at) => [x, at]).filter(([x]) => x >= low && x <= high).map(([, at]) => at);
    if (!inside.length) return;
    const stride = Math.max(1, Math.round(inside.length / 100));
    const now = plot.cursor.idx ?? (by > 0 ? inside[0] - stride : inside.at(-1) + stride);
    const next = Math.min(inside.at(-1), Math.max(inside[0], now + by * stride));
    plot.setCursor({ left: plot.valToPos(xs[next], "x"), top: plot.over.clientHeight / 2 });
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
    const width = Math.max(200, element.clientWidth);
    if (state.plot && Math.abs(width - state.plot.width) > 1) state.plot.setSize({ width, height: HEIGHT });
  }).observe(element);

  return {
    show,
    zoom,
    repaint: () => state.plot && rebuild(state.shape),
    rescale,
    // The place at an index, and of each line its value there or the last one before.
    valuesAt: (index) => [state.data[0][index], state.data.slice(1).map((column) => {
      let at = index;
      while (at > 0 && column[at] === undefined) at -= 1;
      return column[at];
    })],
    canvas: () => state.plot?.ctx.canvas,
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
