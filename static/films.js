// Figures that move: the pictures of `plt.pause()`, to be leafed through or played.

const EACH = 250; // milliseconds a picture stands

export function startFilms() {
  const playing = new Map();

  document.addEventListener("input", ({ target }) => {
    const film = target.closest?.("[data-film]");
    if (!film || target.type !== "range") return;
    stop(film);
    show(film, Number(target.value));
  });
  document.addEventListener("click", ({ target }) => {
    const film = target.closest?.("[data-play]")?.closest("[data-film]");
    if (film && !stop(film)) play(film);
  });

  function play(film) {
    const pictures = film.querySelectorAll("img").length;
    let at = 0;
    show(film, 1);
    press(film, true);
    playing.set(film, setInterval(() => {
      at += 1;
      if (at === pictures || !film.isConnected) stop(film);
      else show(film, at + 1);
    }, EACH));
  }

  function stop(film) {
    clearInterval(playing.get(film));
    press(film, false);
    return playing.delete(film);
  }
}

function show(film, number) {
  const pictures = [...film.querySelectorAll("img")];
  pictures.forEach((picture, at) => { picture.hidden = at + 1 !== number; });
  film.querySelector("input").value = String(number);
  film.querySelector("output").textContent = `${number} / ${pictures.length}`;
}

function press(film, pressed) {
  film.querySelector("[data-play]").setAttribute("aria-pressed", String(pressed));
}
