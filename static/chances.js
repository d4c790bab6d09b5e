// Class probabilities as bars, before training and now; every number stands beside its bar as text.
import { numberOf } from "./curves.js";
import { element } from "./dom.js";
import { SHAPES } from "./field.js";

function percent(value) {
  if (value > 0.9995 && value < 1) return "> 99.9 %";
  if (value < 0.0005 && value > 0) return "< 0.1 %";
  return `${(100 * value).toFixed((value > 0.995 && value < 1) || (value < 0.005 && value > 0) ? 1 : 0)} %`;
}

export function showChances(part, say, { now, before }, { classColour, classShape }) {
  const look = now ?? before;
  const labels = look.probabilities.shares.map((share) => share.label);
  const sign = (label) => (labels.length <= SHAPES.length ? SHAPES[classShape(label, labels)] : "");
  const name = (label) => {
    const told = element("span", "chance-class");
    const mark = element("span", "legend-sign", sign(label));
    mark.setAttribute("aria-hidden", "true");
    mark.style.color = `var(${classColour(label, labels)})`;
    told.append(mark, ` ${say("class", { label })}`);
    return told;
  };
  part("shares").replaceChildren(...look.probabilities.shares.flatMap((share) => {
    const earlier = before?.probabilities?.shares.find((each) => each.label === share.label);
    const term = element("dt");
    term.append(name(share.label), element("span", "muted small", ` ${say("rows", { count: share.count })}`));
    const told = element("dd");
    told.append(pair(earlier && numberOf(earlier.mean), numberOf(share.mean)), element("span", "chance-value", `${earlier ? percent(numberOf(earlier.mean)) : "–"} → ${percent(numberOf(share.mean))}`));
    return [term, told];
  }));
  const most = Math.max(1, ...[now, before].filter(Boolean).flatMap(({ probabilities }) => probabilities.right.map((count, at) => count + probabilities.wrong[at])));
  part("sure-before").replaceChildren(...columns(before, most, say));
  part("sure-now").replaceChildren(...columns(look, most, say));
  showSamples(part, say, look, before, labels, sign);
}

// Two bars one over the other: before training, and now.
function pair(before, now) {
  const bars = element("span", "chance-pair");
  bars.setAttribute("aria-hidden", "true");
  for (const [kind, value] of [["before", before], ["now", now]]) {
    const bar = element("span", `chance-bar ${kind}`);
    bar.style.setProperty("--share", String(Number.isFinite(value) ? value : 0));
    bars.append(bar);
  }
  return bars;
}

function columns(look, most, say) {
  if (!look?.probabilities) return [];
  const { right, wrong } = look.probabilities;
  return right.map((count, at) => {
    const text = say("sure", { low: (at / 10).toFixed(1), high: ((at + 1) / 10).toFixed(1), right: count, wrong: wrong[at] });
    const column = Object.assign(element("span", "sure-column"), { title: text });
    column.append(element("span", "visually-hidden", count + wrong[at] ? text : ""));
    for (const [kind, height] of [["wrong", wrong[at]], ["right", count]]) {
      const bar = element("span", `sure-bar ${kind}`);
      bar.style.setProperty("--share", String(height / most));
      column.append(bar);
    }
    return column;
  });
}

function showSamples(part, say, look, before, labels, sign) {
  const { samples } = look.probabilities;
  part("few").hidden = !samples.length;
  part("samples").replaceChildren(...samples.map((sample) => {
    const earlier = before?.probabilities?.samples.find((each) => each.row === sample.row);
    const box = element("div", "few-row");
    box.append(element("h5", "", `${say("row")} ${sample.row}`));
    const list = element("ul", "few-bars");
    sample.probabilities.forEach((value, label) => {
      const line = element("li", label === sample.target ? "is-true" : "");
      const told = `${earlier ? percent(numberOf(earlier.probabilities[label])) : "–"} → ${percent(numberOf(value))}`;
      const mark = element("span", "few-label", `${sign(label)} ${label}${label === sample.target ? " ✓" : ""}`);
      if (label === sample.target) mark.append(element("span", "visually-hidden", say("true")));
      line.append(mark, pair(earlier && numberOf(earlier.probabilities[label]), numberOf(value)), element("span", "chance-value", told));
      list.append(line);
    });
    box.append(list);
    return box;
  }));
}
