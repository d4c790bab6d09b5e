// The graph as a PNG, made of the same file that Save gives as SVG; the menu closes when something else is meant.
import { save } from "./saving.js";

const SCALE = 2;
const MOST = 16_000; // pixels along one side; beyond it canvases come out empty

export function startExport() {
  const dark = () => {
    const theme = document.documentElement.dataset.theme;
    return theme === "dark" || (theme !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
  };

  async function picture() {
    const body = new URLSearchParams(new FormData(document.getElementById("program")));
    const answer = await fetch(`/graph/graph.svg?theme=${dark() ? "dark" : "light"}`, { method: "POST", body });
    if (!answer.headers.get("content-type")?.startsWith("image/svg")) throw new Error("no picture");
    return answer.blob();
  }

  async function png() {
    const url = URL.createObjectURL(await picture());
    try {
      const image = Object.assign(new Image(), { src: url });
      await image.decode();
      const [width, height] = [image.naturalWidth * SCALE, image.naturalHeight * SCALE];
      if (Math.max(width, height) > MOST) throw new RangeError("too large");
      const canvas = Object.assign(document.createElement("canvas"), { width, height });
      canvas.getContext("2d").drawImage(image, 0, 0, width, height);
      const blob = await new Promise((done) => { canvas.toBlob(done); });
      if (!blob) throw new RangeError("too large");
      save("graph.png", "image/png", blob);
    } finally {
      URL.revokeObjectURL(url);
    }
  }

  document.addEventListener("click", async (event) => {
    const menu = document.querySelector(".saves");
    if (menu && !menu.contains(event.target)) menu.open = false;
    if (!event.target.closest("[data-png]")) return;
    const said = document.getElementById("png-said");
    said.textContent = "";
    try {
      await png();
    } catch {
      said.textContent = said.dataset.failed;
    }
  });
  document.addEventListener("keydown", (event) => {
    const menu = event.key === "Escape" && event.target.closest?.(".saves[open]");
    if (!menu) return;
    menu.open = false;
    menu.querySelector("summary").focus();
  });
}
