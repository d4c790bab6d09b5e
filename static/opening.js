// Opening a file: chosen, dropped on the page, or a notebook's text pasted into the editor. All three send the same form
// that works without this script; here only a notebook's old outputs, which may be large, are left behind.

const NOTEBOOK = /^\s*\{[\s\S]*"cells"[\s\S]*\}\s*$/;

export function startOpening(source) {
  const form = document.getElementById("open");
  const input = document.getElementById("file");

  async function open(file) {
    const text = await file.text();
    const kept = NOTEBOOK.test(text) ? withoutOutputs(text) : text;
    const carrier = new DataTransfer();
    carrier.items.add(new File([kept], file.name || "program.py", { type: "text/plain" }));
    input.files = carrier.files;
    form.submit();
  }

  input.addEventListener("change", () => { if (input.files.length) open(input.files[0]); });
  document.addEventListener("dragover", (event) => {
    if (!holdsFile(event)) return;
    event.preventDefault();
    document.body.classList.add("dropping");
  });
  document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) document.body.classList.remove("dropping"); });
  document.addEventListener("drop", (event) => {
    document.body.classList.remove("dropping");
    if (!holdsFile(event)) return;
    event.preventDefault();
    open(event.dataTransfer.files[0]);
  });
  source.addEventListener("paste", (event) => {
    const text = event.clipboardData?.getData("text/plain") ?? "";
    if (!NOTEBOOK.test(text)) return;
    event.preventDefault();
    open(new File([text], "notebook.ipynb"));
  });
}

function holdsFile(event) {
  return [...(event.dataTransfer?.types ?? [])].includes("Files");
}

function withoutOutputs(text) {
  try {
    const book = JSON.parse(text);
    for (const cell of book.cells) {
      if (cell.outputs) cell.outputs = [];
      delete cell.attachments;
    }
    return JSON.stringify(book);
  } catch {
    return text; // the server says what is wrong with it
  }
}
