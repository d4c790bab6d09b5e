// The whole picture small, in the corner of its viewport, wherever it is larger than that: click or drag to go there.

const SVG = "http://www.w3.org/2000/svg";
const LONGEST = 150;

export function startMinimap(graph) {
  let map = null; // { root, frame, scale, picture }
  let held = false;

  function build(area, picture) {
    const { top, width, height } = graph.bounds();
    const scale = LONGEST / Math.max(width, height);
    const root = document.createElementNS(SVG, "svg");
    root.setAttribute("viewBox", `0 ${top} ${width} ${height}`);
    root.setAttribute("width", Math.max(24, width * scale));
    root.setAttribute("height", Math.max(24, height * scale));
    const cards = [...picture.querySelectorAll(".box")].map((each) => {
      const [, x, y] = /\(([-\d.]+)[ ,]+([-\d.]+)\)/.exec(each.getAttribute("transform"));
      const card = each.querySelector(".card");
      return `M${x} ${y}h${card.getAttribute("width")}v${card.getAttribute("height")}h-${card.getAttribute("width")}z`;
    });
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("d", cards.join(""));
    const frame = document.createElementNS(SVG, "rect");
    frame.setAttribute("vector-effect", "non-scaling-stroke");
    root.append(path, frame);
    area.parentElement.querySelector(".minimap").replaceChildren(root);
    return { root, frame, picture, key: area.dataset.key };
  }

  function show() {
    const [area, picture] = [graph.viewport(), graph.picture()];
    const corner = area?.parentElement.querySelector(".minimap");
    if (!corner) return;
    const whole = picture instanceof SVGElement ? picture.parentElement.getBoundingClientRect() : null;
    corner.hidden = !whole || (whole.width <= area.clientWidth && whole.height <= area.clientHeight);
    corner.classList.toggle("tall", Boolean(whole) && whole.height > area.clientHeight); // its last row can be scrolled free
    if (corner.hidden) return;
    if (map?.picture !== picture || map.key !== area.dataset.key) map = build(area, picture);
    const outer = area.getBoundingClientRect();
    const { top, width } = graph.bounds();
    const zoom = whole.width / width;
    map.frame.setAttribute("x", (outer.left - whole.left) / zoom);
    map.frame.setAttribute("y", top + (outer.top - whole.top) / zoom);
    map.frame.setAttribute("width", area.clientWidth / zoom);
    map.frame.setAttribute("height", area.clientHeight / zoom);
  }

  function go(event) {
    const [area, small, whole] = [graph.viewport(), map.root.getBoundingClientRect(), map.picture.parentElement.getBoundingClientRect()];
    const [across, down] = [(event.clientX - small.left) / small.width, (event.clientY - small.top) / small.height];
    const outer = area.getBoundingClientRect();
    area.scrollBy({
      left: whole.left + across * whole.width - outer.left - area.clientWidth / 2,
      top: whole.top + down * whole.height - outer.top - area.clientHeight / 2,
      behavior: "instant",
    });
  }

  let asked = 0;
  const soon = () => { asked ||= requestAnimationFrame(() => { asked = 0; show(); }); };
  document.addEventListener("playground:viewport", soon);
  document.addEventListener("playground:patched", () => { map = null; }); // the same picture, other boxes
  document.addEventListener("htmx:after:swap", soon);
  document.addEventListener("pointerdown", (event) => {
    held = Boolean(map && event.target.closest?.(".minimap"));
    if (held) { event.preventDefault(); go(event); }
  });
  document.addEventListener("pointermove", (event) => { if (held) go(event); });
  addEventListener("pointerup", () => { held = false; });
  soon();
}
