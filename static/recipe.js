// The training panel: offers what fits, has the program written, and puts it into the editor as if it were typed.

const MOST_KEPT = 4;
const ONE_COLUMN = matchMedia("(width < 62rem)"); // the program is out of sight then

export function startRecipe(editor, evaluation) {
  const panel = document.getElementById("recipe");
  const problems = document.getElementById("recipe-problems");
  const kept = document.getElementById("recipe-earlier");
  const back = document.getElementById("recipe-back");
  const link = document.getElementById("recipe-link");
  const fields = [...panel.querySelectorAll("[name^='recipe.']")];
  const field = (name) => document.getElementById(`recipe-${name}`);
  let written = null; // the text this panel wrote last
  let asked = 0;

  const choiceOf = (each) => each.name.slice("recipe.".length);
  const isFor = (list, value) => !list || list.split(" ").includes(value);

  // Of two things that do not go together, the data are kept, then the model.
  function offer() {
    for (const name of ["model", "loss"]) {
      const select = field(name);
      for (const option of select.options) option.hidden = option.disabled = !isFor(option.dataset.for, field("data").value);
      if (select.selectedOptions[0]?.disabled) select.value = [...select.options].find((option) => !option.disabled).value;
    }
    for (const each of fields) {
      const { for: data, models } = each.closest("label").dataset;
      each.disabled = each.closest("label").hidden = !isFor(data, field("data").value) || !isFor(models, field("model").value);
    }
  }

  // The program for these choices; null where they are refused.
  async function ask() {
    const mine = (asked += 1);
    const chosen = fields.filter((each) => !each.disabled && each.value.trim());
    const query = new URLSearchParams(chosen.map((each) => [choiceOf(each), each.value]));
    link.href = `/recipe?${query}`;
    const told = await (await fetch(`/api/v1/recipe?${query}`)).json();
    if (mine === asked) show(told);
    return told.source ?? null;
  }

  function show({ error, recipe }) {
    complain(error?.problems.length ? error.problems : error ? [error] : []);
    if (recipe) for (const each of fields) if (each.matches("input")) each.placeholder = [recipe[choiceOf(each)]].flat().join(", ");
  }

  function complain(told) {
    const wrong = new Set(told.map((each) => each.name));
    for (const each of fields) each.setAttribute("aria-invalid", String(wrong.has(choiceOf(each))));
    problems.replaceChildren(...told.map((each) => Object.assign(document.createElement("p"), { textContent: each.message })));
  }

  async function write() {
    const text = await tell(ask());
    if (text === null) return;
    if (editor.source.value !== text) {
      keep([...earlier(), ...typed()]);
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
    keep([...typed(), ...programs]);
    editor.write(text);
    if (back.hidden) field("data").focus();
  }

  // What stands in the editor, unless this panel wrote it: it can write it again.
  const typed = () => [editor.source.value].filter((text) => text.trim() && text !== written);
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
  panel.addEventListener("toggle", () => { document.getElementById("recipe-open").value = panel.open ? "on" : ""; });
  offer();
}
