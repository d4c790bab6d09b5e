// A plane with axes on a canvas: an image below, lines and marked points above it, read by pointer and by keys.
import { startTokens } from "./tokens.js";

const ROOM = { left: 56, right: 12, top: 12, bottom: 40 };
const REACH = 16; // pixels from a point at which the pointer finds it
export const SHAPES = ["●", "■", "▲", "◆", "✚", "✖", "▼", "★"];

// `onRead({ point, x, y } | null)`: the index of the point found, and where the pointer stands.
export function startField(element, onRead) {
  const canvas = element.querySelector("canvas");
  const ink = canvas.getContext("2d");
  const { colour, forget } = startTokens(element);
  let scene = null;
  let found = null;
  let across = 0; // how wide it is, as the observer below was told

  const size = () => ({ width: across, height: scene.square ? Math.min(Math.max(260, across * 0.8), 480) : 300 });
  const inner = () => {
    const { width, height } = size();
    return { left: ROOM.left, top: ROOM.top, width: width - ROOM.left - ROOM.right, height: height - ROOM.top - ROOM.bottom };
  };
  const along = (x) => inner().left + ((x - scene.left) / (scene.right - scene.left)) * inner().width;
  const up = (y) => inner().top + (1 - (y - scene.bottom) / (scene.top - scene.bottom)) * inner().height;

  function draw() {
    if (!scene || !across) return;
    const { width, height } = size();
    const ratio = devicePixelRatio;
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
      Object.assign(canvas, { width: Math.round(width * ratio), height: Math.round(height * ratio) });
      canvas.style.height = `${height}px`;
    }
    ink.setTransform(ratio, 0, 0, ratio, 0, 0);
    ink.clearRect(0, 0, width, height);
    if (scene.image) drawImage();
    drawAxes();
    ink.save();
    const { left, top, width: wide, height: high } = inner();
    ink.beginPath();
    ink.rect(left, top, wide, high);
    ink.clip();
    if (scene.level) drawLevel(scene.level);
    for (const line of scene.lines) if (line.below) drawLine(line);
    scene.points.forEach((point) => drawPoint(point, scene.pointSize ?? 4.5));
    for (const line of scene.lines) if (!line.below) drawLine(line);
    if (found !== null && scene.points[found]) drawPoint({ ...scene.points[found], found: true }, 7);
    ink.restore();
  }

  function drawImage() {
    const { columns, pixels } = scene.image;
    const small = Object.assign(document.createElement("canvas"), { width: columns, height: columns });
    small.getContext("2d").putImageData(new ImageData(pixels, columns, columns), 0, 0);
    const half = inner().width / (columns - 1) / 2; // the first and last columns stand on the frame itself
    const rise = inner().height / (columns - 1) / 2;
    const { left, top, width, height } = inner();
    ink.save();
    ink.beginPath();
    ink.rect(left, top, width, height);
    ink.clip();
    ink.imageSmoothingEnabled = true;
    ink.drawImage(small, left - half, top - rise, width + 2 * half, height + 2 * rise);
    ink.restore();
  }

  function drawAxes() {
    const { left, top, width, height } = inner();
    ink.lineWidth = 1;
    ink.strokeStyle = colour("--line");
    ink.fillStyle = colour("--soft");
    ink.font = "12px system-ui, sans-serif";
    ink.textAlign = "center";
    ink.textBaseline = "top";
    for (const tick of ticks(scene.left, scene.right, width / 80)) {
      if (!scene.image) rule(along(tick), top, along(tick), top + height);
      ink.fillText(tell(tick), along(tick), top + height + 5);
    }
    ink.textAlign = "right";
    ink.textBaseline = "middle";
    for (const tick of ticks(scene.bottom, scene.top, height / 50)) {
      if (!scene.image) rule(left, up(tick), left + width, up(tick));
      ink.fillText(tell(tick), left - 6, up(tick));
    }
    ink.strokeStyle = colour("--edge");
    ink.strokeRect(left + 0.5, top + 0.5, width - 1, height - 1);
    ink.textAlign = "center";
    ink.textBaseline = "bottom";
    ink.fillText(clip(scene.labels[0]), left + width / 2, top + height + ROOM.bottom - 2);
    ink.save();
    ink.translate(11, top + height / 2);
    ink.rotate(-Math.PI / 2);
    ink.textBaseline = "middle";
    ink.fillText(clip(scene.labels[1]), 0, 0);
    ink.restore();
  }

  function rule(x, y, toX, toY) {
    ink.beginPath();
    ink.moveTo(x, y);
    ink.lineTo(toX, toY);
    ink.stroke();
  }

  function drawLine({ xs, ys, colour: name, dash = [], width = 2.5 }) {
    ink.strokeStyle = colour(name);
    ink.lineWidth = width;
    ink.lineJoin = "round";
    ink.setLineDash(dash);
    ink.beginPath();
    let pen = false;
    xs.forEach((x, at) => {
      if (!Number.isFinite(x) || !Number.isFinite(ys[at])) { pen = false; return; }
      if (pen) ink.lineTo(along(x), up(ys[at]));
      else ink.moveTo(along(x), up(ys[at]));
      pen = true;
    });
    ink.stroke();
    ink.setLineDash([]);
  }

  // Where the values on the grid cross a level, cell by cell.
  function drawLevel({ columns, values, at }) {
    ink.strokeStyle = colour("--ink");
    ink.lineWidth = 1.75;
    ink.beginPath();
    const place = (column, row) => [
      along(scene.left + (column / (columns - 1)) * (scene.right - scene.left)), up(scene.bottom + (row / (columns - 1)) * (scene.top - scene.bottom)),
    ];
    for (let row = 0; row + 1 < columns; row += 1) {
      for (let column = 0; column + 1 < columns; column += 1) {
        const corners = [[column, row], [column + 1, row], [column + 1, row + 1], [column, row + 1]];
        const heights = corners.map(([one, two]) => values[two * columns + one] - at);
        const cuts = corners.flatMap((corner, side) => {
          const next = (side + 1) % 4;
          if (!(heights[side] < 0 !== heights[next] < 0)) return [];
          const share = heights[side] / (heights[side] - heights[next]);
          return [place(corner[0] + share * (corners[next][0] - corner[0]), corner[1] + share * (corners[next][1] - corner[1]))];
        });
        for (let cut = 0; cut + 1 < cuts.length; cut += 2) {
          ink.moveTo(...cuts[cut]);
          ink.lineTo(...cuts[cut + 1]);
        }
      }
    }
    ink.stroke();
  }

  function drawPoint({ x, y, colour: name, shape = 0, wrong, found: chosen }, radius) {
    if (!Number.isFinite(x) || !Number.isFinite(y)) return;
    const [left, top] = [along(x), up(y)];
    trace(shape % SHAPES.length, left, top, radius);
    ink.fillStyle = colour(name);
    ink.strokeStyle = colour(chosen || scene.image ? "--ink" : "--sheet");
    ink.lineWidth = chosen ? 2 : 1;
    ink.fill();
    ink.stroke();
    if (!wrong) return;
    ink.beginPath();
    ink.arc(left, top, radius + 3, 0, 2 * Math.PI);
    ink.strokeStyle = colour("--bad");
    ink.lineWidth = 1.75;
    ink.stroke();
  }

  function trace(shape, x, y, r) {
    const paths = [
      null,
      [[-0.9, -0.9], [0.9, -0.9], [0.9, 0.9], [-0.9, 0.9]],
      [[0, -1.2], [1.1, 0.8], [-1.1, 0.8]],
      [[0, -1.3], [1.1, 0], [0, 1.3], [-1.1, 0]],
      [[-0.4, -1.2], [0.4, -1.2], [0.4, -0.4], [1.2, -0.4], [1.2, 0.4], [0.4, 0.4], [0.4, 1.2], [-0.4, 1.2], [-0.4, 0.4], [-1.2, 0.4], [-1.2, -0.4], [-0.4, -0.4]],
      [[-1.1, -0.6], [-0.6, -1.1], [0, -0.5], [0.6, -1.1], [1.1, -0.6], [0.5, 0], [1.1, 0.6], [0.6, 1.1], [0, 0.5], [-0.6, 1.1], [-1.1, 0.6], [-0.5, 0]],
      [[-1.1, -0.8], [1.1, -0.8], [0, 1.2]],
      Array.from({ length: 10 }, (_, at) => [Math.sin((at * Math.PI) / 5) * (at % 2 ? 0.55 : 1.3), -Math.cos((at * Math.PI) / 5) * (at % 2 ? 0.55 : 1.3)]),
    ];
    ink.beginPath();
    if (!paths[shape]) ink.arc(x, y, r, 0, 2 * Math.PI);
    else paths[shape].forEach(([dx, dy], at) => (at ? ink.lineTo(x + dx * r, y + dy * r) : ink.moveTo(x + dx * r, y + dy * r)));
    ink.closePath();
  }

  // ------------------------------------------------------------------------------------------------ reading

  function nearest(left, top) {
    let best = null;
    let least = REACH ** 2;
    scene.points.forEach(({ x, y }, at) => {
      const distance = (along(x) - left) ** 2 + (up(y) - top) ** 2;
      if (distance < least) [best, least] = [at, distance];
    });
    return best;
  }

  function read(place, at = null) {
    found = place;
    draw();
    onRead(place === null && !at ? null : { point: place, ...at });
  }

  canvas.addEventListener("pointermove", (event) => {
    if (!scene) return;
    const { left, top, width, height } = inner();
    const [x, y] = [event.offsetX, event.offsetY];
    if (x < left || x > left + width || y < top || y > top + height) return read(null);
    const at = { x: scene.left + ((x - left) / width) * (scene.right - scene.left), y: scene.bottom + (1 - (y - top) / height) * (scene.top - scene.bottom) };
    read(nearest(x, y), at);
  });
  canvas.addEventListener("pointerleave", () => scene && read(null));
  element.addEventListener("keydown", (event) => {
    if (!scene?.points.length || event.ctrlKey || event.metaKey || event.altKey) return;
    const order = scene.points.map((_, at) => at).sort((one, two) => scene.points[one].x - scene.points[two].x);
    const now = found === null ? -1 : order.indexOf(found);
    const next = { ArrowRight: now + 1, ArrowLeft: now < 0 ? order.length - 1 : now - 1, Home: 0, End: order.length - 1 }[event.key];
    if (event.key === "Escape" && found !== null) read(null);
    else if (next === undefined) return;
    else read(order[Math.min(order.length - 1, Math.max(0, next))]);
    event.preventDefault();
  });
  new ResizeObserver(() => {
    across = element.clientWidth;
    draw();
  }).observe(element);

  return {
    colour,
    repaint() {
      forget();
      draw();
    },
    show(next) {
      scene = next;
      if (found !== null && found >= scene.points.length) found = null;
      draw();
    },
    reading: () => found,
  };
}

function ticks(low, high, about) {
  const rough = (high - low) / Math.max(2, about);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((each) => each * power).find((each) => each >= rough);
  const found = [];
  for (let at = Math.ceil(low / step); at * step <= high + step * 1e-9 && found.length < 50; at += 1) found.push(at * step);
  return found;
}

const tell = (value) => String(Number(value.toPrecision(6))).replace("-", "−");
const clip = (text) => (text.length > 40 ? `${text.slice(0, 39)}…` : text);
