// The last few runs below the newest one's curves: each in a colour and a pattern of its own, switched by a button, and
// named by what the program said then and says now.
import { press, set, write } from "./dom.js";

export const MOST = 3;
const COLOURS = 8;
const TOKEN = /\d+(?:\.\d*)?(?:e[+-]?\d+)?|\.\d+|[\p{L}_][\p{L}\p{N}_.]*|\s+|./giu;
const NAMED = 2; // changes that are spelled out
const LONGEST = 40; // characters of one of them

export function startEarlier(element, say, changed) {
  const state = { runs: [], count: 0 };

  element.addEventListener("click", (event) => {
    const run = state.runs.find(({ slot }) => String(slot) === event.target.closest("button")?.value);
    if (!run) return;
    run.on = !run.on;
    changed();
  });

  // A run that is over; the same program's earlier one goes, and so does the oldest where there are too many.
  function keep(curves, source) {
    const others = state.runs.filter((each) => each.source !== source).slice(-(MOST - 1));
    const taken = new Set(others.map(({ slot }) => slot));
    const slot = Array.from({ length: MOST }, (_, at) => at).find((at) => !taken.has(at));
    state.runs = [...others, { curves, source, slot, on: true, name: "" }];
  }

  // What each is called beside the program that runs now.
  function name(source) {
    for (const run of state.runs) run.name = nameOf(run.source, source, say);
  }

  function show(curvesOf, reading) {
    const shown = state.runs.filter((run) => curvesOf(run).length);
    set(element, { hidden: !shown.length });
    const keys = shown.map((run) => `${run.slot} ${run.name}`).join("\n");
    if (element.dataset.keys !== keys) {
      element.dataset.keys = keys;
      element.replaceChildren(element.firstElementChild, ...shown.map(entryOf));
    }
    shown.forEach((run, at) => {
      const entry = element.children[at + 1];
      press(entry, run.on);
      set(entry, { title: say(run.on ? "hideRun" : "showRun") });
      write(entry.querySelector(".curve-value"), reading(run));
    });
  }

  return { keep, name, show, on: () => state.runs.filter((run) => run.on) };
}

export const colourOf = ({ slot }) => COLOURS - 1 - slot;
export const dashOf = ({ slot }) => slot + 1;

function entryOf(run) {
  const entry = Object.assign(document.createElement("button"), { type: "button", value: String(run.slot), className: `curve c${colourOf(run)} d${dashOf(run)}` });
  for (const [kind, text] of [["swatch", ""], ["curve-name", run.name], ["curve-value", ""]]) {
    entry.append(Object.assign(document.createElement("span"), { className: kind, textContent: text }));
  }
  return entry;
}

// ------------------------------------------------------------------------------------------------ names

// `lr=0.1 → 0.01`; where more differs, how many lines do.
export function nameOf(then, now, say) {
  const [one, other] = between(...[then, now].map((text) => text.split("\n").map((line) => line.trimEnd()))).slice(1);
  if (!one.length && !other.length) return say("same");
  const changes = one.length === other.length ? one.flatMap((line, at) => (line === other[at] ? [] : [changeOf(line, other[at])])) : [];
  if (changes.length && changes.length <= NAMED) return changes.join(", ");
  return say("differ", { count: changes.length || Math.max(one.length, other.length) });
}

function changeOf(then, now) {
  const [head, one, other] = between(then.match(TOKEN) ?? [], now.match(TOKEN) ?? []);
  const said = (tokens) => tokens.join("").trim().slice(0, LONGEST) || "–";
  return `${nameBefore(head)}${said(one)} → ${said(other)}`;
}

// What the tokens before a change call it: `lr=`, or the function whose argument it is.
function nameBefore(head) {
  const told = head.filter((token) => token.trim());
  if (told.at(-1) === "=") return `${told.at(-2) ?? ""}=`;
  const called = told.at(-1) === "(" || told.at(-1) === "," ? told.slice(0, told.lastIndexOf("(")).at(-1) : "";
  return called ? `${called}: ` : "";
}

// What both begin with, and what stands in each before they end alike.
function between(one, other) {
  const least = Math.min(one.length, other.length);
  let head = 0;
  while (head < least && one[head] === other[head]) head += 1;
  let tail = 0;
  while (tail < least - head && one.at(-1 - tail) === other.at(-1 - tail)) tail += 1;
  return [one.slice(0, head), one.slice(head, one.length - tail), other.slice(head, other.length - tail)];
}
