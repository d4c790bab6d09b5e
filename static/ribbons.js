// Weights and gradients of a training: a row for each parameter in the order of the layers, one ribbon in large.
import { flowOf, place, scaleOf, update } from "./flow.js";
import { element, press, set, write } from "./dom.js";
import { inSight, sometimes, soon } from "./pace.js";
import { short } from "./plot.js";
import { binRange, geometryOf, paint, placeAt, Ribbons } from "./ribbon.js";

const DETAIL_HEIGHT = 190;
const ROWS = 24;
const PARTS = ["weight", "grad"];

// `curvesOf()` gives the run's curves, `colour(token)` a token's colour as the page has it now.
export function startRibbons(curvesOf, colour) {
  const section = document.getElementById("ribbons");
  const body = section.querySelector(".ribbons-table tbody");
  const detail = section.querySelector("#ribbon-detail");
  const large = detail.querySelector("canvas.ribbon");
  const say = (word, values = {}) => section.dataset[word].replace(/\{(\w+)\}/g, (gap, name) => values[name] ?? gap);
  const state = { ribbons: new Ribbons(), chosen: null, place: null, off: new Set(), colours: null };
  const sizes = new WeakMap(); // of the canvases: what the observer below was told
  const show = inSight(section, showAll);

  // ------------------------------------------------------------------------------------------- what is drawn

  function parameters() {
    const named = new Map();
    for (const ribbon of state.ribbons.all) {
      if (!named.has(ribbon.name)) named.set(ribbon.name, { name: ribbon.name });
      named.get(ribbon.name)[ribbon.part] = ribbon;
    }
    return [...named.values()].filter(({ weight }) => weight);
  }

  function draw(always = false) {
    const all = parameters();
    set(section, { hidden: !all.some(({ weight }) => weight.histograms.length > 1) });
    if (section.hidden) return;
    showRows(all);
    show(always);
  }
  const move = () => draw();
  const redraw = () => draw(true);

  function showAll() {
    const all = parameters();
    state.colours ??= readColours();
    const flows = all.map(flowOf);
    const updates = all.map(({ name }) => update(curvesOf(), name));
    offer("update", updates.some((ratio) => ratio !== null));
    offer("grad", all.some(({ grad }) => grad));
    const scale = scaleOf(flows);
    showAxis("flow", scale);
    showAxis("update", scaleOf(null));
    all.forEach((parameter, at) => showRow(body.rows[at], parameter, flows[at], scale, updates[at]));
    showDetail();
  }

  function offer(view, there) {
    set(section.querySelector(`#ribbons-views [value=${view}]`), { hidden: !there });
    section.classList.toggle(`no-${view}`, !there || state.off.has(view));
  }

  function showRows(all) {
    const names = all.map(({ name }) => name).join("\n");
    if (body.dataset.names === names) return;
    body.dataset.names = names;
    body.replaceChildren(...all.map(({ name }) => {
      const row = element("tr");
      const head = Object.assign(element("th"), { scope: "row", title: name });
      for (const piece of name.split(/(?<=[._])/)) head.append(piece, element("wbr"));
      row.append(head, ...PARTS.map((part) => ribbonCell(name, part)), barCell("flow"), barCell("update"));
      return row;
    }));
    for (const canvas of body.querySelectorAll("canvas")) resized.observe(canvas);
    if (!all.some((each) => each[state.chosen?.part] && each.name === state.chosen?.name)) state.chosen = { name: all[0].name, part: "weight" };
  }

  function ribbonCell(name, part) {
    const cell = element("td", `of-${part}`);
    const open = Object.assign(element("button", "ribbon-open"), { type: "button" });
    open.dataset.name = name;
    open.dataset.part = part;
    open.setAttribute("aria-label", say(part, { name }));
    open.append(element("canvas", "ribbon"));
    cell.append(open, element("code", "none", "None"));
    return cell;
  }

  function barCell(kind) {
    const cell = element("td", `of-${kind}`);
    const track = element("div", "track");
    if (kind === "flow") track.append(element("i", "most"), element("i", "mean"));
    else track.append(element("i", "guide"), element("i", "dot-at"));
    cell.append(track, element("span", "told"), element("strong", "warning"));
    return cell;
  }

  function showRow(row, parameter, flow, scale, ratio) {
    PARTS.forEach((part, at) => {
      const [open, none] = row.cells[1 + at].children;
      const ribbon = parameter[part];
      set(open, { hidden: !ribbon });
      set(none, { hidden: Boolean(ribbon) });
      press(open, state.chosen?.name === parameter.name && state.chosen.part === part);
      const size = sizes.get(open.firstChild);
      if (ribbon && size?.width) paint(open.firstChild, geometryOf(ribbon, size.width, size.height, false), state.colours);
    });
    showFlow(row.cells[3], flow, scale);
    showUpdate(row.cells[4], ratio);
  }

  function showFlow(cell, flow, scale) {
    const [track, told, warning] = cell.children;
    const [most, mean] = track.children;
    most.style.inlineSize = `${place(scale, flow.max)}%`;
    mean.style.inlineSize = `${place(scale, flow.mean)}%`;
    write(told, flow.max === null ? "" : say("sizes", { mean: short(flow.mean), max: short(flow.max) }));
    write(warning, flow.word ? `${flow.sign} ${say(flow.word)}` : "");
  }

  function showUpdate(cell, ratio) {
    const [track, told] = cell.children;
    const scale = scaleOf(null);
    const [guide, dot] = track.children;
    guide.style.insetInlineStart = `${place(scale, 1e-3)}%`;
    set(dot, { hidden: !(ratio > 0) });
    dot.style.insetInlineStart = `${place(scale, ratio)}%`;
    write(told, ratio === null ? "–" : short(ratio));
    set(told, { title: ratio === null ? "" : say("ratio", { ratio: short(ratio) }) });
  }

  function showAxis(kind, [low, high]) {
    write(section.querySelector(`th.of-${kind} .axis`), `1e${low} … 1e${high}`.replaceAll("-", "−"));
  }

  // ---------------------------------------------------------------------------------------- one of them in large

  const chosen = () => state.ribbons.all.find(({ name, part }) => name === state.chosen?.name && part === state.chosen.part);

  function showDetail() {
    const ribbon = chosen();
    set(detail, { hidden: !ribbon || !ribbon.histograms.length });
    if (detail.hidden) return;
    const title = say(ribbon.part, { name: ribbon.name });
    write(detail.querySelector("h4"), title);
    set(large, { ariaLabel: title });
    state.geometry = geometryOf(ribbon, Math.max(200, sizes.get(large)?.width ?? 0), DETAIL_HEIGHT, true);
    if (state.place) state.place.column = Math.min(state.place.column, ribbon.histograms.length - 1);
    paint(large, state.geometry, state.colours, { label: say("step"), chosen: state.place });
    showReading();
    const { beyond, far } = state.geometry.range;
    const note = detail.querySelector(".ribbon-beyond");
    set(note, { hidden: !beyond });
    write(note, beyond ? say("beyond", { count: beyond, all: ribbon.histograms.length, far: short(far) }) : "");
    if (detail.querySelector("#ribbon-table").open) showTable(ribbon);
  }

  function showReading() {
    const ribbon = chosen();
    const at = state.place ?? { column: ribbon.histograms.length - 1, bin: -1 };
    write(detail.querySelector("output"), tell(ribbon, ribbon.histograms[at.column], at.bin));
  }

  function tell(ribbon, histogram, bin) {
    const { step, low, high, counts, not_finite: lost, mean_size: mean } = histogram;
    const facts = [];
    if (low !== null) facts.push(say("spread", { step, elements: ribbon.elements, low: short(low), high: short(high), mean: short(Number(mean)) }));
    if (bin >= 0) {
      const [from, to] = binRange(histogram, bin);
      facts.push(say("bin", { count: counts[bin], low: short(from), high: short(to) }));
    }
    if (lost) facts.push(say("lost", { count: lost }));
    return facts.join("; ");
  }

  function showTable(ribbon) {
    const { histograms } = ribbon;
    const stride = Math.max(1, (histograms.length - 1) / (ROWS - 1));
    const rows = Array.from({ length: Math.min(ROWS, histograms.length) }, (_, row) => histograms[Math.round(row * stride)]);
    detail.querySelector("tbody").replaceChildren(...rows.map((each) => {
      const row = element("tr");
      const fullest = each.counts.indexOf(Math.max(...each.counts));
      const bin = each.low === null ? "–" : `${binRange(each, fullest).map(short).join(" … ")}: ${each.counts[fullest]}`;
      const cells = [each.low, each.high, each.mean_size].map((value) => (value === null ? "–" : short(Number(value))));
      row.append(element("th", "", String(each.step)), ...[...cells, bin, String(each.not_finite)].map((text) => element("td", "", text)));
      return row;
    }));
  }

  // --------------------------------------------------------------------------------------------------- colours

  function readColours() {
    const [none, middle, full] = ["--neutral", "--accent", "--ink"].map((token) => colour(token).match(/[\d.]+/g).slice(0, 3).map(Number));
    const ramp = Array.from({ length: 256 }, (_, at) => {
      const [from, to, share] = at < 180 ? [none, middle, at / 180] : [middle, full, (at - 180) / 75];
      return from.map((each, channel) => Math.round(each + (to[channel] - each) * share));
    });
    paintRamp(ramp);
    return { ramp, soft: colour("--soft"), line: colour("--line"), bad: colour("--bad"), ink: colour("--ink") };
  }

  function paintRamp(ramp) {
    const canvas = detail.querySelector(".ramp");
    const context = canvas.getContext("2d");
    for (let x = 0; x < canvas.width; x += 1) {
      const [red, green, blue] = ramp[x ? Math.round(40 + 215 * (x / (canvas.width - 1))) : 0];
      context.fillStyle = `rgb(${red} ${green} ${blue})`;
      context.fillRect(x, 0, 1, canvas.height);
    }
  }

  // ---------------------------------------------------------------------------------------------- what is done

  section.querySelector("#ribbons-views").addEventListener("click", (event) => {
    const pressed = event.target.closest("button");
    if (!pressed) return;
    if (!state.off.delete(pressed.value)) state.off.add(pressed.value);
    pressed.setAttribute("aria-pressed", String(!state.off.has(pressed.value)));
    section.classList.toggle(`no-${pressed.value}`, state.off.has(pressed.value));
    soon(redraw);
  });
  body.addEventListener("click", (event) => {
    const open = event.target.closest(".ribbon-open");
    if (!open) return;
    Object.assign(state, { chosen: { name: open.dataset.name, part: open.dataset.part }, place: null });
    soon(redraw);
  });
  large.addEventListener("pointermove", (event) => point(placeAt(state.geometry, event.offsetX, event.offsetY), false));
  large.addEventListener("pointerleave", () => point(null, false));
  large.addEventListener("keydown", (event) => {
    const move = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1], Escape: null }[event.key];
    if (move === undefined || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    point(move && step(...move), true);
  });
  detail.querySelector("#ribbon-table").addEventListener("toggle", showDetail);

  function step(across, up) {
    const { histograms } = chosen();
    const { column, bin } = state.place ?? { column: histograms.length - (across < 0 ? 0 : 1), bin: -1 };
    const next = Math.min(histograms.length - 1, Math.max(0, column + across));
    const bins = histograms[next].counts.length;
    return { column: next, bin: Math.min(bins - 1, Math.max(up || bin >= 0 ? 0 : -1, bin + up)) };
  }

  // What is read by keys is read aloud; what is passed over by the pointer is not.
  function point(found, aloud) {
    state.place = found;
    detail.querySelector("output").setAttribute("aria-live", aloud ? "polite" : "off");
    if (!detail.hidden) showDetail();
  }

  const resized = new ResizeObserver((entries) => {
    for (const { target } of entries) sizes.set(target, { width: target.clientWidth, height: target.clientHeight });
    soon(move);
  });
  resized.observe(large);

  return {
    take(ribbons) {
      if (!ribbons?.length) return;
      state.ribbons.take(ribbons);
      sometimes(move);
    },
    replace(ribbons) {
      state.ribbons.replace(ribbons ?? []);
      soon(redraw);
    },
    begin() {
      Object.assign(state, { ribbons: new Ribbons(), place: null });
      soon(redraw);
    },
    repaint() {
      state.colours = null;
      soon(redraw);
    },
  };
}
