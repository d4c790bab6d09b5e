// Sliders of the inputs: the slider writes the number, the number moves the slider, and the bounds are edited in place.

export function startInputs() {
  const inputs = document.getElementById("inputs");
  const part = (field, name) => field.querySelector(`[name="in.${CSS.escape(field.dataset.name)}.${name}"]`);

  function slide(field, range) {
    const span = Math.abs(range.max - range.min) || 1;
    const digits = Math.min(12, Math.max(0, Math.ceil(-Math.log10(span / 200))));
    part(field, "value").value = Number(range.value).toFixed(digits);
  }

  function follow(field) {
    const range = field.querySelector("[type=range]");
    const value = part(field, "value").value.trim();
    const number = value === "" ? NaN : Number(value);
    range.closest(".slider").hidden = !Number.isFinite(number);
    if (!Number.isFinite(number)) return;
    const [low, high] = ["low", "high"].map((name) => Number(part(field, name).value));
    if (Number.isFinite(low) && Number.isFinite(high) && low < high) {
      range.min = Math.min(low, number);
      range.max = Math.max(high, number);
    }
    range.value = number;
  }

  inputs.addEventListener("input", (event) => {
    const field = event.target.closest(".input");
    if (!field) return;
    if (event.target.type === "range") slide(field, event.target);
    else follow(field);
  });
  const followAll = () => inputs.querySelectorAll(".input").forEach(follow);
  document.addEventListener("htmx:after:swap", followAll);
  followAll();
}
