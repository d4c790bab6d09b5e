// A pasted program that was repaired: the repaired text takes the place of what was sent, and Undo asks for the other.
import { isLook } from "./patching.js";

// The button that was pressed is gone with the answer: where its reader goes on.
const NEXT = { turn: "#repairs button[name=turn]", stand_ins: "#advice button[name=stand_ins]", fix: "#source" };

export function startRepairs(editor) {
  const form = document.getElementById("program");
  document.getElementById("repaired")?.remove(); // the page came with the repaired text already
  let pressed = null; // the button whose repair or edit the next request makes

  form.addEventListener("click", (event) => {
    const button = event.target.closest("button[name=turn], button[name=fix], button[name=stand_ins]");
    if (!button) return;
    event.preventDefault();
    pressed = button;
    form.dispatchEvent(new Event("playground:now"));
  });
  document.addEventListener("htmx:config:request", ({ detail: { ctx } }) => {
    if (isLook(ctx)) return;
    if (pressed) ctx.request.body.set(pressed.name, pressed.value);
    ctx.pressed = pressed?.name;
    pressed = null;
  });
  document.addEventListener("htmx:after:swap", ({ detail: { ctx } }) => {
    const repaired = document.getElementById("repaired");
    // Whoever typed on meanwhile has a request of their own on the way.
    if (repaired && ctx?.program === editor.source.value) editor.exchange(repaired.value);
    repaired?.remove();
    document.querySelector(NEXT[ctx?.pressed])?.focus();
  });
}
