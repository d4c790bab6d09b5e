// Find in the picture by name, op or line: what matches is marked, Enter goes on to the next, Shift+Enter back.
// A closed group matches for what it holds.

export function startFind(graph, links) {
  let words = "";
  let found = [];
  let place = -1;
  const field = () => document.getElementById("find");

  function matches(box, wanted) {
    const line = /^(?:line|l|行|第)?\s*:?\s*(\d+)\s*行?$/i.exec(wanted)?.[1];
    const [from, , to] = (box.dataset.span ?? "").split(/[:-]/).map(Number);
    if (line && from <= Number(line) && Number(line) <= to) return true;
    const said = `${box.getAttribute("aria-label")} ${box.textContent} ${box.dataset.holds ?? ""}`;
    return said.toLowerCase().includes(wanted);
  }

  function search() {
    const input = field();
    if (!input) return;
    const wanted = input.value.trim().toLowerCase();
    found = wanted ? links.boxes().filter((box) => matches(box, wanted)) : [];
    for (const box of links.boxes()) box.classList.toggle("found", found.includes(box));
    if (input.value !== words) place = -1;
    words = input.value;
    say();
  }

  function say() {
    const told = document.getElementById("found");
    const { nothing, some } = told.dataset;
    if (!words.trim()) told.textContent = "";
    else if (!found.length) told.textContent = nothing;
    else told.textContent = some.replace("{at}", String(Math.max(1, place + 1))).replace("{count}", String(found.length));
  }

  function go(step) {
    if (!found.length) return;
    place = place < 0 ? (step > 0 ? 0 : found.length - 1) : (place + step + found.length) % found.length;
    graph.reveal(found[place]);
    links.show(found[place]);
    links.seat(found[place]);
    say();
  }

  document.addEventListener("input", (event) => {
    if (event.target !== field()) return;
    search();
    if (found.length) graph.reveal(found[0]);
  });
  document.addEventListener("keydown", (event) => {
    if (event.target !== field()) {
      const start = event.key === "/" && event.target.closest?.("#panel-graph") && !event.target.matches("input");
      if (start && field()) { event.preventDefault(); field().focus(); }
      return;
    }
    if (event.key === "Enter") go(event.shiftKey ? -1 : 1);
    else if (event.key === "Escape") { field().value = ""; search(); links.show(null); }
    else if (event.key === "ArrowDown" && found.length) links.sit(found[Math.max(0, place)]);
    else return;
    event.preventDefault();
  });
  document.addEventListener("htmx:after:swap", () => {
    if (field() && field().value !== words) field().value = words;
    search();
  });
}
