// The graph's numbers and the tensor panels of a live run, moved in place: the server draws them anew, and only what
// differs is changed. Where the reader is stays as it is: zoom, focus, what is open, what is lit, what is read.

export function startMoving() {
  const asker = document.getElementById("move-live");
  const form = document.getElementById("program");
  const state = { on: false, busy: false, again: false };

  function ask() {
    if (!state.on || document.hidden) return;
    if (state.busy) { state.again = true; return; }
    Object.assign(state, { busy: true, again: false });
    asker.dispatchEvent(new Event("move"));
  }

  document.addEventListener("htmx:finally:request", ({ detail: { ctx } }) => {
    if (ctx.sourceElement !== asker) return;
    state.busy = false;
    if (state.again) ask();
  });
  document.addEventListener("htmx:before:morph:attr", keepReader);
  // Opening a group is no edit while the numbers move: the picture is drawn again, the program goes on.
  form.addEventListener("playground:now", (event) => {
    if (!state.on) return;
    event.stopImmediatePropagation();
    ask();
  }, { capture: true });

  return { ask, follow(on) { state.on = on; } };
}

// The picture's size is the reader's zoom, `open` the reader's choice; what these classes say is what the reader does.
const READERS = ["lit", "pinned", "shown", "now", "near", "flows", "no-value", "no-grad", "no-use"];

function keepReader(event) {
  const { target, detail: { attrName, newValue } } = event;
  const sized = (attrName === "width" || attrName === "height") && target.matches(".viewport > svg");
  if (sized || (attrName === "open" && target.matches("details"))) event.preventDefault();
  if (attrName !== "class" || !target.matches(".viewport :is(.box, .edge)")) return;
  event.preventDefault();
  target.setAttribute("class", [newValue, ...READERS.filter((name) => target.classList.contains(name))].join(" "));
}
