// The generated client against the example server. That this compiles under --strict is half of the test.
import { readFileSync } from "node:fs";

import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";

import { Server } from "./client.js";
import { JobFailed } from "./jobs.js";

const [command, dataDir, basisFile] = process.argv.slice(2) as [string, string, string];
const client = new Client({ name: "typed-ts", version: "1.0.0" });
await client.connect(new StdioClientTransport({ command, args: ["--data-dir", dataDir, "serve"] }));
const digester = new Server(client);

await digester.setBasis(JSON.parse(readFileSync(basisFile, "utf8")));
const size = await digester.heuristicSizing({});
const run = await digester.simulate({ days: 60, records_per_day: 24 });

const volume: number = size.liquid_volume_m3;
const last = run.time_series.at(-1)!;
const days: number = last.day;
// What the types refuse is an error of the compiler, not of the server.
// @ts-expect-error: there is no such argument
const misspelt = () => digester.simulate({ dayz: 60 });
// @ts-expect-error: it is a number
const text: string = last.day;
// @ts-expect-error: there is no such member
const absent = run.summary.no_such_member;

const refused = await misspelt().then(
  () => "nothing",
  (error: JobFailed) => error.reply.error?.code,
);
await client.close();
console.log(JSON.stringify({ volume, days, records: run.time_series.length, refused, unused: [typeof text, absent].length }));
