// Files made in the page: text as it is, and the plot with its legend as a picture.

export function save(name, type, content) {
  const url = URL.createObjectURL(content instanceof Blob ? content : new Blob([content], { type }));
  const link = Object.assign(document.createElement("a"), { href: url, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

export function savePicture(name, plot, entries) {
  const drawn = plot.canvases();
  if (!drawn.length) return;
  const scale = devicePixelRatio;
  const [width, row] = [drawn[0].width, 24 * scale];
  const height = drawn.reduce((sum, each) => sum + each.height, 0);
  const picture = Object.assign(document.createElement("canvas"), { width, height });
  const ink = picture.getContext("2d");
  const font = `${13 * scale}px system-ui, sans-serif`;
  ink.font = font;
  const labels = placeLabels(ink, entries.filter((each) => each.getAttribute("aria-pressed") === "true"), width, scale);
  picture.height = height + row * ((labels.at(-1)?.row ?? 0) + 1) + 10 * scale;
  ink.fillStyle = plot.colour("--sheet");
  ink.fillRect(0, 0, width, picture.height);
  let top = 0;
  for (const each of drawn) {
    ink.drawImage(each, 0, top);
    top += each.height;
  }
  Object.assign(ink, { font, textBaseline: "middle" });
  for (const { entry, label, left, row: at } of labels) {
    const middle = top + row * (at + 0.5);
    ink.fillStyle = getComputedStyle(entry.querySelector(".swatch")).color;
    ink.fillRect(left, middle - scale, 18 * scale, 3 * scale);
    ink.fillStyle = plot.colour("--ink");
    ink.fillText(label, left + 24 * scale, middle);
  }
  picture.toBlob((blob) => blob && save(name, "image/png", blob));
}

// The legend in rows, none of them wider than the picture.
function placeLabels(ink, entries, width, scale) {
  let [left, row] = [14 * scale, 0];
  return entries.map((entry) => {
    const label = entry.querySelector(".curve-name").textContent.slice(0, 40);
    const room = ink.measureText(label).width + 44 * scale;
    if (left + room > width && left > 14 * scale) [left, row] = [14 * scale, row + 1];
    const placed = { entry, label, left, row };
    left += room;
    return placed;
  });
}
