// The graph's viewport: drag to pan; buttons, keys, Ctrl+wheel and two fingers to zoom. Zoom and scroll stay where they
// are when new numbers arrive in the same picture. A gesture moves the picture by a transform, which the compositor
// does without painting; only its end gives the picture its new size. The picture lies on a paper: where groups open
// and close that alone grows and shrinks, since with another size of its own all in a picture is laid out anew.

const STEP = 1.25;
const SMALLEST = 0.75; // what a picture opens with where it does not fit: small enough to see much, large enough to read
const BESIDE = 0.45; // likewise of two graphs beside each other, of which both are to be seen
const SETTLED = 160;
const GRAIN = 256; // a zoom is so many parts of one: sizes are exact then, and a picture that grows keeps its scale

export function startGraph() {
  const view = { zoom: 0, left: 0, top: 0, key: "", area: null, across: 0 }; // across: how wide the viewport was last
  const viewport = () => document.querySelector(".viewport");
  const picture = () => document.querySelector(".paper > :is(svg, img)");
  const paper = () => picture()?.parentElement;
  const gesture = startGesture(viewport, paper, (factor) => { view.zoom = bounded(current() * factor); show(); });

  // What the picture shows of its own plane: how far above zero it begins, how wide and how high it is.
  function bounds(image = picture()) {
    const box = image.dataset.box ?? image.getAttribute("viewBox");
    if (!box) return { top: 0, width: image.naturalWidth || 300, height: image.naturalHeight || 200 };
    const [, top, width, height] = box.split(" ").map(Number);
    return { top, width, height };
  }

  function fitting(whole) {
    const { width, height } = bounds();
    const across = ((view.across ||= viewport().clientWidth) - 24) / width;
    return Math.min(1, across, whole ? (innerHeight * 0.7 - 24) / height : 1);
  }

  const bounded = (zoom) => Math.min(4, Math.max(0.05, zoom));
  const wanted = () => view.zoom || Math.max(fitting(false), picture()?.querySelector(".heading") ? BESIDE : SMALLEST);
  const current = () => Math.floor(wanted() * GRAIN) / GRAIN;

  function show() {
    const image = picture();
    if (!image) return;
    size(image);
    if (view.across !== viewport().clientWidth) { view.across = viewport().clientWidth; size(image); }
    document.dispatchEvent(new Event("playground:viewport"));
  }

  // All text in the picture is measured anew at each of its scales, so it gets its size before anything is measured.
  function size(image) {
    const { width, height } = bounds(image);
    Object.assign(image.parentElement.style, { width: `${width * current()}px`, height: `${height * current()}px` });
    if (image.dataset.box && Number(image.dataset.scale) === current()) return; // it reaches beyond its own size
    if (image.dataset.box) image.setAttribute("viewBox", image.dataset.box);
    delete image.dataset.box;
    image.dataset.scale = current();
    for (const [name, side] of [["width", width], ["height", height]]) {
      const length = String(side * current());
      if (image.getAttribute(name) !== length) image.setAttribute(name, length); // even the same is laid out anew
    }
  }

  function zoom(factor) {
    if (!picture()) return;
    if (factor) gesture.scale(factor);
    else {
      view.zoom = bounded(fitting(true));
      show();
    }
  }

  // A picture wider than its viewport opens with the result in the middle, not with an empty corner; where the result
  // lies further down, with the middle one of the boxes that are seen.
  function besideBoxes(area) {
    const outer = area.getBoundingClientRect();
    const places = [...area.querySelectorAll(".box")].map((box) => ({ box, place: box.getBoundingClientRect() }));
    const seen = places.filter(({ place }) => place.top < outer.top + area.clientHeight).sort((one, other) => one.place.left - other.place.left);
    const { place } = seen.find(({ box }) => box.matches(".root")) ?? seen[seen.length >> 1] ?? {};
    if (!place) return 0;
    return Math.max(0, place.left - outer.left + area.scrollLeft + place.width / 2 - area.clientWidth / 2);
  }

  function arrive() {
    const area = viewport();
    if (!area) return;
    const another = area.dataset.key !== view.key;
    if (another) Object.assign(view, { zoom: 0, left: 0, top: 0, key: area.dataset.key });
    const image = picture();
    if (image instanceof HTMLImageElement && !image.complete) image.addEventListener("load", show, { once: true });
    show();
    if (another) view.left = besideBoxes(area);
    if (another || area !== view.area) area.scrollTo({ left: view.left, top: view.top, behavior: "instant" });
    if (area === view.area) return;
    view.area = area;
    area.addEventListener("scroll", () => {
      Object.assign(view, { left: area.scrollLeft, top: area.scrollTop });
      document.dispatchEvent(new Event("playground:viewport"));
    }, { passive: true });
  }

  // Scroll as little as needed to have a box in view, with a little around it.
  function reveal(box) {
    const area = viewport();
    if (!area || !box) return;
    const [outer, inner, margin] = [area.getBoundingClientRect(), box.getBoundingClientRect(), 32];
    const along = (start, end, low, high) =>
      start < low + margin ? start - low - margin : Math.max(0, Math.min(end - high + margin, start - low - margin));
    area.scrollBy({
      left: along(inner.left, inner.right, outer.left, outer.left + area.clientWidth),
      top: along(inner.top, inner.bottom, outer.top, outer.top + area.clientHeight),
      behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "instant" : "smooth",
    });
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest(".zoom button");
    if (button) zoom({ in: STEP, out: 1 / STEP }[button.value]);
  });
  document.addEventListener("keydown", (event) => {
    const factor = { "+": STEP, "=": STEP, "-": 1 / STEP, "0": 0 }[event.key];
    if (factor === undefined || event.ctrlKey || event.metaKey || !event.target.closest?.(".viewport")) return;
    event.preventDefault();
    zoom(factor);
  });
  startDragging(viewport);
  document.addEventListener("playground:patched", () => size(picture()));
  document.addEventListener("htmx:after:swap", arrive);
  addEventListener("resize", show);
  arrive();
  return { viewport, picture, bounds, reveal };
}

