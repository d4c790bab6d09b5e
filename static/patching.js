// Another look at the graph that stands on the page: what comes is written out only where it is new, and of the rest it
// is said where it goes. What stands is moved, so nothing of it is read, styled or measured a second time. What is told of
// it, its steps and the nodes that are new, is asked for when it is painted.

const PAINTING = 50; // milliseconds in which the picture comes onto the screen before more is asked for

// Both ask for another look at an answer that stands: nothing runs for them.
export const isLook = ({ sourceElement }) => ["look", "tell"].includes(sourceElement?.id);

export function startPatching() {
  // An answer to an older picture than the one that stands is asked for again, whole.
  document.addEventListener("htmx:before:swap", (event) => {
    const { ctx, tasks } = event.detail;
    if (!isLook(ctx) || event.defaultPrevented) return;
    if (tasks.some(isOld)) return event.preventDefault(); // the picture that stands asks for its own
    const fresh = tasks.map(({ fragment }) => fragment?.querySelector("svg[data-since]")).find(Boolean);
    const picture = document.querySelector(".paper > svg.graph");
    if (!fresh) return;
    if (fits(picture, fresh)) {
      patch(picture, fresh);
      requestAnimationFrame(() => setTimeout(() => document.getElementById("tell").dispatchEvent(new Event("tell")), PAINTING));
    } else {
      event.preventDefault();
      document.getElementById("seen")?.remove();
      setTimeout(() => ctx.sourceElement.dispatchEvent(new Event("look"))); // once this request is over
    }
  });
}

// Whether this is the story of a picture that is gone.
function isOld({ target, fragment }) {
  return target?.id === "graph-steps" && fragment.querySelector("#told").value !== document.getElementById("seen")?.value;
}

function fits(picture, fresh) {
  const kept = [...fresh.querySelectorAll("[data-kept]")];
  return picture && document.getElementById("seen")?.value === fresh.dataset.since && kept.every(({ id }) => picture.getElementById(id));
}

function patch(picture, fresh) {
  picture.dataset.box = fresh.getAttribute("viewBox"); // graph.js makes room for it
  for (const name of ["title", "desc"]) copyText(picture.querySelector(name), fresh.querySelector(name));
  const ends = ({ dataset }) => `${dataset.producer} ${dataset.consumer}`;
  merge(picture.querySelector(".boxes"), fresh.querySelector(".boxes"), ({ id }) => id, moveBox);
  merge(picture.querySelector(".edges"), fresh.querySelector(".edges"), ends, moveEdge);
  document.dispatchEvent(new Event("playground:patched"));
}

// The children of a list become those of a fresh one: what has the same name stays, and is moved.
function merge(list, fresh, nameOf, move) {
  const known = new Map();
  for (const each of list.children) known.set(nameOf(each), [...(known.get(nameOf(each)) ?? []), each]);
  const pairs = [...fresh.children].map((now) => [known.get(nameOf(now))?.shift(), now]);
  for (const gone of [...known.values()].flat()) gone.remove();
  let place = list.firstElementChild;
  for (const [old, now] of pairs) {
    const stays = old && move(old, now) ? old : now;
    if (old && stays !== old) old.replaceWith(now);
    if (old === place) place = stays.nextElementSibling;
    else if (!old) list.insertBefore(now, place);
    else list.insertBefore(stays, place);
  }
}

function moveBox(old, now) {
  if (now.dataset.kept === undefined) return false;
  for (const name of ["transform", "data-within"]) copy(old, now, name);
  return true;
}

function moveEdge(old, now) {
  if (old.children.length !== now.children.length) return false;
  copy(old, now, "class");
  copyText(old.firstElementChild, now.firstElementChild);
  for (const [index, path] of [...now.children].entries()) if (index) copy(old.children[index], path, "d");
  return true;
}

function copy(old, now, name) {
  const value = now.getAttribute(name);
  if (value === null) old.removeAttribute(name);
  else if (old.getAttribute(name) !== value) old.setAttribute(name, value);
}

function copyText(old, now) {
  if (old.textContent !== now.textContent) old.textContent = now.textContent;
}
