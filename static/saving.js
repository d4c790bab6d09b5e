// Files made in the page: text as it is, and the plot with its legend as a picture.

export function save(name, type, content) {
  const url = URL.createObjectURL(content instanceof Blob ? content : new Blob([content], { type }));
  const link = Object.assign(document.createElement("a"), { href: url, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

export function savePicture(name, plot, entries) {
  const drawn = plot.canvas();
  if (!drawn) return;
  const scale = devicePixelRatio;
  const foot = 34 * scale;
  const picture = Object.assign(document.createElement("canvas"), { width: drawn.width, height: drawn.height + foot });
  const ink = picture.getContext("2d");
  ink.fillStyle = plot.colour("--sheet");
  ink.fillRect(0, 0, picture.width, picture.height);
  ink.drawImage(drawn, 0, 0);
  ink.font = `${13 * scale}px system-ui, sans-serif`;
  ink.textBaseline = "middle";
  let left = 14 * scale;
  for (const entry of entries.filter((each) => each.getAttribute("aria-pressed") === "true")) {
    const label = entry.querySelector(".curve-name").textContent.slice(0, 40);
    ink.fillStyle = getComputedStyle(entry.querySelector(".swatch")).color;
    ink.fillRect(left, drawn.height + foot / 2 - scale, 18 * scale, 3 * scale);
    ink.fillStyle = plot.colour("--ink");
    ink.fillText(label, left + 24 * scale, drawn.height + foot / 2);
    left += ink.measureText(label).width + 44 * scale;
  }
  picture.toBlob((blob) => blob && save(name, "image/png", blob));
}
