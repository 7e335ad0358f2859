// What exported schemas are to json-schema-to-typescript, quicktype, the TypeScript compiler and ajv.
// Usage: node check.mjs OUT EXPORT... ; prints one line a check, `ok` or `FAIL` first.

import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

import Ajv from 'ajv';
import Ajv2020 from 'ajv/dist/2020.js';
import { compileFromFile } from 'json-schema-to-typescript';

const [out, ...exports] = process.argv.slice(2);
const here = path.dirname(createRequire(import.meta.url).resolve('ajv/package.json'));
const modules = path.dirname(here);
const bin = (name) => path.join(modules, '.bin', name);

function say(name, problem) {
  console.log(problem ? `FAIL ${name}: ${String(problem).split('\n').slice(0, 3).join(' | ')}` : `ok ${name}`);
}

async function attempt(name, action) {
  try {
    say(name, await action());
  } catch (error) {
    say(name, error.stdout?.toString() || error.message);
  }
}

function schemas(root, folder) {
  return fs
    .readdirSync(path.join(root, folder), { recursive: true })
    .filter((file) => file.endsWith('.schema.json'))
    .sort()
    .map((file) => path.join(root, folder, file));
}

const flat = (root, file) => `${path.basename(root)}_${path.relative(root, file).replaceAll(/[^a-z0-9]+/gi, '_')}`;
const label = (root, file) => `${path.basename(root)}/${path.relative(root, file)}`;
const read = (file) => JSON.parse(fs.readFileSync(file, 'utf8'));

// Every warning is a failure: clients print them where people look for errors.
function compile(Ajv, options, schema) {
  const warnings = [];
  const note = (...words) => warnings.push(words.join(' '));
  const ajv = new Ajv({ ...options, logger: { log: note, warn: note, error: note } });
  ajv.compile(schema);
  return warnings.join('; ');
}

async function typescript(root, file) {
  const target = path.join(out, 'ts', `${flat(root, file)}.ts`);
  const code = await compileFromFile(file, { bannerComment: '', cwd: path.dirname(file), strictIndexSignatures: true });
  fs.writeFileSync(target, code);
  return /\bexport (interface|type) /.test(code) ? '' : 'no type came of it';
}

function quicktype(root, file) {
  const name = read(file).title;
  const target = path.join(out, 'qt', `${flat(root, file)}.ts`);
  const options = ['--src-lang', 'schema', '--lang', 'typescript', '--top-level', name, '-o', target, file];
  execFileSync(bin('quicktype'), options, { stdio: 'pipe' });
  return fs.existsSync(target) ? '' : 'nothing was written';
}

function tsc(folder) {
  const files = fs.readdirSync(path.join(out, folder)).map((file) => path.join(out, folder, file));
  const options = ['--noEmit', '--strict', '--target', 'es2022', '--module', 'esnext', '--moduleDetection', 'force'];
  execFileSync(bin('tsc'), [...options, ...files], { stdio: 'pipe' });
}

fs.mkdirSync(path.join(out, 'ts'), { recursive: true });
fs.mkdirSync(path.join(out, 'qt'), { recursive: true });
const strict = { strict: true, allowUnionTypes: true, strictRequired: false };
const lenient = { strict: false, allErrors: true };
for (const root of exports) {
  const named = [...schemas(root, 'tools'), path.join(root, 'job.schema.json')];
  for (const file of named) {
    await attempt(`json-schema-to-typescript ${label(root, file)}`, () => typescript(root, file));
    await attempt(`quicktype ${label(root, file)}`, () => quicktype(root, file));
    await attempt(`ajv 2020-12 ${label(root, file)}`, () => compile(Ajv2020, strict, read(file)));
  }
  for (const file of schemas(root, 'draft-07')) {
    await attempt(`ajv draft-07 ${label(root, file)}`, () => compile(Ajv, strict, read(file)));
  }
  for (const file of [...schemas(root, 'wire'), ...schemas(root, 'strict')]) {
    await attempt(`ajv 2020-12 ${label(root, file)}`, () => compile(Ajv2020, strict, read(file)));
    await attempt(`ajv as clients use it ${label(root, file)}`, () => compile(Ajv, lenient, read(file)));
  }
  for (const tool of read(path.join(root, 'mcp.tools.json')).tools) {
    for (const part of ['inputSchema', 'outputSchema']) {
      await attempt(`ajv tools/list ${path.basename(root)} ${tool.name} ${part}`, () => compile(Ajv, lenient, tool[part]));
    }
  }
}
await attempt('tsc of json-schema-to-typescript', () => tsc('ts'));
await attempt('tsc of quicktype', () => tsc('qt'));
