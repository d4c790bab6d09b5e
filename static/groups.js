// Groups open by a click or Enter and close by their chip or Backspace, and the picture stays where the reader looks: what
// was opened or closed keeps its place on the screen.

export function startGroups(editor, graph, links) {
  const form = editor.source.form;
  let expected = null; // what is to stand where on the screen when the new picture arrives

  const opened = () => [...form.querySelectorAll('input[name="opened"]')];
  // Of what is inside, a box of the column the group stood in: leaves stand beside it.
  function insideOf(group) {
    const inside = links.boxes().filter((box) => box.dataset.within?.split(" ").includes(group));
    return inside.find((box) => box.matches(".function, .group")) ?? inside[0];
  }
  function remember(value) {
    const input = document.createElement("input");
    Object.assign(input, { type: "hidden", name: "opened", value });
    form.append(input);
  }
  function forget(value) {
    const found = opened().filter((input) => input.value === value);
    for (const input of found) input.remove();
    return found.length > 0;
  }
  const middle = (place) => place.left + place.width / 2;

  function ask(found, group, place) {
    expected = { found, group, middle: middle(place), top: place.top };
    again();
  }

  function again() {
    if (form.elements.namedItem("graph")) document.getElementById("look").dispatchEvent(new Event("look"));
    else form.dispatchEvent(new Event("playground:now"));
  }

  function open(box) {
    const group = box.dataset.group;
    if (!forget(`-${group}`)) remember(group);
    ask(() => insideOf(group), group, box.getBoundingClientRect());
  }

  function close(group) {
    const from = insideOf(group) ?? graph.viewport();
    const place = from.getBoundingClientRect();
    if (!forget(group)) remember(`-${group}`); // it opened by itself
    ask(() => links.boxes().find((box) => box.dataset.group === group), group, place);
  }

  function arrive() {
    const box = expected?.found();
    if (!box) return;
    const at = box.getBoundingClientRect();
    graph.viewport().scrollBy({ left: middle(at) - expected.middle, top: at.top - expected.top, behavior: "instant" });
    expected = null;
    links.sit(box);
  }

  document.addEventListener("playground:open", ({ detail }) => open(detail.box));
  document.addEventListener("click", (event) => {
    const chip = event.target.closest("[data-close]");
    if (chip) close(chip.dataset.close);
    if (event.target.closest("[data-anew]")) {
      form.elements.namedItem("before").value = "";
      form.dispatchEvent(new Event("playground:now"));
    }
  });
  document.addEventListener("change", (event) => {
    if (event.target.id === "shown") again();
  });
  document.addEventListener("keydown", (event) => {
    const within = event.key === "Backspace" && event.target.closest?.(".viewport .box")?.dataset.within;
    if (!within) return;
    event.preventDefault();
    close(within.split(" ").at(-1));
  });
  // Where it writes a whole picture htmx would focus the box of the same name, and for that lay it out before it has its size.
  document.addEventListener("htmx:before:swap", ({ detail: { tasks } }) => {
    if (expected && tasks.some(({ swapSpec }) => swapSpec.style === "innerHTML")) document.activeElement?.blur?.();
  });
  document.addEventListener("htmx:after:swap", arrive);
}
