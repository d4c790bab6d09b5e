// The graph's viewport: drag to pan, buttons to zoom, and boxes linked to their characters in the program.
// Zoom and scroll stay where they are when new numbers arrive in the same picture.
import { offsetsOf } from "./editor.js";

const STEP = 1.25;
const SMALLEST = 0.6; // what a picture opens with where it does not fit: small enough to see much, large enough to read

export function startGraph(editor) {
  const view = { zoom: 0, left: 0, top: 0, key: "" };
  const viewport = () => document.querySelector(".viewport");
  const picture = () => document.querySelector(".viewport > :is(svg, img)");

  function natural(image) {
    const box = image.viewBox?.baseVal;
    return box?.width ? [box.width, box.height] : [image.naturalWidth || 300, image.naturalHeight || 200];
  }

  function fitting(whole) {
    const [width, height] = natural(picture());
    const across = (viewport().clientWidth - 24) / width;
    return Math.min(1, across, whole ? (innerHeight * 0.7 - 24) / height : 1);
  }

  function show() {
    const image = picture();
    if (!image) return;
    const [width, height] = natural(image);
    const zoom = view.zoom || Math.max(fitting(false), SMALLEST);
    image.setAttribute("width", Math.round(width * zoom));
    image.setAttribute("height", Math.round(height * zoom));
  }

  function zoom(factor) {
    const area = viewport();
    const before = view.zoom || Math.max(fitting(false), SMALLEST);
    view.zoom = factor ? Math.min(4, Math.max(0.1, before * factor)) : fitting(true);
    const ratio = view.zoom / before;
    const [left, top] = [area.scrollLeft + area.clientWidth / 2, area.scrollTop + area.clientHeight / 2];
    show();
    area.scrollTo(left * ratio - area.clientWidth / 2, top * ratio - area.clientHeight / 2);
  }

  // A picture wider than its viewport opens with the result in the middle, not with an empty corner.
  function besideRoot(area) {
    const root = area.querySelector(".box.root")?.getBoundingClientRect();
    if (!root) return 0;
    const middle = root.left - area.getBoundingClientRect().left + area.scrollLeft + root.width / 2;
    return Math.max(0, middle - area.clientWidth / 2);
  }

  function arrive() {
    const area = viewport();
    if (!area) return;
    const another = area.dataset.key !== view.key;
    if (another) Object.assign(view, { zoom: 0, left: 0, top: 0, key: area.dataset.key });
    const image = picture();
    if (image instanceof HTMLImageElement && !image.complete) image.addEventListener("load", show, { once: true });
    show();
    if (another) view.left = besideRoot(area);
    area.scrollTo(view.left, view.top);
    area.addEventListener("scroll", () => Object.assign(view, { left: area.scrollLeft, top: area.scrollTop }));
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest(".zoom button");
    if (button) zoom({ in: STEP, out: 1 / STEP }[button.value]);
  });
  startDragging(viewport);
  startLinks(editor);
  document.addEventListener("htmx:after:swap", arrive);
  addEventListener("resize", show);
  arrive();
}

function startDragging(viewport) {
  let from = null;
  document.addEventListener("pointerdown", (event) => {
    const area = event.pointerType === "mouse" && event.button === 0 && event.target.closest(".viewport");
    if (area) from = { x: event.clientX + area.scrollLeft, y: event.clientY + area.scrollTop };
  });
  document.addEventListener("pointermove", (event) => {
    const area = from && viewport();
    if (!area) return;
    area.classList.add("dragging");
    area.scrollTo({ left: from.x - event.clientX, top: from.y - event.clientY, behavior: "instant" });
  });
  addEventListener("pointerup", () => {
    from = null;
    viewport()?.classList.remove("dragging");
  });
}

// A box lights its characters while it is pointed at or focused, and the characters at the caret light their box; click
// or Enter selects the characters; a group opens.
function startLinks(editor) {
  const boxOf = (event) => event.target.closest?.(".viewport .box");
  const offsets = (box) => offsetsOf(box?.dataset.span, editor.source.value);
  const boxes = () => [...document.querySelectorAll(".viewport .box")];

  function light(chosen) {
    const lit = new Set(chosen.map((box) => box.id));
    for (const box of boxes()) box.classList.toggle("lit", lit.has(box.id));
    for (const edge of document.querySelectorAll(".viewport .edge")) {
      edge.classList.toggle("lit", lit.has(edge.dataset.producer) || lit.has(edge.dataset.consumer));
    }
  }

  function point(event) {
    const box = boxOf(event);
    if (!box) return;
    light(boxes().filter((each) => each.dataset.node === box.dataset.node));
    const found = offsets(box);
    if (found) editor.mark(...found);
  }

  function release(event) {
    if (!boxOf(event)) return;
    light([]);
    editor.clear();
  }

  function act(event) {
    const box = boxOf(event);
    if (!box) return;
    if (box.dataset.group) open(box.dataset.group);
    else {
      const found = offsets(box);
      if (found) editor.select(...found);
    }
  }

  function open(group) {
    const form = editor.source.form;
    const opened = document.createElement("input");
    Object.assign(opened, { type: "hidden", name: "opened", value: group });
    form.append(opened);
    form.dispatchEvent(new Event("playground:now"));
  }

  function lightCaret() {
    if (document.activeElement !== editor.source) return;
    const caret = editor.source.selectionStart;
    const around = boxes()
      .map((box) => ({ box, found: offsets(box) }))
      .filter(({ found }) => found && found[0] <= caret && caret <= found[1])
      .sort((one, other) => one.found[1] - one.found[0] - (other.found[1] - other.found[0]));
    light(around.slice(0, 1).map(({ box }) => box));
  }

  for (const enter of ["pointerover", "focusin"]) document.addEventListener(enter, point);
  for (const leave of ["pointerout", "focusout"]) document.addEventListener(leave, release);
  document.addEventListener("selectionchange", lightCaret);
  document.addEventListener("click", act);
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !boxOf(event)) return;
    event.preventDefault(); // the program's text has the focus by now and must not get a new line
    act(event);
  });
}
