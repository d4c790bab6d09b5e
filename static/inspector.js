// The whole story of the node that is pinned (or whose step it is): its call, what it held, its rule with the numbers,
// what it saved. The facts lie in the page as data; formulas become MathML here.
import { offsetsOf } from "./editor.js";

const MATHML = "http://www.w3.org/1998/Math/MathML";
const SVG = "http://www.w3.org/2000/svg";

export function startInspector(editor, links) {
  let told = links.pinned(); // the node whose story is told: what was pinned or stepped to last

  // What came with each look at the graph: every piece tells of other nodes.
  const pieces = () => [...document.querySelectorAll("#inspector-data > p")].map((piece) => JSON.parse(piece.textContent));

  function show() {
    const panel = document.getElementById("inspector");
    if (!panel) return;
    const all = told ? pieces().find(({ nodes }) => told in nodes) : null;
    const story = all?.nodes[told];
    const box = story && boxOf(told);
    const open = panel.querySelector("details")?.open ?? false;
    const place = editor.current() ? offsetsOf(box?.dataset.span, editor.source.value) : null;
    panel.hidden = !story;
    panel.replaceChildren(...(story ? tell(story, all.words, box, place) : []));
    panel.querySelector("details")?.toggleAttribute("open", open);
  }

  const boxOf = (node) => links.boxes().find((box) => box.dataset.node === node);

  // Asked for by hand, it must not stay below the window's edge.
  function bringUp() {
    const panel = document.getElementById("inspector");
    if (!panel || panel.hidden || !navigator.userActivation?.isActive) return;
    const missing = Math.min(panel.getBoundingClientRect().bottom + 16, panel.getBoundingClientRect().top + innerHeight / 2) - innerHeight;
    if (missing > 0) scrollBy({ top: missing });
  }

  document.addEventListener("playground:pin", ({ detail }) => {
    told = detail.node;
    show();
    bringUp();
  });
  document.addEventListener("playground:step", ({ detail }) => {
    const shown = detail.at === null ? null : document.querySelector(".viewport .box.shown");
    told = shown?.dataset.node || links.pinned();
    show();
  });
  document.addEventListener("htmx:after:swap", () => {
    if (!document.querySelector("#stepper.stepping")) told = links.pinned(); // another graph may use the same keys
    show();
  });
  document.addEventListener("click", (event) => {
    const wanted = event.target.closest?.(":is(#inspector, .whys) [data-box]");
    const box = wanted && boxOf(wanted.dataset.box);
    if (!box) return;
    if (!box.dataset.group) links.pin(box.dataset.node, box);
    links.sit(box);
  });
  show();
}

function make(tag, traits = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(traits)) if (value !== null) element.setAttribute(name, value);
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

function tell(story, words, box, place) {
  return [
    head(story, words, place),
    facts(story),
    ...(story.seen ?? []).flatMap((seen, at, all) => held(seen, words, story.kind, heatmaps(box, all, at))),
    rule(story, words),
    sums(story.sum, words),
    saved(story.saved, words),
  ].filter(Boolean);
}

function head(story, words, place) {
  const op = story.kind === "constant" ? words.constant : story.op;
  const source = place
    ? make("button", { type: "button", class: "link call", "data-start": place[0], "data-end": place[1] },
      story.call && story.call !== story.title ? story.call : story.line)
    : null;
  return make("header", { class: "inspector-head" },
    make("h3", { id: "inspector-title" }, story.title),
    story.op === story.title ? null : make("span", { class: "badge badge-fn" }, op),
    source);
}

function facts({ facts }) {
  if (!facts) return null;
  return make("dl", { class: "facts" }, ...facts.map(([name, text]) => make("div", {}, make("dt", {}, name), make("dd", {}, text))));
}

