// Boxes and characters linked both ways: a box that is pointed at, focused or pinned lights its characters in the
// program, the caret lights the boxes made by the expression it stands in. Arrow keys walk along the edges, Enter or a
// click pins, Esc releases. What is pinned stays pinned when new numbers arrive.
import { offsetsOf } from "./editor.js";

export function startLinks(editor, graph) {
  const state = { pinned: "", seat: "" }; // a node, and the id of the box that Tab reaches
  let dragged = null;
  // Asked many times, in a page of thousands of elements: of a picture it is known where they are.
  const parts = (kind) => [...(document.querySelector(`.viewport .${kind}`)?.children ?? [])];
  const boxes = () => parts("boxes");
  const boxOf = (event) => event.target.closest?.(".viewport .box");
  // Places in a text that has changed since are nobody's places.
  const offsets = (box) => (editor.current() ? offsetsOf(box?.dataset.span, editor.source.value) : null);
  // Where two graphs stand beside each other, what came from the same characters belongs together.
  const kin = (box) => {
    const same = box.dataset.span && box.ownerSVGElement.querySelector(".heading");
    return same ? boxes().filter((each) => each.dataset.span === box.dataset.span && !each.dataset.group) : [];
  };
  const copies = (node) => boxes().filter((box) => box.dataset.node === node);

  function light(chosen) {
    const lit = new Set(chosen.map((box) => box.id));
    for (const box of boxes()) box.classList.toggle("lit", lit.has(box.id));
    for (const edge of parts("edges")) {
      edge.classList.toggle("lit", lit.has(edge.dataset.producer) || lit.has(edge.dataset.consumer));
    }
  }

  function point(box) {
    light([...copies(box.dataset.node), ...kin(box)]);
    const found = offsets(box);
    if (found) editor.mark(...found);
  }

  function rest() {
    const pinned = state.pinned ? copies(state.pinned) : [];
    light([...pinned, ...pinned.slice(0, 1).flatMap(kin)]);
    editor.clear();
  }

  function pin(node, box = null) {
    state.pinned = node;
    const found = node ? offsets(box ?? copies(node)[0]) : null;
    editor.rest(found);
    showPinned();
    rest();
    if (found) editor.reveal(...found);
    document.dispatchEvent(new CustomEvent("playground:pin", { detail: { node } }));
  }

  // Light a box because another part of the page is about it: a step, an entry of the outline, something found.
  function show(box) {
    const found = box && offsets(box);
    editor.rest(found ?? (state.pinned ? offsets(copies(state.pinned)[0]) : null));
    if (found) editor.reveal(...found);
    editor.clear();
    for (const each of boxes()) each.classList.toggle("shown", each === box);
  }

  function showPinned() {
    for (const box of boxes()) {
      const pinned = Boolean(state.pinned) && box.dataset.node === state.pinned;
      box.classList.toggle("pinned", pinned);
      if (pinned) box.setAttribute("aria-current", "true");
      else box.removeAttribute("aria-current");
    }
  }

  function act(box) {
    if (box.dataset.group) document.dispatchEvent(new CustomEvent("playground:open", { detail: { box } }));
    else if (state.pinned === box.dataset.node) pin("");
    else pin(box.dataset.node, box);
  }

  // One box of the picture can be reached by Tab; the arrows lead on from there.
  function seat(box) {
    for (const each of boxes()) each.setAttribute("tabindex", each === box ? "0" : "-1");
    state.seat = box?.id ?? "";
  }

  function sit(box) {
    graph.reveal(box); // before it is lit, and has to be laid out again
    seat(box);
    box.focus({ preventScroll: true });
  }

  function arrive() {
    const all = boxes();
    if (state.pinned && !copies(state.pinned).length) pin("");
    seat(document.getElementById(state.seat)?.closest(".viewport .box") ?? all.find((box) => box.matches(".root")) ?? all[0]);
    if (state.pinned) editor.rest(offsets(copies(state.pinned)[0]));
    showPinned();
    rest();
  }

  function lightCaret() {
    if (document.activeElement !== editor.source) return;
    const caret = editor.source.selectionStart;
    const around = boxes()
      .map((box) => ({ box, found: offsets(box) }))
      .filter(({ found }) => found && found[0] <= caret && caret <= found[1]);
    const size = ({ found }) => found[1] - found[0];
    const least = Math.min(...around.map(size));
    light(around.filter((each) => size(each) === least).map(({ box }) => box));
  }

  for (const enter of ["pointerover", "focusin"]) {
    document.addEventListener(enter, (event) => {
      const box = boxOf(event);
      if (!box) return;
      if (enter === "focusin") seat(box);
      point(box);
    });
  }
  for (const leave of ["pointerout", "focusout"]) {
    document.addEventListener(leave, (event) => { if (boxOf(event)) rest(); });
  }
  document.addEventListener("selectionchange", lightCaret);
  document.addEventListener("pointerdown", (event) => { dragged = { x: event.clientX, y: event.clientY }; });
  document.addEventListener("click", (event) => {
    const box = boxOf(event);
    const moved = dragged && event.detail && Math.hypot(event.clientX - dragged.x, event.clientY - dragged.y) > 4;
    if (box && !moved) act(box); // the end of a drag is no click
  });
  document.addEventListener("keydown", (event) => {
    const box = boxOf(event);
    if (event.key === "Escape" && state.pinned) {
      pin("");
      event.preventDefault(); // one Escape releases one thing
    }
    if (!box || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Enter" || event.key === " ") act(box);
    else if (!walk(box, event.key, sit)) return;
    event.preventDefault();
  });
  document.addEventListener("htmx:after:swap", arrive, { capture: true }); // before the picture is measured
  arrive();
  return { boxes, pin, seat, sit, show, pinned: () => state.pinned };
}

// ------------------------------------------------------------------------------------------------ along the edges

const came = { from: "", to: "", up: false };

// Up to an operand, down to a consumer, left and right among those one could have gone to instead.
function walk(box, key, sit) {
  const picture = box.ownerSVGElement;
  const ends = (near, far) => [...new Set([...picture.querySelectorAll(".edge")]
    .filter((edge) => edge.dataset[near] === box.id)
    .map((edge) => edge.dataset[far]))];
  if (key === "Home" || key === "End") {
    const all = picture.querySelectorAll(".box");
    sit(all[key === "Home" ? 0 : all.length - 1]);
    return true;
  }
  if (key === "ArrowUp" || key === "ArrowDown") {
    const up = key === "ArrowUp";
    const found = up ? ends("consumer", "producer") : ends("producer", "consumer");
    const next = found.includes(came.from) && came.to === box.id ? came.from : found[0];
    if (next) {
      Object.assign(came, { from: box.id, to: next, up });
      sit(document.getElementById(next));
    }
    return true;
  }
  if (key !== "ArrowLeft" && key !== "ArrowRight") return false;
  const beside = siblings(box, picture);
  const next = beside[beside.indexOf(box.id) + (key === "ArrowLeft" ? -1 : 1)];
  if (next) {
    came.to = next;
    sit(document.getElementById(next));
  }
  return true;
}

function siblings(box, picture) {
  const edges = [...picture.querySelectorAll(".edge")];
  const known = came.to === box.id && document.getElementById(came.from);
  const [near, far] = known && !came.up ? ["producer", "consumer"] : ["consumer", "producer"];
  const middle = known ? came.from : edges.find((edge) => edge.dataset.producer === box.id)?.dataset.consumer;
  const found = new Set(edges.filter((edge) => edge.dataset[near] === middle).map((edge) => edge.dataset[far]));
  const left = (id) => document.getElementById(id).getBoundingClientRect().left;
  return [...found].sort((one, other) => left(one) - left(other));
}
