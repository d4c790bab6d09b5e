// The switch between kinds of graph: what is kept of the run is drawn anew without running anything; the server runs the
// program again only for what was not asked of it the first time. The choice holds for the runs that follow.

export function startKinds(editor) {
  const form = editor.source.form;
  const select = form.querySelector('select[name="style"]');
  let asked = ""; // the kind whose button is to have the focus when the new picture is there

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-kind]");
    if (!button) return;
    event.preventDefault();
    asked = button.value;
    select.value = button.value;
    for (const input of [...form.querySelectorAll('input[name="opened"]')]) input.remove(); // groups of another picture
    if (form.elements.namedItem("graph")) document.getElementById("look").dispatchEvent(new Event("look"));
    else form.dispatchEvent(new Event("playground:now"));
  });

  document.addEventListener("change", (event) => {
    if (event.target.id !== "tracer") return;
    select.value = "static"; // now it is asked for
    form.dispatchEvent(new Event("playground:now"));
  });

  document.addEventListener("htmx:after:swap", () => {
    const button = asked && document.querySelector(`[data-kind][value="${asked}"]`);
    if (!button) return;
    if (button.getAttribute("aria-pressed") === "true") asked = "";
    if (document.activeElement === document.body) button.focus({ preventScroll: true });
  });
}
