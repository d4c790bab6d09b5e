// Pause, continue, step and speed of a live run: what the reader asks for, and how the program says it stands.
import { offsetsOf } from "./editor.js";

const SPEEDS = [0.5, 1, 2, 5, 10, 30, 100, 300, null]; // steps a second; null is as fast as it can
const PATIENCE = 150; // milliseconds until a slider that moves is believed

// `order(command)` sends one command to the run and answers whether it was taken; `start()` begins a run.
export function startControls({ panel, say }, order, start) {
  const part = (id) => document.getElementById(`control-${id}`);
  const [group, toggle, step, speed, nonfinite] = ["run", "toggle", "step", "speed", "nonfinite"].map(part);
  const place = document.getElementById("training-held");
  const until = document.getElementById("training-until");
  const origin = document.getElementById("training-origin");
  const source = document.getElementById("source");
  let state = "running";
  let timer = 0;
  let known = false; // whether the run's bad loss has been told as a reason

  const live = () => !toggle.hidden;
  const rate = () => SPEEDS[Number(speed.value)];

  function showSpeed() {
    const chosen = rate();
    const word = chosen === null ? "speedFull" : chosen < 1 ? "speedSlow" : chosen === 1 ? "speedOne" : "speedMany";
    const text = say(word, { count: chosen, seconds: 1 / chosen });
    panel.querySelector("output[for=control-speed]").textContent = text;
    speed.setAttribute("aria-valuetext", text);
    part("rate").value = chosen ?? ""; // the next run begins with it
  }

  function show() {
    const going = state === "running";
    toggle.textContent = say(going ? "pause" : "resume");
    toggle.dataset.do = going ? "pause" : "resume";
    group.dataset.state = state;
  }

  async function ask(command, expected) {
    if (!live()) return;
    const before = state;
    state = expected;
    show();
    if (timer) await tellSpeed(); // chosen before: it comes before
    if (!(await order(command)) && state === expected) {
      state = before;
      show();
    }
  }

  async function tellSpeed() {
    clearTimeout(timer);
    timer = 0;
    if (live()) await order({ do: "speed", steps_per_second: rate() });
  }

  // What the program says of itself; where it is held, and where its loss stopped being a number.
  function held(told, current) {
    state = told.state;
    show();
    const line = told.state === "paused" && told.span ? say("heldAt", { line: told.span.line }) : "";
    write(place, [line, becauseOf(told)].filter(Boolean).join(" "));
    write(until, told.state === "paused" ? say("heldUntil", { time: timeAfter(panel.dataset.heldSeconds - told.seconds) }) : "");
    showOrigin(told.nonfinite, current);
  }

  // A bad loss is the reason of the first pause it is told with, not of those that are asked for later.
  function becauseOf({ state: now, nonfinite: found }) {
    if (!found || known || now !== "paused") return "";
    known = true;
    const value = { NaN: "NaN", Infinity: "∞", "-Infinity": "−∞" }[found.value];
    return say("heldBad", { name: found.series, value });
  }

  function showOrigin(nonfinite, current) {
    origin.hidden = !nonfinite;
    if (!nonfinite) return;
    const { kind, op, call, name, span, certain } = nonfinite.origin;
    const word = { call: !call ? "originOp" : certain ? "originCall" : "originUnsure", gradient: "originGradient", tensor: "originTensor", unseen: "originUnseen" }[kind];
    const text = say(word, { call, op, name });
    if (origin.dataset.text === text) return;
    origin.dataset.text = text;
    const parts = text.split("`").map((piece, at) => (at % 2 ? Object.assign(document.createElement("code"), { textContent: piece }) : piece));
    origin.replaceChildren(...parts);
    const offsets = current && span ? offsetsOf(`${span.line}:${span.column}-${span.end_line}:${span.end_column}`, source.value) : null;
    if (!offsets) return;
    const link = Object.assign(document.createElement("button"), { type: "button", className: "link", textContent: say("line", { line: span.line }) });
    [link.dataset.start, link.dataset.end] = offsets;
    origin.append(" ", link);
  }

  const timeAfter = (seconds) => new Date(Date.now() + 1000 * seconds).toLocaleTimeString(document.documentElement.lang, { hour: "2-digit", minute: "2-digit" });

  function write(element, text) {
    if (element.textContent !== text) element.textContent = text;
    element.hidden = !text;
  }

  toggle.addEventListener("click", () => ask({ do: toggle.dataset.do }, toggle.dataset.do === "pause" ? "pausing" : "running"));
  step.addEventListener("click", () => {
    if (live()) return ask({ do: "step" }, "stepping");
    part("paused").value = "on";
    start();
  });
  speed.addEventListener("input", () => {
    showSpeed();
    clearTimeout(timer);
    timer = setTimeout(tellSpeed, PATIENCE);
  });
  nonfinite.addEventListener("change", () => { if (live()) order({ do: "nonfinite", pause: nonfinite.checked }); });
  showSpeed();

  return {
    held,
    begin() {
      toggle.hidden = known = false;
      part("paused").value = "";
      held({ state: "running", nonfinite: null }, true);
    },
    end() {
      toggle.hidden = true;
      group.dataset.state = "";
      write(place, "");
      write(until, "");
    },
  };
}
