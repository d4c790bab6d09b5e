// The program's text: line numbers, marks behind the text, and selecting the exact characters of a span.
// Offsets are UTF-16 units into the text, as `selectionStart` counts.

export function startEditor() {
  const source = document.getElementById("source");
  const gutter = document.getElementById("gutter");
  const backdrop = document.getElementById("backdrop");
  const state = { composing: false };
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
    const fault = document.querySelector("#notices .excerpt");
    if (fault) mark(Number(fault.dataset.start), Number(fault.dataset.end), true);
    else backdrop.replaceChildren();
  }

  function select(start, end) {
    source.focus();
    source.setSelectionRange(start, end);
  }

  source.addEventListener("compositionstart", () => { state.composing = true; });
  source.addEventListener("compositionend", () => {
    state.composing = false;
    source.dispatchEvent(new Event("input", { bubbles: true }));
  });
  source.addEventListener("input", () => { number(); backdrop.replaceChildren(); });
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
  return { source, state, mark, clear, select };
}

// "line:column-line:column" with code-point columns -> UTF-16 offsets into `text`.
export function offsetsOf(span, text) {
  const found = /^(\d+):(\d+)-(\d+):(\d+)$/.exec(span ?? "");
  if (!found) return null;
  const lines = text.split("\n");
  const at = (line, column) =>
    lines.slice(0, line - 1).reduce((sum, each) => sum + each.length + 1, 0) +
    [...(lines[line - 1] ?? "")].slice(0, column).join("").length;
  const [line, column, endLine, endColumn] = found.slice(1).map(Number);
  return [at(line, column), at(endLine, endColumn)];
}
