// The theme switch without loading the page: the choice is a cookie, so that the server writes it into the next page.

const YEAR = 365 * 24 * 3600;

export function startThemes() {
  const themes = document.getElementById("themes");
  themes.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    event.preventDefault();
    document.documentElement.dataset.theme = button.value;
    document.cookie = `theme=${button.value}; path=/; max-age=${YEAR}; samesite=lax`;
    for (const each of themes.querySelectorAll("button")) each.setAttribute("aria-pressed", String(each === button));
  });

  document.addEventListener("click", (event) => {
    for (const menu of document.querySelectorAll(".menu[open]")) if (!menu.contains(event.target)) menu.open = false;
  });
  document.addEventListener("keydown", (event) => {
    const menu = event.key === "Escape" && event.target.closest?.(".menu[open]");
    if (!menu) return;
    menu.open = false;
    menu.querySelector("summary").focus();
  });
}
