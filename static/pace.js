// When the page draws: what belongs to one frame is written in that frame, once, so that the browser lays out and paints
// once. What moves is drawn with the next frame; what is read is told four times a second, with what is drawn anyway.

const PAUSE = 250; // milliseconds between what is told
const PATIENCE = 150; // for so long it waits for a frame that is drawn anyway: points come eight times a second
const AHEAD = "25%"; // of the window: what is scrolled to stands there already

const [frames, tellings] = [new Set(), new Set()];
let asked = 0;
let resting = false;

const ask = () => { asked ||= requestAnimationFrame(draw); };

export function soon(act) {
  frames.add(act);
  ask();
}

export function sometimes(act) {
  tellings.add(act);
  if (!resting) ask();
}

function draw() {
  doAll(frames);
  if (tellings.size && !resting) {
    doAll(tellings);
    rest();
  }
  asked = 0;
  if (frames.size) ask();
}

function doAll(acts) {
  const all = [...acts];
  acts.clear();
  for (const act of all) {
    try { act(); } catch (error) { reportError(error); } // the others are drawn all the same
  }
}

function rest() {
  resting = true;
  setTimeout(() => {
    resting = false;
    setTimeout(() => { if (tellings.size && !resting) ask(); }, PATIENCE);
  }, PAUSE);
}

// `act` while the element is in sight or near; what was asked for elsewhere is done when it comes there.
export function inSight(element, act) {
  const state = { near: false, waiting: false };
  function show(always = false) {
    state.waiting = !state.near && !always;
    if (!state.waiting) act();
  }
  new IntersectionObserver((entries) => {
    state.near = entries.at(-1).isIntersecting;
    if (state.near && state.waiting) show();
  }, { rootMargin: AHEAD }).observe(element);
  return show;
}
