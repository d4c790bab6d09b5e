// What colour a token of the style sheet is now. Each is asked for once: to ask makes the browser compute styles anew.

export function startTokens(element) {
  const probe = element.appendChild(Object.assign(document.createElement("i"), { className: "probe" }));
  const known = new Map();

  return {
    // Of a token its colour; any other colour is its own.
    colour(name) {
      if (!name.startsWith("--")) return name;
      if (!known.has(name)) {
        probe.style.color = `var(${name})`;
        known.set(name, getComputedStyle(probe).color);
      }
      return known.get(name);
    },
    forget: () => known.clear(),
  };
}