// Zoom about a point: by transform while it goes on, `commit(factor)` when it has settled.
function startGesture(viewport, paper, commit) {
  let moved = null;
  let fingers = null;

  function scale(factor, x, y) {
    const [area, image] = [viewport(), paper()];
    if (!image) return;
    if (moved?.image !== image) {
      const box = image.getBoundingClientRect();
      moved = { image, scale: 1, left: 0, top: 0, x: box.left, y: box.top, timer: 0 };
      area.style.height = `${area.offsetHeight}px`;
      area.classList.add("zooming"); // nothing around the picture is laid out anew meanwhile
      image.style.willChange = "transform";
      image.style.transformOrigin = "0 0";
    }
    const outer = area.getBoundingClientRect();
    const [cx, cy] = [(x ?? outer.left + area.clientWidth / 2) - moved.x, (y ?? outer.top + area.clientHeight / 2) - moved.y];
    moved.left = cx - (cx - moved.left) * factor;
    moved.top = cy - (cy - moved.top) * factor;
    moved.scale *= factor;
    image.style.transform = `translate(${moved.left}px, ${moved.top}px) scale(${moved.scale})`;
    clearTimeout(moved.timer);
    moved.timer = setTimeout(settle, SETTLED);
  }

  function settle() {
    const { image, scale: factor } = moved;
    moved = null;
    const area = image.closest(".viewport");
    if (!area) return;
    const before = image.getBoundingClientRect();
    area.classList.remove("zooming");
    area.style.removeProperty("height");
    for (const name of ["transform", "transform-origin", "will-change"]) image.style.removeProperty(name);
    commit(factor);
    const after = image.getBoundingClientRect();
    area.scrollBy({ left: after.left - before.left, top: after.top - before.top, behavior: "instant" });
  }

  const spread = ([one, other]) => Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY);
  document.addEventListener("wheel", (event) => {
    if (!event.ctrlKey || !event.target.closest?.(".viewport")) return;
    event.preventDefault();
    scale(Math.exp(-Math.max(-60, Math.min(60, event.deltaY)) / 180), event.clientX, event.clientY);
  }, { passive: false });
  document.addEventListener("touchmove", (event) => {
    if (event.touches.length !== 2 || !event.target.closest?.(".viewport")) { fingers = null; return; }
    event.preventDefault();
    const apart = spread(event.touches);
    const [one, other] = event.touches;
    if (fingers) scale(apart / fingers, (one.clientX + other.clientX) / 2, (one.clientY + other.clientY) / 2);
    fingers = apart;
  }, { passive: false });
  document.addEventListener("touchend", () => { fingers = null; });
  return { scale };
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
