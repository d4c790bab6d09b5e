// A link that brings everything back: program, inputs, settings, opened groups, what is pinned and the step. All of it
// stands compressed behind the `#`, which browsers never send; step and pin of the page's own program stand there too.

const LONGEST = 16_000; // characters of a link that mail and chat programs still carry
const MOST = 1_000_000; // characters a link may unfold to
const LEFT_OUT = new Set(["sequence", "roots", "run", "graph", "before", "set_language", "set_theme", "export"]);

export function startShare(editor, links, steps, watches) {
  const form = editor.source.form;
  const fragment = () => new URLSearchParams(location.hash.slice(1));
  let waiting = null; // what the link says about the picture that is being made

  function write(changes) {
    const said = fragment();
    for (const [name, value] of Object.entries(changes)) {
      if (value === null || value === "") said.delete(name);
      else said.set(name, value);
    }
    const hash = said.toString();
    history.replaceState(null, "", hash ? `#${hash}` : location.pathname + location.search);
  }

  async function share() {
    const pairs = [...new FormData(form)].filter(([name]) => !LEFT_OUT.has(name));
    const said = new URLSearchParams({ p: await fold(JSON.stringify(pairs)) });
    if (steps.at() !== null) said.set("step", steps.at());
    if (links.pinned()) said.set("pin", links.pinned());
    const link = `${location.origin}/#${said}`;
    if (link.length > LONGEST) return tell("long");
    history.replaceState(null, "", link);
    try {
      await navigator.clipboard.writeText(link);
      return tell("copied");
    } catch {
      return tell("address"); // no right to the clipboard: the address bar has the link
    }
  }

  function tell(what) {
    const told = document.getElementById("shared");
    told.textContent = told.dataset[what];
  }

  async function restore() {
    const said = fragment();
    const wanted = { step: said.has("step") ? Number(said.get("step")) : null, pin: said.get("pin") ?? "" };
    if (!said.has("p")) return arrive(wanted);
    try {
      fill(checked(JSON.parse(await unfold(said.get("p")))));
    } catch {
      return tell("broken");
    }
    waiting = wanted;
    return form.dispatchEvent(new Event("playground:now"));
  }

  function fill(pairs) {
    for (const old of form.querySelectorAll('input:is([name="opened"], [name="tracer"])')) old.remove();
    const parked = [];
    const lent = [];
    watches.set(pairs.filter(([name]) => name === "watch").map(([, value]) => value).filter(Boolean));
    for (const [name, value] of pairs) {
      const field = form.elements.namedItem(name);
      if (name === "source") editor.set(value);
      else if (name === "input" || name === "parked") parked.push(hidden("parked", value));
      else if (name.startsWith("in.")) parked.push(hidden(name, value));
      else if (name === "opened" || name === "tracer") form.append(hidden(name, value));
      else if (name === "stand_ins") lent.push(hidden(name, value));
      else if (name === "seed") field.value = value;
      else if (field instanceof HTMLSelectElement) {
        if (![...field.options].some((option) => option.value === value)) field.add(new Option(value, value));
        field.value = value;
      }
    }
    // Parked: the server makes fields of those the program reads.
    document.getElementById("inputs").replaceChildren(...parked);
    document.getElementById("advice").replaceChildren(...lent); // where the answer says so again, and lets it be undone
  }

  function arrive({ step, pin }) {
    if (pin) links.pin(pin);
    if (Number.isInteger(step)) steps.go(step);
  }

  document.addEventListener("htmx:after:swap", () => {
    if (!waiting || !editor.current()) return;
    const wanted = waiting;
    waiting = null;
    arrive(wanted);
  });
  document.addEventListener("playground:step", ({ detail }) => { if (!waiting) write({ step: detail.at }); });
  document.addEventListener("playground:pin", ({ detail }) => { if (!waiting) write({ pin: detail.node }); });
  form.addEventListener("input", () => {
    document.getElementById("shared").textContent = "";
    if (fragment().has("p")) write({ p: null }); // the link no longer says what stands here
  });
  document.getElementById("share").addEventListener("click", share);
  addEventListener("hashchange", restore);
  restore();
}

function hidden(name, value) {
  return Object.assign(document.createElement("input"), { type: "hidden", name, value });
}

function checked(pairs) {
  const good = Array.isArray(pairs) && pairs.every((pair) => Array.isArray(pair) && pair.length === 2 && pair.every((each) => typeof each === "string"));
  if (!good) throw new TypeError("no form");
  return pairs;
}

// ------------------------------------------------------------------------------------------------ text <-> fragment

export async function fold(text) {
  const squeezed = new Blob([text]).stream().pipeThrough(new CompressionStream("deflate-raw"));
  const bytes = new Uint8Array(await new Response(squeezed).arrayBuffer());
  const letters = Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
  return btoa(letters).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

export async function unfold(folded) {
  const letters = atob(folded.replaceAll("-", "+").replaceAll("_", "/"));
  const bytes = Uint8Array.from(letters, (letter) => letter.charCodeAt(0));
  const reader = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw")).pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return text;
    text += value;
    if (text.length > MOST) throw new RangeError("too long"); // a small link can unfold to gigabytes
  }
}
