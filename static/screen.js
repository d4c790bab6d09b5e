// Printed text as a terminal shows it, while a program runs: what app/screen.py does when it is over, and the same way.
// stdout and stderr write in rows of their own, so that a bar stays one bar whatever is printed meanwhile.

const ORDERS = /\x1b\[([0-?]*)[ -/]*([@-~])|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[ -/]*[0-Z\\^-~]?|[\r\n\b]/g;
const UNFINISHED = /\x1b(?:\[[0-?]*[ -/]*|\][^\x07\x1b]*)?$/;
const UNSEEN = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]/gu;
const WIDE = /[\u1100-\u115f\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe4f\uff00-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}]+/gu;
const BAR = /^(.*?)[|[][█▉▊▋▌▍▎▏#=>\-.·░▒▓━╸╺ \d]{4,}[|\]](.*)$/u;
const PERCENT = /(\d{1,3}(?:\.\d+)?) ?%/;
const LEADING = /^ *\d{1,3}(?:\.\d+)? ?%/; // what the bar itself says
const FRACTION = /(\d+) ?\/ ?(\d+)/;
const FLAGS = { 1: "bold", 2: "dim", 3: "italic", 4: "underline", 7: "inverse", 9: "strike" };
const ENDS = { 22: ["bold", "dim"], 23: ["italic"], 24: ["underline"], 27: ["inverse"], 29: ["strike"] };
const LEVELS = [0, 95, 135, 175, 215, 255];
const SIXTEEN = [
  [0, 0, 0], [170, 0, 0], [0, 170, 0], [170, 85, 0], [0, 0, 170], [170, 0, 170], [0, 170, 170], [170, 170, 170],
  [85, 85, 85], [255, 85, 85], [85, 255, 85], [255, 255, 85], [85, 85, 255], [255, 85, 255], [85, 255, 255], [255, 255, 255],
];
const MOST_ROWS = 300; // kept of a program that prints without end; the answer at its end starts from the first

export class Screen {
  constructor() { this.clear(); }

  clear() {
    this.rows = [];
    this.pens = new Map();
  }

  take(stream, printed) {
    const pen = this.pen(stream);
    let text = pen.unfinished + printed.replaceAll("\r\n", "\n");
    const cut = text.slice(-200).match(UNFINISHED);
    pen.unfinished = cut ? cut[0] : "";
    text = text.slice(0, text.length - pen.unfinished.length);
    let end = 0;
    for (const match of text.matchAll(ORDERS)) {
      this.write(stream, text.slice(end, match.index));
      this.obey(stream, match);
      end = match.index + match[0].length;
    }
    this.write(stream, text.slice(end));
  }

  pen(stream) {
    if (!this.pens.has(stream)) this.pens.set(stream, { rows: [], at: 0, column: 0, styles: {}, look: "", unfinished: "" });
    return this.pens.get(stream);
  }

  row(stream) {
    const pen = this.pen(stream);
    if (pen.at === pen.rows.length) {
      pen.rows.push({ stream, cells: [], returned: false });
      this.rows.push(pen.rows.at(-1));
    }
    return pen.rows[pen.at];
  }

  write(stream, text) {
    const seen = text.replace(UNSEEN, "");
    if (!seen) return;
    const [row, pen] = [this.row(stream), this.pen(stream)];
    const cells = cellsOf(seen, pen.look);
    const column = Math.min(pen.column, row.cells.length);
    const end = column + cells.length;
    if (column && row.cells[column]?.[0] === "") row.cells[column - 1] = [" ", pen.look]; // half of a wide character is none
    if (row.cells[end]?.[0] === "") row.cells[end] = [" ", pen.look];
    row.cells.splice(column, cells.length, ...cells);
    pen.column = end;
  }

  obey(stream, [whole, numbers, order]) {
    const pen = this.pen(stream);
    if (whole === "\n") {
      this.row(stream);
      pen.at += 1;
      pen.column = 0;
      this.forget();
    } else if (whole === "\r") {
      this.row(stream).returned = true;
      pen.column = 0;
    } else if (whole === "\b") pen.column = Math.max(0, pen.column - 1);
    else if (order === "m") {
      style(pen.styles, numbersOf(numbers));
      pen.look = lookOf(pen.styles);
    } else if (order) this.move(stream, order, numbersOf(numbers)[0]);
  }

  // The few moves that bars make; none leads beyond what is written.
  move(stream, order, first) {
    const pen = this.pen(stream);
    const steps = Math.max(1, first);
    if (order === "A") pen.at = Math.max(0, pen.at - steps);
    else if (order === "B") pen.at = Math.min(pen.at + steps, Math.max(pen.rows.length - 1, pen.at));
    else if (order === "C") pen.column += steps;
    else if (order === "D") pen.column = Math.max(0, pen.column - steps);
    else if (order === "G") pen.column = steps - 1;
    else if (order === "K") {
      const { cells } = this.row(stream);
      const column = Math.min(pen.column, cells.length);
      if (first === 1) cells.splice(0, column, ...cellsOf(" ".repeat(column), ""));
      else cells.splice(first ? 0 : column);
    } else if (order === "J" && first >= 2) {
      const { styles, look } = pen;
      this.clear();
      Object.assign(this.pen(stream), { styles, look });
    }
  }

  // Rows far above are shown no more; a pen may still stand in one of them.
  forget() {
    if (this.rows.length <= 2 * MOST_ROWS) return;
    this.rows = this.rows.slice(-MOST_ROWS);
    for (const pen of this.pens.values()) {
      const gone = Math.max(0, pen.at - MOST_ROWS);
      pen.rows = pen.rows.slice(gone);
      pen.at -= gone;
    }
  }

  // What there is to see: of each row its stream, its stretches of one look, and the bar it is.
  shown() {
    const open = new Set([...this.pens.values()].flatMap((pen) => pen.rows.slice(pen.at)));
    return this.rows.map(showRow).filter((row, at) => row.text.trim() || !open.has(this.rows[at]));
  }

  // The same as elements, as templates/_outputs.html writes them.
  draw(box, progress) {
    const drawn = [];
    let last = null;
    for (const row of this.shown()) {
      if (row.bar) {
        drawn.push(drawBar(row.bar, progress));
        last = null;
        continue;
      }
      for (const [text, look] of [...row.stretches.flatMap(cutWide), ["\n", ""]]) {
        const name = `${row.stream} ${look}`.trim();
        if (last?.className === name) last.textContent += text;
        else drawn.push(last = Object.assign(document.createElement("span"), { className: name, textContent: text }));
      }
    }
    box.replaceChildren(...drawn);
  }
}

function showRow({ stream, cells, returned }) {
  const stretches = [];
  for (const [text, look] of cells) {
    if (stretches.length && stretches.at(-1)[1] === look) stretches.at(-1)[0] += text;
    else if (text) stretches.push([text, look]);
  }
  const text = stretches.map(([each]) => each).join("");
  return { stream, stretches, text, bar: returned ? findBar(text) : null };
}

export function findBar(text) {
  const match = text.trimEnd().match(BAR);
  if (!match) return null;
  const done = fraction(`${match[1]} ${match[2]}`);
  return done === null ? null : { before: match[1].replace(PERCENT, "").trim(), done, after: match[2].replace(LEADING, "").trim() };
}

function fraction(text) {
  const percent = text.match(PERCENT);
  if (percent) return Math.min(Number(percent[1]) / 100, 1);
  const counts = text.match(FRACTION);
  return counts && Number(counts[2]) ? Math.min(Number(counts[1]) / Number(counts[2]), 1) : null;
}

function drawBar({ before, done, after }, progress) {
  const bar = Object.assign(document.createElement("span"), { className: "meter" });
  const meter = Object.assign(document.createElement("progress"), { max: 100, value: done * 100 });
  meter.setAttribute("aria-label", before || progress);
  const texts = [before, `${Math.round(done * 100)} %`, after].map((text) => Object.assign(document.createElement("span"), { textContent: text }));
  bar.append(...(before ? [texts[0]] : []), meter, texts[1], ...(after ? [texts[2]] : []));
  return bar;
}

function cellsOf(text, look) {
  return splitWide(text).flatMap(([part, wide]) => [...part].flatMap((letter) => (wide ? [[letter, look], ["", look]] : [[letter, look]])));
}

// A text cut where characters of two columns begin and end.
function splitWide(text) {
  const parts = [];
  let end = 0;
  for (const match of text.matchAll(WIDE)) {
    if (match.index > end) parts.push([text.slice(end, match.index), false]);
    parts.push([match[0], true]);
    end = match.index + match[0].length;
  }
  if (end < text.length) parts.push([text.slice(end), false]);
  return parts;
}

const cutWide = ([text, look]) => splitWide(text).map(([part, wide]) => [part, wide ? `${look} wide`.trim() : look]);

// ------------------------------------------------------------------------------------------------------ looks

function numbersOf(text) {
  return text.split(";").map((each) => (/^\d+$/.test(each) ? Number(each.slice(0, 4)) : 0));
}

function style(styles, numbers) {
  const rest = [...numbers];
  while (rest.length) {
    const number = rest.shift();
    const tens = Math.floor(number / 10);
    if (number === 0) for (const name of Object.keys(styles)) delete styles[name];
    else if (FLAGS[number]) styles[FLAGS[number]] = FLAGS[number];
    else if (ENDS[number]) for (const name of ENDS[number]) delete styles[name];
    else if (number === 38 || number === 48) colour(styles, number === 38 ? "fg" : "bg", takeColour(rest));
    else if (number === 39 || number === 49) delete styles[number === 39 ? "fg" : "bg"];
    else if ([3, 4, 9, 10].includes(tens)) colour(styles, tens === 3 || tens === 9 ? "fg" : "bg", (number % 10) + (number >= 90 ? 8 : 0));
  }
}

function colour(styles, what, number) {
  if (number !== null && number < 16) styles[what] = `${what}-${number}`;
}

function takeColour(rest) {
  const kind = rest.shift();
  if (kind === 5 && rest.length) return ofPalette(rest.shift());
  if (kind === 2 && rest.length >= 3) return nearest(rest.splice(0, 3));
  return null;
}

function ofPalette(number) {
  if (number < 16) return number;
  if (number >= 232) return nearest(Array(3).fill(8 + 10 * (Math.min(number, 255) - 232)));
  const cube = number - 16;
  return nearest([LEVELS[Math.floor(cube / 36)], LEVELS[Math.floor(cube / 6) % 6], LEVELS[cube % 6]]);
}

function nearest(wanted) {
  const distances = SIXTEEN.map((each) => each.reduce((sum, level, at) => sum + (level - wanted[at]) ** 2, 0));
  return distances.indexOf(Math.min(...distances));
}

function lookOf(styles) {
  const parts = { ...styles };
  if (parts.inverse && (parts.fg || parts.bg)) {
    delete parts.inverse;
    const [fg, bg] = [parts.fg ?? "", parts.bg ?? ""];
    [parts.fg, parts.bg] = [bg.replace("bg", "fg"), fg.replace("fg", "bg")];
  }
  return Object.values(parts).filter(Boolean).sort().join(" ");
}
