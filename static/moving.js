// The graph's numbers and the tensor panels of a live run, moved in place: the server draws them anew, and only what
// differs is changed. Where the reader is stays as it is: zoom, focus, what is open, what is lit, what is read. The first
// time all are drawn, then while they are in sight.
import { inSight } from "./pace.js";

export function startMoving() {
  const [asker, tell] = ["move-live", "tell"].map((id) => document.getElementById(id));
  const form = document.getElementById("program");
  const state = { on: false, busy: false, again: false, kept: [] };
  const move = inSight(document.getElementById("result"), send);

  function send() {
    if (!state.on || document.hidden) return;
    if (state.busy) { state.again = true; return; }
    Object.assign(state, { busy: true, again: false });
    asker.dispatchEvent(new Event("move"));
  }

  document.addEventListener("htmx:finally:request", ({ detail: { ctx } }) => {
    if (ctx.sourceElement !== asker) return;
    state.busy = false;
    if (state.again) move();
  });
  // A swap takes away what the server knows nothing of: what the reader opened, and what the pointer lights.
  document.addEventListener("htmx:before:swap", ({ detail: { ctx } }) => {
    state.kept = [asker, tell].includes(ctx.sourceElement) ? [...document.querySelectorAll("#result details[open], .viewport .lit")] : [];
  });
  document.addEventListener("htmx:after:swap", () => {
    for (const each of state.kept.splice(0)) {
      if (each instanceof HTMLDetailsElement) each.open = true;
      else each.classList.add("lit");
    }
  });
  // Opening a group is no edit while the numbers move: the picture is drawn again, the program goes on.
  form.addEventListener("playground:now", (event) => {
    if (!state.on) return;
    event.stopImmediatePropagation();
    send();
  }, { capture: true });

  return {
    // Something moved; whether what the page holds is still the program that runs.
    follow(current) {
      const first = current && !state.on;
      state.on = current;
      move(first);
    },
    end() { state.on = false; },
  };
}
