// Watched expressions: a blank row waits at the end of the list; a row without text, or whose cross is pressed, goes.
// A run that is followed is told at once; where there is none the program is evaluated anew. Values stand below.
import { short } from "./plot.js";

export function startWatches(evaluate) {
  const list = document.getElementById("watches");
  const say = (word, values) => list.dataset[word].replace(/\{(\w+)\}/g, (gap, name) => values[name] ?? gap);
  const rows = () => [...list.querySelectorAll(".watch")];
  const field = (row) => row.querySelector("input");
  const textOf = (row) => field(row).value.trim();
  const texts = () => [...new Set(rows().map(textOf).filter(Boolean))];
  const rowsOf = (expression) => rows().filter((row) => textOf(row) === expression);
  let asked = texts();
  let live = null; // the runs: whether one is `going`, what `changed`, and how to `order`

  // -------------------------------------------------------------------------------------- the list

  function settle() {
    for (const row of rows().slice(0, -1)) if (!textOf(row) && !row.contains(document.activeElement)) row.remove();
    if (textOf(rows().at(-1))) list.append(blank());
    for (const row of rows()) {
      const button = row.querySelector(".remove");
      button.hidden = !textOf(row);
      button.value = textOf(row);
      button.ariaLabel = say("remove", { expression: textOf(row) });
    }
  }

  function blank() {
    const row = rows().at(-1).cloneNode(true);
    field(row).value = "";
    tell(row, "", "");
    return row;
  }

  function change() {
    settle();
    const now = texts();
    const [added, removed] = [now.filter((each) => !asked.includes(each)), asked.filter((each) => !now.includes(each))];
    asked = now;
    for (const row of rows()) if (!textOf(row) || added.includes(textOf(row))) tell(row, "", "");
    if (!added.length && !removed.length) return;
    live.changed(added, removed);
    if (!live.going()) {
      evaluate();
      return;
    }
    for (const each of removed) live.order({ do: "unwatch", expression: each });
    for (const each of added) begin(each);
  }

  async function begin(expression) {
    for (const row of rowsOf(expression)) tell(row, "", say("next"));
    if (!(await live.order({ do: "watch", expression }))) for (const row of rowsOf(expression)) tell(row, say("bad"), "", true);
  }

  list.addEventListener("input", settle);
  list.addEventListener("change", change);
  list.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.isComposing || event.ctrlKey || event.metaKey || !event.target.matches("input")) return;
    event.preventDefault();
    event.stopPropagation();
    change();
  });
  list.addEventListener("click", (event) => {
    const button = event.target.closest(".remove");
    if (!button) return;
    event.preventDefault();
    const row = button.closest(".watch");
    const next = row.nextElementSibling;
    field(row).value = "";
    field(next).focus();
    change();
  });

  // -------------------------------------------------------------------------------------- their values

  function tell(row, value, said, failed = false) {
    const [shown, beside] = [row.querySelector(".watch-value"), row.querySelector(".watch-said")];
    if (shown.textContent !== value) shown.textContent = value;
    if (beside.textContent !== said) beside.textContent = said;
    shown.classList.toggle("failed", failed);
    field(row).setAttribute("aria-invalid", String(failed));
  }

  // What the program left, and what of it was refused.
  function arrive() {
    if (live?.going()) return; // what is on the page is older
    const wrong = new Set([...document.querySelectorAll("#notices [data-name]")].map((notice) => notice.dataset.name));
    for (const row of rows()) field(row).setAttribute("aria-invalid", String(wrong.has(textOf(row))));
    for (const entry of document.querySelectorAll("#watched > div")) {
      const [name, value] = [entry.querySelector("dt"), entry.querySelector("dd")];
      for (const row of rowsOf(name.textContent)) tell(row, value.textContent, entry.dataset.said, entry.classList.contains("failed"));
    }
  }
  document.addEventListener("htmx:after:swap", arrive);

  return {
    // While a run is followed: its newest numbers, and how an expression stands.
    show(curves) {
      for (const curve of curves.filter((each) => each.series.kind === "watched" && each.values.length)) {
        const { name } = curve.series;
        for (const row of rowsOf(name)) tell(row, short(curve.values.at(-1)), "");
        if (name.startsWith("‖")) for (const row of rowsOf(name.slice(1, -1))) tell(row, short(curve.values.at(-1)), say("norm"));
      }
    },
    stands({ expression, followed, step, said }) {
      if (followed === "error") for (const row of rowsOf(expression)) tell(row, "", say("error", { step, error: said }), true);
      if (followed === "other") for (const row of rowsOf(expression)) tell(row, "", say("other", { kind: said }));
    },
    set(expressions) {
      for (const row of rows().slice(1)) row.remove();
      expressions.forEach((each, at) => {
        if (at) list.append(blank());
        field(rows().at(-1)).value = each;
      });
      settle();
      asked = texts();
    },
    follow(given) { live = given; },
  };
}
