// A live run: started by Run, or by an edit whose training takes its time; followed through its events; stopped by Stop,
// by the next run, or by leaving the page, and where nobody asked for it by the next edit.
// The browser itself connects again after a dropped connection and says which event it saw last.
import { startControls } from "./controls.js";
import { set, write } from "./dom.js";
import { startMoving } from "./moving.js";
import { sometimes } from "./pace.js";
import { startPredictions } from "./predictions.js";
import { Screen } from "./screen.js";
import { startTraining } from "./training.js";

const PATIENCE = 400; // milliseconds before a run without curves shows the panel

export function startLive(evaluation, watches) {
  const training = startTraining();
  const moving = startMoving();
  const { panel, say } = training;
  const predictions = startPredictions();
  const field = () => document.querySelector("#live [name=run]");
  const controls = startControls(training, order, evaluation.run);
  const find = (selector) => panel.querySelector(selector);
  const stops = [...document.querySelectorAll("[data-stop]")];
  let run = null;

  // --------------------------------------------------------------------------------------- one run

  function follow(id, source) {
    const whole = !run?.unasked || run.ended;
    leave();
    run = { id, unasked: evaluation.unasked(), edits: evaluation.edits(), began: 0, progress: null, mark: null, held: null, pausedAt: 0, paused: 0, screen: new Screen(), over: false, ended: false, timer: 0, patience: 0 };
    training.begin(source, whole, !run.unasked);
    predictions.begin();
    panel.dataset.run = id; // whose state it is
    tell("starting");
    show(find("#training-note"), "");
    showProgress(null);
    showOutput();
    find(".live-figure").hidden = true;
    for (const stop of stops) stop.hidden = false;
    controls.begin();
    const mine = run;
    run.patience = setTimeout(() => { if (run === mine && !mine.over) panel.hidden = false; }, PATIENCE);
    run.timer = setInterval(() => sometimes(showTime), 500);
    run.source = new EventSource(`/api/v1/runs/${encodeURIComponent(id)}/events?trace=none&tensors=none`);
    run.source.addEventListener("open", () => { if (run === mine && !mine.over) show(find("#training-note"), ""); });
    run.source.addEventListener("error", () => { if (run === mine) dropped(); });
    for (const [kind, act] of Object.entries(acts)) {
      run.source.addEventListener(kind, (event) => { if (run === mine) act(JSON.parse(event.data)); });
    }
  }

  const acts = {
    queued({ place }) { tell("queued", { place }); },
    running() {
      run.began = performance.now();
      tell("running");
    },
    held(told) {
      const now = performance.now();
      if (run.held?.state === "paused") run.paused += now - run.pausedAt;
      [run.held, run.pausedAt, run.mark] = [told, now, null];
      controls.held(told, evaluation.edits() === run.edits);
      if (told.state !== "running") panel.hidden = false;
      tell(told.state, {}, spentFacts());
      showProgress(run.progress);
    },
    cell(turn) {
      run.cell = turn;
      sometimes(showTime);
    },
    output({ stream, text }) {
      run.screen.take(stream, text);
      sometimes(showOutput);
    },
    // A row of their own each: they stand where they came, and a cleared output takes them along.
    shown({ shown }) { acts.output({ stream: "shown-now", text: `${shown.text}\n` }); },
    warned({ warned }) {
      const place = warned.span ? `${say("line", warned.span)} · ` : "";
      acts.output({ stream: "warned-now", text: `${place}${warned.category}: ${warned.message}\n` });
    },
    figure({ svg }) {
      const image = find(".live-figure");
      image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg)}`;
      image.hidden = find("#live-output").hidden = false;
    },
    training(frame) {
      panel.hidden = false;
      training.take(frame);
      sometimes(showWatched);
      if (frame.progress) acts.progress(frame.progress);
    },
    tensors() {
      moving.follow(evaluation.edits() === run.edits);
    },
    watching(told) { watches.stands(told); },
    predictions(look) { predictions.take(look); },
    progress(progress) {
      run.progress = progress;
      run.mark ??= { at: performance.now(), done: progress.done };
      sometimes(showTime);
    },
    snapshot({ curves, ribbons, progress }) {
      panel.hidden = panel.hidden && !curves.length;
      training.replace(curves, ribbons);
      if (progress) acts.progress(progress);
    },
    done(end) {
      run.ended = run.over = true;
      training.replace(end.curves, end.ribbons);
      showProgress(end.progress);
      tell(end.reason === "left alone" ? "alone" : end.state, {}, [say("seconds", { seconds: end.seconds.toFixed(1) })]);
      if (end.error) show(find("#training-note"), end.error.message);
      finish();
      panel.hidden = !end.curves.length; // a short run may bring all of them only now
      if (evaluation.edits() !== run.edits) show(find("#training-note"), say("edited"));
      else if (end.state !== "stopped") document.getElementById("end-live").dispatchEvent(new Event("end"));
    },
  };

  function dropped() {
    if (run.over) return;
    if (run.source.readyState !== EventSource.CLOSED) {
      show(find("#training-note"), say("dropped"));
      return;
    }
    run.over = true; // the server answered that there is no such run, or the page is being left
    show(find("#training-note"), say("gone"));
    tell("failed");
    finish();
  }

  function finish() {
    run.source.close();
    moving.end();
    clearInterval(run.timer);
    clearTimeout(run.patience);
    for (const stop of stops) stop.hidden = true;
    controls.end();
    find("#live-output").hidden = true;
    find("progress").removeAttribute("data-going");
  }

  // Nobody watches any more: a beacon goes out even while the page is being left.
  function leave() {
    if (!run || run.ended) return;
    run.ended = run.over = true;
    finish();
    tell("stopped");
    navigator.sendBeacon("/live/stop", new URLSearchParams({ run: run.id }));
  }

  async function stop() {
    if (!run || run.over) return;
    for (const each of stops) each.disabled = true;
    try {
      await fetch(`/api/v1/runs/${encodeURIComponent(run.id)}`, { method: "DELETE" });
    } catch { /* the note about the connection says it */ }
    for (const each of stops) each.disabled = false;
  }

  async function order(command) {
    if (!run || run.over) return false;
    const body = JSON.stringify(command);
    try {
      const answer = await fetch(`/api/v1/runs/${encodeURIComponent(run.id)}/control`, { method: "POST", headers: { "Content-Type": "application/json" }, body });
      return answer.ok;
    } catch {
      return false; // the note about the connection says it
    }
  }

  // ----------------------------------------------------------------------------------- what is told

  const status = document.getElementById("status");

  function tell(word, values = {}, facts = []) {
    const kinds = { finished: "completed", failed: "failed", stopped: "stopped", alone: "stopped", paused: "paused" };
    panel.dataset.state = word;
    find(".training-state .dot").className = `dot dot-${kinds[word] ?? "running"}`;
    show(find(".training-state .word"), say(word, values));
    show(find(".training-state .facts"), facts.map((fact) => ` · ${fact}`).join(""));
    const dot = Object.assign(document.createElement("span"), { className: `dot dot-${kinds[word] ?? "running"}` });
    const text = Object.assign(document.createElement("span"), { className: "status-word", textContent: say(word, values) });
    const told = facts.map((fact) => Object.assign(document.createElement("span"), { className: "fact", textContent: fact }));
    status.replaceChildren(dot, text, ...told);
  }

  function showTime() {
    if (!run?.began || run.over) return;
    show(find(".training-state .facts"), spentFacts().map((fact) => ` · ${fact}`).join(""));
    if (run.progress) showProgress(run.progress);
  }

  const showWatched = () => watches.show(training.curves().all);

  // How long the program has run, pauses left out.
  function spentFacts() {
    if (!run.began) return [];
    const now = performance.now();
    const paused = run.paused + (run.held?.state === "paused" ? now - run.pausedAt : 0);
    const cell = run.cell ? [say("cell", run.cell)] : [];
    return [...cell, say("seconds", { seconds: Math.round((now - run.began - paused) / 1000) })];
  }

  function showProgress(progress) {
    const row = find("#training-progress");
    set(row, { hidden: !progress || !(progress.done || progress.optimiser_steps) });
    if (row.hidden) return;
    const { done, total, optimiser_steps: steps } = progress;
    const bar = row.querySelector("progress");
    if (total) set(bar, { max: total, value: Math.min(done, total) });
    else if (run?.over) set(bar, { max: 1, value: 1 });
    else bar.removeAttribute("value");
    const facts = [total ? say("passes", { done, total }) : say("pass", { done })];
    if (steps && Math.abs(steps - done) > 1) facts.push(say("steps", { count: steps }));
    const left = run?.over ? null : secondsLeft(progress);
    if (left !== null) facts.push(say("left", { seconds: left }));
    show(row.querySelector(".passes"), facts.join(" · "));
  }

  // At the pace since it last went on, or was told another speed; nobody knows while it is held.
  function secondsLeft({ done, total }) {
    if (!total || !run.mark || (run.held && run.held.state !== "running")) return null;
    const spent = (performance.now() - run.mark.at) / 1000;
    const made = done - run.mark.done;
    return made > 0 && spent > 1 ? Math.ceil((spent / made) * (total - done)) : null;
  }

  function showOutput() {
    const box = find("#live-output .output");
    const below = box.scrollHeight - box.scrollTop - box.clientHeight < 40;
    run.screen.draw(box, box.dataset.progress);
    set(find("#live-output"), { hidden: run.over || !box.hasChildNodes() });
    if (below) box.scrollTop = box.scrollHeight;
  }

  function show(element, text) {
    write(element, text);
    if (element.id === "training-note") set(element, { hidden: !text });
  }

  // ------------------------------------------------------------------------------- what sets it going

  // A finished evaluation's curves are drawn in the same panel, unless a live run is being watched.
  let drawn = "";
  function arrive(event) {
    const started = field()?.value;
    const source = event?.detail.ctx?.program ?? document.getElementById("source").value;
    if (started && started !== run?.id) return follow(started, source);
    const data = document.getElementById("panel-trained")?.dataset.curves ?? "";
    if ((run && !run.over) || data === drawn) return;
    drawn = data;
    if (event?.detail.ctx.sourceElement?.id === "end-live") return; // the live run's own answer
    panel.hidden = !data;
    if (!data) return;
    training.begin(source);
    const { ribbons, predictions: looks } = document.getElementById("panel-trained").dataset;
    training.replace(JSON.parse(data), JSON.parse(ribbons));
    predictions.begin();
    JSON.parse(looks).forEach(predictions.take);
    panel.dataset.state = "";
    show(find("#training-note"), "");
    showProgress(null);
  }

  watches.follow({
    going: () => Boolean(run) && !run.over,
    changed: training.watch,
    order,
  });
  for (const each of stops) each.addEventListener("click", stop);
  document.addEventListener("htmx:after:swap", arrive);
  addEventListener("pagehide", leave);
  document.getElementById("program").addEventListener("evaluate", () => {
    if (!run?.unasked) return;
    leave();
    drawn = null; // its curves make room for those of the edit, or for none
  });
  document.addEventListener("playground:slow", (event) => { if (run && !run.over && !run.unasked) event.preventDefault(); });
  arrive();
}
