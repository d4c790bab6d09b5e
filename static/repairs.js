// A pasted program that was repaired: the repaired text takes the place of what was sent, and Undo asks for the other.

export function startRepairs(editor) {
  const form = document.getElementById("program");
  document.getElementById("repaired")?.remove(); // the page came with the repaired text already
  let turn = ""; // the kind of repair the next request undoes, or makes again

  form.addEventListener("click", (event) => {
    const button = event.target.closest("button[name=turn]");
    if (!button) return;
    event.preventDefault();
    turn = button.value;
    form.dispatchEvent(new Event("playground:now"));
  });
  document.addEventListener("htmx:config:request", ({ detail: { ctx } }) => {
    if (ctx.sourceElement?.id === "look") return;
    if (turn) ctx.request.body.set("turn", turn);
    ctx.turned = Boolean(turn);
    turn = "";
  });
  document.addEventListener("htmx:after:swap", ({ detail: { ctx } }) => {
    const repaired = document.getElementById("repaired");
    if (!repaired) return;
    // Whoever typed on meanwhile has a request of their own on the way.
    if (ctx?.program === editor.source.value) editor.exchange(repaired.value);
    repaired.remove();
    if (ctx?.turned) document.querySelector("#repairs button[name=turn]")?.focus();
  });
}
