// The exact value and index under the pointer in a heatmap.

export function startReadings() {
  document.addEventListener("pointermove", (event) => {
    const map = event.target.closest?.(".heat");
    if (!map) return;
    const { width, height, label, texts } = map.dataset;
    const box = map.getBoundingClientRect();
    const column = Math.min(width - 1, Math.floor(((event.clientX - box.left) / box.width) * width));
    const row = Math.min(height - 1, Math.floor(((event.clientY - box.top) / box.height) * height));
    const index = [label, height > 1 ? row : "", column].filter((part) => part !== "").join(", ");
    const reading = map.closest(".half")?.querySelector(".reading");
    if (reading) reading.textContent = `[${index}] = ${texts.split(" ")[row * width + column]}`;
  });
}
