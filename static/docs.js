// "Send" on the API page: the example's body to this server, and the answer below it.

for (const form of document.querySelectorAll(".try")) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const reply = form.querySelector(".reply");
    const response = await fetch(form.dataset.path, {
      method: form.dataset.method,
      headers: { "content-type": "application/json" },
      body: form.querySelector("textarea").value,
    });
    const text = await response.text();
    let shown = text;
    try { shown = JSON.stringify(JSON.parse(text), null, 2); } catch { /* not JSON: shown as it came */ }
    reply.querySelector(".reply-status").textContent = `${response.status}`;
    reply.querySelector("pre").textContent = shown;
    reply.hidden = false;
  });
}
