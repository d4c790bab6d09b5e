// A link that brings everything back: program, inputs, settings, opened groups, what is pinned and the step. All of it
// stands compressed behind the `#`, which browsers never send. A step or a pin is noted there by itself, with the program
// where it is no longer the one the page came with: so what is looked at outlives a reload and the language switch.

const LONGEST = 16_000; // characters of a link that mail and chat programs still carry
const MOST = 1_000_000; // characters a link may unfold to
const LEFT_OUT = new Set(["sequence", "roots", "run", "graph", "before", "set_language", "set_theme", "export", "seen", "told"]);
const STANDS = /^(source|in\..*|watch|device|backward|seed|style|shown|opened)$/; // what a step or a pin may depend on

export function startShare(editor, links, steps, watches) {
  const form = editor.source.form;
  const fragment = () => new URLSearchParams(location.hash.slice(1));
  let waiting = null; // what the link says about the picture that is being made

  const pairs = () => [...new FormData(form)].filter(([name]) => !LEFT_OUT.has(name));
  const stamp = () => JSON.stringify(pairs().filter(([name]) => STANDS.test(name)));
  const own = stamp();
  let turn = 0; // of what is noted: an older program, compressed late, is not written over a newer one

  function write(said) {
    const hash = said.toString();
    history.replaceState(null, "", hash ? `#${hash}` : location.pathname + location.search);
  }

  function view() {
    const said = new URLSearchParams();
    if (steps.at() !== null) said.set("step", steps.at());
    if (links.pinned()) said.set("pin", links.pinned());
    return said;
  }

  const linked = async () => new URLSearchParams([["p", await fold(JSON.stringify(pairs()))], ...view()]);

  async function note() {
    if (waiting) return;
    const mine = turn += 1;
    const whole = stamp() !== own && (view().size || fragment().has("p"));
    const said = whole ? await linked() : view();
    if (mine === turn) write(String(said).length < LONGEST ? said : new URLSearchParams());
  }

  async function share() {
    const link = `${location.origin}/#${await linked()}`;
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
      else if (name === "shown" && !field) parked.push(hidden(name, value)); // the answer brings the choice itself
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
    if (!editor.current()) return;
    const wanted = waiting;
    waiting = null;
    if (wanted) arrive(wanted);
    else if (view().size) note();
  });
  document.addEventListener("playground:step", note);
  document.addEventListener("playground:pin", note);
  form.addEventListener("input", () => {
    document.getElementById("shared").textContent = "";
    turn += 1;
    if (location.hash) write(new URLSearchParams()); // it no longer says what stands here
  });
  form.addEventListener("submit", ({ submitter }) => {
    if (submitter?.name === "set_language") submitter.formAction = `/${view().size ? `#${view()}` : ""}`;
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
