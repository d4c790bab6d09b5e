// The picture as a list, for the keyboard and for screen readers: every box with what it takes and where it goes, each
// of these a way to that entry. It is made from the picture itself when it is opened.

export function startOutline(links) {
  const panel = () => document.getElementById("outline");
  let open = false;
  const entries = new Map();

  function build() {
    const edges = [...document.querySelectorAll(".viewport .edge")];
    entries.clear();
    const list = document.createElement("ol");
    for (const box of links.boxes()) list.append(entry(box, edges));
    panel().querySelector(".outline-list").replaceChildren(list);
  }

  function entry(box, edges) {
    const { takes, gives, open: opens } = panel().dataset;
    const item = document.createElement("li");
    const details = document.createElement("details");
    const summary = document.createElement("summary");
    const list = document.createElement("ul");
    summary.textContent = box.getAttribute("aria-label");
    summary.dataset.box = box.id;
    if (box.dataset.group) list.append(relation(opens, "", () => document.dispatchEvent(new CustomEvent("playground:open", { detail: { box } }))));
    for (const edge of edges.filter((each) => each.dataset.consumer === box.id)) list.append(toward(takes, edge, edge.dataset.producer));
    for (const edge of edges.filter((each) => each.dataset.producer === box.id)) list.append(toward(gives, edge, edge.dataset.consumer));
    details.append(summary, list);
    item.append(details);
    entries.set(box.id, { details, summary });
    return item;
  }

  const toward = (word, edge, other) => relation(word, edge.querySelector("title").textContent, () => visit(other));

  function relation(word, sentence, act) {
    const item = document.createElement("li");
    const button = document.createElement("button");
    button.type = "button";
    button.className = "link";
    button.textContent = word;
    button.addEventListener("click", act);
    item.append(button, sentence ? ` ${sentence}` : "");
    return item;
  }

  function visit(id) {
    const { details, summary } = entries.get(id);
    details.open = true;
    summary.focus();
  }

  function arrive() {
    if (!panel() || !open) return;
    panel().open = true;
    const boxes = links.boxes();
    const same = panel().querySelectorAll("summary[data-box]").length === boxes.length && boxes.every(({ id }) => entries.get(id)?.summary.isConnected);
    if (!same) return build();
    for (const box of boxes) entries.get(box.id).summary.textContent = box.getAttribute("aria-label"); // the same picture, new numbers
  }

  document.addEventListener("toggle", (event) => {
    if (event.target.id !== "outline") return;
    open = event.target.open;
    if (open && !event.target.querySelector("li")) build();
  }, true);

  document.addEventListener("focusin", (event) => {
    const box = event.target.matches?.("#outline summary[data-box]") && document.getElementById(event.target.dataset.box);
    if (box) links.show(box);
  });
  document.addEventListener("htmx:after:swap", arrive);
  arrive();
}
