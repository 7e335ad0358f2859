// The official TypeScript SDK as a client of the example server: starts a chain of jobs, waits, pages
// through a large result, reads the state, and is refused in a way that a model could act on.
//
// node client.mjs SERVER DATA_DIR BASIS_JSON, or node client.mjs URL TOKEN BASIS_JSON for a server on HTTP: prints what it saw as one JSON object; any surprise is an
// exception. The SDK itself checks every structured result against the schema that the server listed.
import { readFileSync } from "node:fs";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { AjvJsonSchemaValidator } from "@modelcontextprotocol/sdk/validation/ajv";

// What the SDK's validator says of a schema goes to the console, where people look for errors: kept, and counted.
const warnings = [];
for (const level of ["log", "warn", "error"]) console[level] = (...words) => warnings.push(words.join(" "));
new AjvJsonSchemaValidator().getValidator({ type: "integer", format: "uint32" });
if (warnings.splice(0).length === 0) throw new Error("a warning would not have been noticed");

const [server, dataDir, basisFile] = process.argv.slice(2);
const transport = server.startsWith("http:")
  ? new StreamableHTTPClientTransport(new URL(server), { requestInit: { headers: { Authorization: `Bearer ${dataDir}` } } })
  : new StdioClientTransport({ command: server, args: ["--data-dir", dataDir, "serve"] });
const client = new Client({ name: "foreign-ts", version: "1.0.0" });
await client.connect(transport);

async function call(name, args) {
  const result = await client.callTool({ name, arguments: args });
  const text = JSON.parse(result.content[0].text);
  if (JSON.stringify(text) !== JSON.stringify(result.structuredContent)) throw new Error(`${name}: the text differs`);
  return { ...result.structuredContent, isError: result.isError === true };
}

async function finish(reply) {
  while (reply.state === "queued" || reply.state === "running") reply = await call(reply.next.tool, reply.next.args);
  if (reply.state !== "completed") throw new Error(JSON.stringify(reply));
  return reply;
}

const { tools } = await client.listTools();
const started = [];
started.push(await call("set_basis", JSON.parse(readFileSync(basisFile, "utf8"))));
started.push(await call("heuristic_sizing", {}));
started.push(await call("simulate", { days: 60 }));
let done;
for (const reply of started) done = await finish(reply);

const outline = await call(done.next.tool, done.next.args);
let page = await call("get_job_results", { job_id: done.job_id, pointer: outline.next.args.pointer, count: 400, max_bytes: 61440 });
const total = page.page.total;
let records = 0;
let pages = 0;
for (;;) {
  records += page.value.length;
  pages += 1;
  if (!page.next) break;
  page = await call(page.next.tool, page.next.args);
}
const state = await call("get_state", { field: "simulation" });
const refusal = await call("simulate", { dayz: 60 });
await client.close();
process.stdout.write(JSON.stringify({
  warnings, tools: tools.map((tool) => tool.name), outline: outline.outline, pointer: outline.next.args.pointer,
  total, records, pages, state: state.fields[0], has_value: state.value !== undefined, refusal,
}));
