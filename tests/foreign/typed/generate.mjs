// Writes a typed client from what `schema --out EXPORT` wrote: node generate.mjs EXPORT OUT
import fs from "node:fs";
import path from "node:path";

import { compileFromFile } from "json-schema-to-typescript";

const [from, out] = process.argv.slice(2);
const catalog = JSON.parse(fs.readFileSync(path.join(from, "catalog.json"), "utf8"));
// Without `additionalProperties: false` a misspelt member of a result would be `unknown` instead of an error.
const options = { bannerComment: "", additionalProperties: false };
const types = (file) => compileFromFile(path.join(from, file), options);
const title = (file) => JSON.parse(fs.readFileSync(path.join(from, file), "utf8")).title;
const camel = (name) => name.replaceAll(/_([a-z0-9])/g, (_, letter) => letter.toUpperCase());

fs.mkdirSync(out, { recursive: true });
fs.writeFileSync(path.join(out, "job.ts"), await types("job.schema.json"));
const imports = [];
const methods = [];
for (const { name, description = "" } of catalog.tools) {
  const [input, result] = ["input", "result"].map((part) => `tools/${name}/${part}.schema.json`);
  for (const [part, file] of Object.entries({ input, result })) {
    fs.writeFileSync(path.join(out, `${name}_${part}.ts`), await types(file));
    imports.push(`import type { ${title(file)} } from "./${name}_${part}.js";`);
  }
  methods.push(`  /** ${description.replaceAll("*/", "*\\/")} */
  async ${camel(name)}(args: ${title(input)}): Promise<${title(result)}> {
    return (await this.run("${name}", args)) as ${title(result)};
  }`);
}
fs.writeFileSync(
  path.join(out, "client.ts"),
  `${imports.join("\n")}\nimport { Jobs } from "./jobs.js";\n\nexport class Server extends Jobs {\n${methods.join("\n\n")}\n}\n`,
);
fs.copyFileSync(new URL("jobs.ts", import.meta.url), path.join(out, "jobs.ts"));
