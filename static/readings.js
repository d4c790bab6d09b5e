// The exact value and index under the pointer in a heatmap, also while the values move.

export function startReadings() {
  let last = null;

  function read(event) {
    const map = event?.target.closest?.(".heat");
    last = map ? event : null;
    if (!map) return;
    const { width, height, label, texts } = map.dataset;
    const box = map.getBoundingClientRect();
    const column = Math.min(width - 1, Math.floor(((event.clientX - box.left) / box.width) * width));
    const row = Math.min(height - 1, Math.floor(((event.clientY - box.top) / box.height) * height));
    const index = [label, height > 1 ? row : "", column].filter((part) => part !== "").join(", ");
    const reading = map.closest(".half")?.querySelector(".reading");
    if (reading) reading.textContent = `[${index}] = ${texts.split(" ")[row * width + column]}`;
  }

  document.addEventListener("pointermove", read);
  document.addEventListener("htmx:after:swap", () => read(last));
}
