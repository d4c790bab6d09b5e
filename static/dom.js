// Elements made and written to. What stands there already is left alone: even the same, written again, is laid out anew.

export function element(name, className = "", text = "") {
  return Object.assign(document.createElement(name), { className, textContent: text });
}

export function button(text, value) {
  return Object.assign(element("button", "", text), { type: "button", value });
}

export function write(target, text) {
  if (target.textContent !== text) target.textContent = text;
}

// Several properties at once: `hidden`, `title`, `value` ...
export function set(target, values) {
  for (const [name, value] of Object.entries(values)) if (target[name] !== value) target[name] = value;
}

export function press(target, pressed) {
  set(target, { ariaPressed: String(pressed) });
}

// Of a group of buttons the one with this value.
export function pressOne(group, value) {
  for (const each of group.querySelectorAll("button")) press(each, each.value === value);
}
