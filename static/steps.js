// A run op by op. The picture is drawn once; a step only shows and hides what is there by then: values while the calls go
// forward, gradients as torch's engine brought them back, and where several meet what they make so far. The last step is
// the whole picture.

const SVG = "http://www.w3.org/2000/svg";
const PACE = 900;

export function startSteps(editor, graph, links) {
  const state = { at: null, key: "", timer: 0 }; // at: how many stages are over; null is the whole picture
  let story = null;
  let listed = false; // whether the list of all steps is open

  // The story of a picture that was patched comes behind it: until then there is none.
  function read() {
    const panel = document.getElementById("stepper");
    const picture = graph.picture();
    const [seen, told] = ["seen", "told"].map((id) => document.getElementById(id)?.value);
    if (!panel || !(picture instanceof SVGElement) || seen !== told) return null;
    const { stages, values, grads, uses, edges, sums } = JSON.parse(document.getElementById("story").textContent);
    return {
      panel, values, grads, uses, edges,
      boxes: [...picture.querySelectorAll(".box")],
      lines: [...picture.querySelectorAll(".edge")],
      list: panel.querySelector(".stages"),
      stages: stages.map(([phase, now, near, said]) => ({ phase, now, near, said })),
      slider: panel.querySelector('input[type="range"]'),
      sums: sums.map(([boxes, at, text, inks]) => ({ boxes, at, text, inks })),
    };
  }

  function show() {
    const count = story.stages.length;
    const at = state.at ?? count;
    const stage = state.at ? story.stages[state.at - 1] : null;
    const [now, near] = [new Set(stage?.now), new Set(stage?.near)];
    story.boxes.forEach((box, index) => {
      box.classList.toggle("no-value", story.values[index] > at);
      box.classList.toggle("no-grad", story.grads[index] > at);
      box.classList.toggle("no-use", story.uses[index] > at);
      box.classList.toggle("now", now.has(index));
      box.classList.toggle("near", near.has(index) && !now.has(index));
    });
    const backward = stage?.phase === "backward";
    story.lines.forEach((line, index) => {
      line.classList.toggle("no-grad", story.edges[index] > at);
      line.classList.toggle("flows", backward && story.edges[index] === at);
    });
    showSums(at);
    showControls(at, count, stage);
    return stage;
  }

  function showSums(at) {
    for (const old of graph.picture().querySelectorAll(".so-far")) old.remove();
    const latest = new Map();
    for (const sum of story.sums) {
      if (sum.at <= at) for (const box of sum.boxes) if (story.grads[box] > at) latest.set(box, sum);
    }
    for (const [box, sum] of latest) story.boxes[box].append(...drawSum(story.boxes[box], sum));
  }

  const items = () => [...story.list.querySelectorAll("li")];

  // All steps in words: hundreds of them, so the list is written when it is opened.
  function writeList() {
    const list = story.list.querySelector("ol");
    if (!story.list.open) return list.replaceChildren();
    const words = story.stages.map(({ said }) => {
      const [item, button] = [document.createElement("li"), document.createElement("button")];
      Object.assign(button, { type: "button", textContent: said });
      item.append(button);
      return item;
    });
    list.replaceChildren(...words);
    return showControls(state.at ?? words.length, words.length, state.at ? story.stages[state.at - 1] : null);
  }

  function showControls(at, count, stage) {
    const { panel, slider } = story;
    slider.value = at;
    slider.setAttribute("aria-valuetext", `${at} / ${count}`);
    panel.querySelector(".step-count").textContent = `${at} / ${count}`;
    panel.querySelector(".step-said").textContent = stage?.said ?? (state.at === 0 ? panel.dataset.begins : panel.dataset.whole);
    for (const [index, item] of items().entries()) item.classList.toggle("now", story.stages[index] === stage);
    panel.classList.toggle("stepping", state.at !== null);
    panel.querySelector('[value="play"]').setAttribute("aria-pressed", String(Boolean(state.timer)));
    for (const [values, end] of [[["first", "back"], 0], [["next", "last"], count]]) {
      for (const value of values) panel.querySelector(`[value="${value}"]`).setAttribute("aria-disabled", String(at === end));
    }
  }

  // Move to a stage: its op is brought into view and its characters are lit.
  function go(at) {
    if (!story) return;
    state.at = at === null ? null : Math.max(0, Math.min(story.stages.length, at));
    const stage = show();
    const box = story.boxes[stage?.now[0]];
    if (box) graph.reveal(box);
    links.show(box ?? null);
    document.dispatchEvent(new CustomEvent("playground:step", { detail: { at: state.at } }));
  }

  function move(where) {
    const count = story.stages.length;
    const at = state.at ?? count;
    const target = { first: 0, back: at - 1, next: at + 1, last: count }[where];
    if (target >= 0 && target <= count) go(target);
  }

  function play() {
    const count = story.stages.length;
    if (state.timer) return pause();
    if ((state.at ?? count) >= count) go(0);
    state.timer = setInterval(() => {
      if (!story || (state.at ?? 0) >= story.stages.length) pause();
      else go(state.at + 1);
    }, PACE);
    return showControls(state.at ?? count, count, story.stages[state.at - 1]);
  }

  function pause() {
    clearInterval(state.timer);
    state.timer = 0;
    if (story) show();
  }

  function arrive() {
    const panel = story?.panel;
    if (story) listed = story.list.open;
    story = read();
    if (!story) return pause();
    const key = `${graph.viewport().dataset.key} ${story.stages.length}`;
    if (key !== state.key && state.key) state.at = null;
    state.key = key;
    story.list.open = listed;
    for (const phase of ["forward", "backward"]) {
      story.panel.querySelector(`.${phase}-part`).style.flexGrow = story.stages.filter((each) => each.phase === phase).length;
    }
    writeList();
    if (state.at !== null && story.panel !== panel) go(state.at);
    else show(); // the same picture with new numbers: the reader stays where they are
    return null;
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("#stepper button");
    if (!button || !story) return;
    if (button.value === "play") play();
    else if (button.closest("li")) { pause(); go(items().indexOf(button.closest("li")) + 1); }
    else { pause(); move(button.value); }
  });
  document.addEventListener("input", (event) => {
    if (!event.target.matches("#stepper input")) return;
    const at = Number(event.target.value);
    pause();
    go(at);
  });
  document.addEventListener("keydown", (event) => {
    if (!story || event.ctrlKey || event.metaKey || event.altKey || !event.target.closest?.("#panel-graph")) return;
    if (event.target.matches('input:not([type="range"])')) return;
    const where = { ",": "back", ".": "next", "<": "first", ">": "last" }[event.key];
    if (where) { pause(); move(where); }
    else if (event.key === "Escape" && state.at !== null && !event.defaultPrevented) { pause(); go(null); }
    else return;
    event.preventDefault();
  });
  document.addEventListener("toggle", ({ target }) => { if (story && target === story.list) writeList(); }, true);
  document.addEventListener("htmx:after:swap", arrive);
  arrive();
  return { at: () => state.at, go };
}

// What the gradients that have come make: the same lines where the whole gradient will stand.
function drawSum(box, { text, inks }) {
  const drawn = [...box.querySelectorAll("text.of-grad")].map((line) => {
    const copy = line.cloneNode(false);
    copy.classList.replace("of-grad", "so-far");
    copy.textContent = text;
    return copy;
  });
  const whole = box.querySelector(".heatmap.of-grad");
  if (!whole || !inks) return drawn;
  const map = whole.cloneNode(false);
  map.setAttribute("class", "heatmap so-far");
  for (const [kind, d] of inks) {
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("class", kind);
    path.setAttribute("d", d);
    map.append(path);
  }
  return [...drawn, map];
}
