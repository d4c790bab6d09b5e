// The program's text: line numbers, marks behind the text, and selecting the exact characters of a span.
// Offsets are UTF-16 units into the text, as `selectionStart` counts.
import { isLook } from "./patching.js";

export function startEditor() {
  const source = document.getElementById("source");
  const gutter = document.getElementById("gutter");
  const backdrop = document.getElementById("backdrop");
  // `resting`: the characters lit while nothing is pointed at; `shown`: the text the result on the page belongs to.
  const state = { composing: false, resting: null, shown: source.value };
  let numbered = 0;

  function number() {
    const lines = source.value.split("\n").length;
    if (lines === numbered) return;
    numbered = lines;
    source.rows = Math.min(24, Math.max(5, lines)); // where `field-sizing` is not known
    gutter.textContent = Array.from({ length: lines }, (_, index) => index + 1).join("\n");
  }

  function follow() {
    gutter.scrollTop = backdrop.scrollTop = source.scrollTop;
    backdrop.scrollLeft = source.scrollLeft;
  }

  function mark(start, end, fault = false) {
    const text = source.value;
    const marked = document.createElement("mark");
    marked.className = fault ? "fault" : "";
    marked.textContent = text.slice(start, end) || " ";
    backdrop.replaceChildren(text.slice(0, start), marked, text.slice(end) + "\n");
    follow();
  }

  function clear() {
    if (state.resting) return mark(...state.resting);
    const fault = document.querySelector("#notices .excerpt");
    if (fault) mark(Number(fault.dataset.start), Number(fault.dataset.end), true);
    else backdrop.replaceChildren();
    return null;
  }

  function rest(place) {
    state.resting = place;
  }

  // Scroll the text, not the page, so that what is marked can be seen.
  function reveal(start, end) {
    mark(start, end);
    const marked = backdrop.querySelector("mark");
    const [low, high] = [marked.offsetTop, marked.offsetTop + marked.offsetHeight];
    if (low < source.scrollTop || high > source.scrollTop + source.clientHeight) source.scrollTop = low - source.clientHeight / 3;
    follow();
  }

  function select(start, end) {
    source.focus();
    source.setSelectionRange(start, end);
  }

  // As if it were typed: the browser's own undo brings back what stood there.
  function write(text) {
    const focused = document.activeElement;
    source.focus({ preventScroll: true });
    source.select();
    if (!document.execCommand("insertText", false, text)) {
      source.value = text;
      source.dispatchEvent(new Event("input", { bubbles: true }));
    }
    source.setSelectionRange(0, 0);
    source.scrollTop = 0;
    focused?.focus({ preventScroll: true });
  }

  function set(text) {
    source.value = text;
    number();
    rest(null);
    clear();
  }

  // Another wording of the same program: what both share stays, and the caret with it.
  function exchange(text) {
    const old = source.value;
    const most = Math.min(old.length, text.length);
    let start = 0;
    while (start < most && old[start] === text[start]) start += 1;
    let end = 0;
    while (end < most - start && old.at(-1 - end) === text.at(-1 - end)) end += 1;
    source.setRangeText(text.slice(start, text.length - end), start, old.length - end, "preserve");
    number();
    rest(null);
    clear();
    if (!document.getElementById("stale")) state.shown = text;
  }

  document.addEventListener("htmx:config:request", ({ detail: { ctx } }) => { ctx.program = source.value; });
  document.addEventListener("htmx:after:swap", ({ detail: { ctx } }) => {
    if (ctx?.program !== undefined && !isLook(ctx) && !document.getElementById("stale")) state.shown = ctx.program;
  });
  source.addEventListener("compositionstart", () => { state.composing = true; });
  source.addEventListener("compositionend", () => {
    state.composing = false;
    source.dispatchEvent(new Event("input", { bubbles: true }));
  });
  source.addEventListener("input", () => { number(); rest(null); backdrop.replaceChildren(); });
  source.addEventListener("scroll", follow);
  document.addEventListener("click", (event) => {
    const place = event.target.closest("button[data-start]");
    if (place) select(Number(place.dataset.start), Number(place.dataset.end));
  });
  document.addEventListener("htmx:after:swap", clear);
  for (const [enter, leave] of [["pointerover", "pointerout"], ["focusin", "focusout"]]) {
    document.addEventListener(enter, (event) => {
      const place = event.target.closest?.("button[data-start]");
      if (place) mark(Number(place.dataset.start), Number(place.dataset.end));
    });
    document.addEventListener(leave, (event) => { if (event.target.closest?.("button[data-start]")) clear(); });
  }
  number();
  clear();
  return { source, state, mark, clear, rest, reveal, select, write, set, exchange, current: () => source.value === state.shown };
}

// "line:column-line:column" with code-point columns -> UTF-16 offsets into `text`.
export function offsetsOf(span, text) {
  const found = /^(\d+):(\d+)-(\d+):(\d+)$/.exec(span ?? "");
  if (!found) return null;
  const [line, column, endLine, endColumn] = found.slice(1).map(Number);
  return [offsetAt(text, line, column), offsetAt(text, endLine, endColumn)];
}

const known = { text: null, lines: [], starts: [] }; // many boxes ask about one text

function offsetAt(text, line, column) {
  if (known.text !== text) {
    const lines = text.split("\n");
    let at = 0;
    Object.assign(known, { text, lines, starts: lines.map((each) => (at += each.length + 1) - each.length - 1) });
  }
  if (line > known.lines.length) return text.length;
  return known.starts[line - 1] + [...known.lines[line - 1]].slice(0, column).join("").length;
}
