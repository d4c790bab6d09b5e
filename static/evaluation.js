// When the page asks for a new result, and which answer it shows: on every edit after a pause, never while an input
// method composes, and never an older answer over a newer one. A training that takes its time is watched from then on.
import { isLook } from "./patching.js";

const PAUSE = 250;
const SLOW = 700;
const ONE_COLUMN = matchMedia("(width < 62rem)"); // the answer is out of sight then
const TRAINS = [/^\s*(async\s+)?(for|while)\b/m, /backward|step|loss|grad|损失|误差/i]; // what has no loop has no curve

export function startEvaluation(editor) {
  const form = document.getElementById("program");
  let asked = 0;
  let shown = 0;
  let timer = 0;
  let edits = 0;
  let unasked = false;
  let seeking = false;

  function evaluate() {
    clearTimeout(timer);
    if (editor.state.composing) return;
    edits += 1;
    form.dispatchEvent(new Event("evaluate"));
  }

  // Run is for programs that take their time: they are watched while they run.
  function run() {
    unasked = false;
    watch();
  }

  function runAndSee() {
    run();
    seeking = ONE_COLUMN.matches;
  }

  function watch() {
    clearTimeout(timer);
    if (editor.state.composing) return;
    form.dispatchEvent(new Event("htmx:abort"));
    document.getElementById("start-live").dispatchEvent(new Event("start"));
  }

  // An edit's program is not done yet: if it trains, it begins anew, watched, unless a run somebody asked for is.
  function goLive() {
    if (!document.dispatchEvent(new Event("playground:slow", { cancelable: true }))) return;
    if (!TRAINS.every((sign) => sign.test(form.elements.source.value))) return;
    unasked = true;
    watch();
  }

  function soon() {
    clearTimeout(timer);
    timer = setTimeout(evaluate, PAUSE);
  }

  form.addEventListener("input", (event) => { if (!event.isComposing && event.target.name !== "watch") soon(); });
  form.addEventListener("change", (event) => { if (event.target.matches("select, [type=checkbox]")) soon(); });
  form.addEventListener("playground:now", evaluate);
  form.addEventListener("submit", (event) => {
    if (event.submitter?.name) return; // the language switch loads the page anew, saving a program is a download
    event.preventDefault();
    runAndSee();
  });
  form.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.isComposing) return;
    const whole = event.ctrlKey || event.metaKey;
    if (!whole && !event.target.matches("input")) return;
    event.preventDefault();
    if (whole) runAndSee();
    else evaluate();
  });

  document.addEventListener("htmx:config:request", ({ detail: { ctx } }) => {
    if (!isLook(ctx)) asked += 1; // another look at the same answer
    ctx.sequence = asked;
    ctx.request.body.set("sequence", String(asked));
  });
  document.addEventListener("htmx:before:swap", (event) => {
    const { ctx } = event.detail;
    if (ctx.sequence < shown) event.preventDefault();
    else shown = ctx.sequence;
  });
  // htmx carries `style` over to what comes with the same id, as an attribute: the page's policy refuses that, and says so.
  document.addEventListener("htmx:before:swap", ({ detail: { tasks } }) => {
    for (const { target } of tasks) for (const each of target?.querySelectorAll?.("[id][style]") ?? []) each.removeAttribute("style");
  });
  document.addEventListener("htmx:after:swap", () => {
    if (seeking) document.getElementById("answer").scrollIntoView();
    seeking = false;
  });
  // A program that takes its time must not look finished meanwhile.
  const status = document.getElementById("status");
  let slow = 0;
  document.addEventListener("htmx:before:request", ({ detail: { ctx } }) => {
    clearTimeout(slow);
    if (isLook(ctx)) return; // nothing runs
    slow = setTimeout(() => {
      status.textContent = status.dataset.running;
      if (ctx.sourceElement === form) goLive();
    }, SLOW);
  });
  document.addEventListener("htmx:finally:request", () => clearTimeout(slow));
  const unreachable = document.getElementById("unreachable");
  document.addEventListener("htmx:after:swap", markFields);
  document.addEventListener("htmx:after:swap", markStale);
  document.addEventListener("htmx:after:request", () => { unreachable.hidden = true; });
  document.addEventListener("htmx:error", () => { unreachable.hidden = false; });
  markFields();
  return { edits: () => edits, unasked: () => unasked, evaluate, run };
}

// The result of an earlier text looks like one. The style sheet could ask whether the note is there, but then every
// change of the page would make it look again.
function markStale() {
  document.querySelector(".workbench").classList.toggle("behind", Boolean(document.getElementById("stale")));
}

// A problem that names an input marks that input's field.
function markFields() {
  const named = new Set([...document.querySelectorAll("#notices [data-name]")].map((notice) => notice.dataset.name));
  for (const field of document.querySelectorAll("#inputs .input")) {
    for (const text of field.querySelectorAll(".value, .short")) {
      text.setAttribute("aria-invalid", String(named.has(field.dataset.name)));
    }
  }
}
