// Copies what the page takes from others into one file, with a manifest that says what it is.
// One file, because extensions that load after htmx has started are not asked; see MANIFEST.json and LICENSES.txt.
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";

const source = "node_modules/htmx.org";
const about = JSON.parse(readFileSync(`${source}/package.json`, "utf8"));
const parts = ["dist/htmx.min.js", "dist/ext/hx-sse.min.js", "dist/ext/hx-csp.min.js"];

const body = parts
  .map((part) => readFileSync(`${source}/${part}`, "utf8").replace(/\n?\/\/# sourceMappingURL=.*$/m, "").trim())
  .join(";\n");
const content = `/* ${about.name} ${about.version}, ${about.license}: ${parts.join(", ")} */\n${body};\n`;
writeFileSync("htmx.js", content);
writeFileSync("LICENSES.txt", `${about.name} ${about.version}\n\n${readFileSync(`${source}/LICENSE`, "utf8")}`);

const sha384 = createHash("sha384").update(content).digest("base64");
const manifest = { "htmx.js": { package: about.name, version: about.version, licence: about.license, parts, sha384 } };
writeFileSync("MANIFEST.json", JSON.stringify(manifest, null, 2) + "\n");