// Value and gradient beside each other, with the heatmaps the box has.
function held([name, about, value, grad], words, kind, [valueMap, gradMap]) {
  const half = (title, line, map, none, style) => make("section", { class: `half ${style}` },
    make("h4", {}, title),
    map,
    line
      ? make("p", { class: `line${line[1] ? "" : " broken"}` }, line[2] ? make("span", { class: "bars", "aria-hidden": "true" }, line[2]) : null, line[0])
      : make("p", { class: "no-grad" }, make("code", {}, none)));
  return [
    make("p", { class: "output-facts" }, name ? make("code", {}, name) : null, " ", about),
    make("div", { class: "pair" },
      half(words.value, value, valueMap, words.none, ""),
      kind === "constant" ? null : half(words.grad, grad, gradMap, words.no_grad, "half-grad")),
  ];
}

// Copies of the box's heatmaps for one of its outputs; earlier outputs took theirs.
function heatmaps(box, all, at) {
  return ["value", "grad"].map((column, index) => {
    if (!all[at][2 + index]?.[3]) return null;
    const before = all.slice(0, at).filter((each) => each[2 + index]?.[3]).length;
    const drawn = box?.querySelectorAll(`.heatmap.of-${column}`)[before];
    return drawn ? enlarge(drawn) : null;
  });
}

function enlarge(drawn) {
  const frame = drawn.querySelector(".frame");
  const [width, height] = ["width", "height"].map((name) => Number(frame.getAttribute(name)));
  const copy = drawn.cloneNode(true);
  copy.setAttribute("class", "heatmap");
  copy.removeAttribute("transform");
  const picture = document.createElementNS(SVG, "svg");
  for (const [name, value] of Object.entries({
    class: "graph enlarged", viewBox: `0 0 ${width} ${height}`, width: 2 * width, height: 2 * height, "aria-hidden": "true",
  })) picture.setAttribute(name, value);
  picture.append(copy);
  return picture;
}

function rule({ rule, words: said }, words) {
  if (!rule && !said) return null;
  return make("section", { class: "rule-section", tabindex: "0", "aria-label": words.rule },
    make("h4", {}, words.rule),
    ...(rule ?? []).map(({ about, named, lines, words: below }) => make("div", { class: "formula" },
      named ? make("code", { class: "about" }, about) : make("span", { class: "about" }, about),
      make("div", { class: "formula-lines" },
        ...(lines ?? []).map((line) => make("div", { class: "formula-line" }, math(line, words))),
        ...(below ?? []).map((text) => make("p", { class: "muted small" }, ...rich(text)))))),
    ...(said ?? []).map((text) => make("p", { class: "muted small" }, ...rich(text))));
}

function math(line, words) {
  const whole = document.createElementNS(MATHML, "math");
  whole.append(build(line, words));
  return whole;
}

function build([tag, ...parts], words) {
  const element = document.createElementNS(MATHML, tag === "word" ? "mtext" : tag);
  element.append(...parts.map((part) => (Array.isArray(part) ? build(part, words) : tag === "word" ? `${words[part]}\u00a0` : part)));
  return element;
}

// A sentence whose `code` stands between backticks.
const rich = (text) => text.split("`").map((part, index) => (index % 2 ? make("code", {}, part) : part));

function sums(rows, words) {
  if (!rows) return null;
  const label = ([text, box]) => (box ? make("button", { type: "button", class: "link", "data-box": box }, make("code", {}, text)) : text);
  const row = (each) => make("tr", {}, make("td", {}, label(each)), make("td", {}, each[2] ? `+ ${each[2]}` : ""), make("td", {}, each[3] ?? ""));
  const titles = [words.from, words.part, words.total].map((text) => make("th", { scope: "col" }, text));
  return make("section", {},
    make("h4", {}, words.sum),
    make("div", { class: "table-scroll", tabindex: "0", role: "group", "aria-label": words.sum },
      make("table", { class: "steps-table sums" }, make("thead", {}, make("tr", {}, ...titles)), make("tbody", {}, ...rows.map(row)))));
}

function saved(items, words) {
  if (!items) return null;
  return make("details", { class: "more" },
    make("summary", {}, `${words.saved} `, make("span", { class: "count" }, String(items.length))),
    make("dl", { class: "facts" }, ...items.map(([name, text]) => make("div", {}, make("dt", {}, name), make("dd", {}, text)))));
}
