// Copies what the page takes from others, with a manifest that says what it is; see MANIFEST.json and LICENSES.txt.
// htmx and its extensions are one file, because extensions that load after htmx has started are not asked.
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";

const files = [
  { name: "htmx.js", from: "htmx.org", parts: ["dist/htmx.min.js", "dist/ext/hx-sse.min.js", "dist/ext/hx-csp.min.js"], end: ";\n" },
  { name: "uplot.js", from: "uplot", parts: ["dist/uPlot.iife.min.js"], end: "\nexport default uPlot;\n" },
  { name: "uplot.css", from: "uplot", parts: ["dist/uPlot.min.css"], end: "\n" },
];

const manifest = {};
const licences = new Map();
for (const { name, from, parts, end } of files) {
  const source = `node_modules/${from}`;
  const about = JSON.parse(readFileSync(`${source}/package.json`, "utf8"));
  const body = parts
    .map((part) => readFileSync(`${source}/${part}`, "utf8").replace(/\n?\/\/# sourceMappingURL=.*$/m, "").trim())
    .join(";\n");
  const content = `/* ${about.name} ${about.version}, ${about.license}: ${parts.join(", ")} */\n${body}${end}`;
  writeFileSync(name, content);
  const sha384 = createHash("sha384").update(content).digest("base64");
  manifest[name] = { package: about.name, version: about.version, licence: about.license, parts, sha384 };
  licences.set(about.name, `${about.name} ${about.version}\n\n${readFileSync(`${source}/LICENSE`, "utf8")}`);
}
writeFileSync("LICENSES.txt", [...licences.values()].join("\n"));
writeFileSync("MANIFEST.json", JSON.stringify(manifest, null, 2) + "\n");
