// The training panel: offers what fits, has the program written, and puts it into the editor as if it were typed.

const MOST_KEPT = 4;
const ONE_COLUMN = matchMedia("(width < 62rem)"); // the program is out of sight then

export function startRecipe(editor, evaluation) {
  const panel = document.getElementById("recipe");
  const problems = document.getElementById("recipe-problems");
  const kept = document.getElementById("recipe-earlier");
  const back = document.getElementById("recipe-back");
  const fields = [...panel.querySelectorAll("[name^='recipe.']")];
  const field = (name) => document.getElementById(`recipe-${name}`);
  let written = null; // the text this panel wrote last
  let asked = 0;

  const isFor = (list, value) => !list || list.split(" ").includes(value);

  // Of two things that do not go together, the data are kept, then the model.
  function offer() {
    for (const name of ["model", "loss"]) {
      const select = field(name);
      for (const option of select.options) option.hidden = option.disabled = !isFor(option.dataset.for, field("data").value);
      if (select.selectedOptions[0]?.disabled) select.value = [...select.options].find((option) => !option.disabled).value;
    }
    for (const label of panel.querySelectorAll("label")) {
      label.hidden = !isFor(label.dataset.for, field("data").value) || !isFor(label.dataset.models, field("model").value);
    }
  }

  async function ask() {
    const mine = (asked += 1);
    const shown = fields.filter((each) => !each.closest("label").hidden && each.value.trim());
    const query = new URLSearchParams(shown.map((each) => [each.name.slice("recipe.".length), each.value]));
    const answer = await fetch(`/api/v1/recipe?${query}`);
    const told = await answer.json();
    if (mine !== asked) return null;
    complain(told.error?.problems ?? (told.error ? [told.error] : []));
    if (told.recipe) for (const each of fields) if (each.placeholder) each.placeholder = told.recipe[each.name.slice("recipe.".length)];
    return told.source ?? null;
  }

  function complain(told) {
    const wrong = new Set(told.map((each) => each.name));
    for (const each of fields) each.setAttribute("aria-invalid", String(wrong.has(each.name.slice("recipe.".length))));
    problems.replaceChildren(...told.map((each) => Object.assign(document.createElement("p"), { textContent: each.message })));
  }

  async function write() {
    const text = await tell(ask());
    if (text === null) return;
    if (editor.source.value !== text) {
      if (editor.source.value.trim() && editor.source.value !== written) keep([...earlier(), editor.source.value]);
      editor.write(text);
    }
    written = editor.source.value;
    evaluation.run();
    if (ONE_COLUMN.matches) document.getElementById("status").scrollIntoView({ block: "center" });
  }

  // The latest comes back; the one in the editor goes to the others' end, so that nothing is lost.
  function bringBack() {
    const programs = earlier();
    const text = programs.pop();
    keep(editor.source.value === written ? programs : [editor.source.value, ...programs]);
    editor.write(text);
    if (back.hidden) field("data").focus();
  }

  const earlier = () => [...kept.children].map((each) => each.value);

  function keep(programs) {
    kept.replaceChildren(...programs.slice(-MOST_KEPT).map((value) => Object.assign(document.createElement("textarea"), { name: "earlier", hidden: true, value })));
    back.hidden = !programs.length;
  }

  const unreachable = document.getElementById("unreachable");
  async function tell(asking) {
    try {
      const text = await asking;
      unreachable.hidden = true;
      return text;
    } catch {
      unreachable.hidden = false;
      return null;
    }
  }

  // The panel's fields are no inputs of the program: nothing runs until it was written.
  panel.addEventListener("input", (event) => event.stopPropagation());
  panel.addEventListener("change", (event) => {
    event.stopPropagation();
    offer();
    tell(ask());
  });
  panel.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.isComposing || !event.target.matches("input")) return;
    event.preventDefault();
    event.stopPropagation();
    write();
  });
  panel.addEventListener("click", (event) => {
    const button = event.target.closest("button[name=act]");
    if (!button) return;
    event.preventDefault();
    if (button === back) bringBack();
    else write();
  });
  // What is kept to be brought back is no part of what is evaluated.
  document.addEventListener("htmx:config:request", ({ detail: { ctx } }) => ctx.request.body.delete("earlier"));
  offer();
}
