/**
 * Who may import whom. The rules are tables; the checker is a function over (path, source) pairs, so that planted violations
 * prove it can fail. It reads the syntax tree, not the text: types, re-exports and dynamic imports are edges like any other.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { join, posix } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

interface Source {
  /** From the repository's root, with forward slashes. */
  readonly path: string;
  readonly text: string;
}

const BELOW_STAGES = ['domain', 'runtime', 'store'] as const;
const STAGES = ['streams', 'delivery', 'scheduler'] as const;
/** Stages that are asked over HTTP, and share how that is answered. */
const HTTP_STAGES = ['ingest', 'admin'] as const;
const ALL_OF_SRC = ['src', ...BELOW_STAGES, 'http', ...STAGES, ...HTTP_STAGES] as const;

/** Layer → the other layers it may import. `src` stands for the files directly in src/: the composition roots. */
const LAYERS: Readonly<Record<string, readonly string[]>> = {
  domain: [],
  runtime: ['domain'],
  store: ['domain', 'runtime'],
  http: ['domain', 'runtime'],
  ...Object.fromEntries(STAGES.map((stage) => [stage, BELOW_STAGES])),
  ...Object.fromEntries(HTTP_STAGES.map((stage) => [stage, [...BELOW_STAGES, 'http']])),
  src: ALL_OF_SRC,
  tools: ALL_OF_SRC,
};

/** Package → where in src and tools it may be imported, types included: an exact file, or everything that starts with the text. */
const DOORS: Readonly<Record<string, readonly string[]>> = {
  ulid: ['src/domain/ids.ts'],
  ajv: ['src/runtime/schema.ts', 'src/runtime/user-schema/compile.ts'],
  'prom-client': ['src/runtime/metrics.ts'],
  mongodb: ['src/store/', 'tools/local-mongo'],
  hono: ['src/http/', 'src/ingest/', 'src/admin/'],
  '@hono/node-server': ['src/http/'],
  bottleneck: ['src/delivery/'],
  'p-retry': ['src/delivery/'],
  undici: ['src/delivery/'],
  'ipaddr.js': ['src/delivery/'],
  'mongodb-memory-server-core': ['tools/local-mongo'],
  // Tests check against these; the program must not lean on them.
  standardwebhooks: [],
  'fast-check': [],
};

/** Packages that are wrapped once, so that what they do badly has one place to be worked around. */
const IN_ONE_FILE = ['bottleneck', 'p-retry'];

const MAX_LINES = 300;

/** Every rule that is broken, one line each. */
function violationsOf(sources: readonly Source[]): readonly string[] {
  const checked = sources.filter(({ path }) => path.startsWith('src/') || path.startsWith('tools/'));
  return [...checked.flatMap(importViolations), ...checked.filter(({ path }) => path.startsWith('src/')).flatMap(shapeViolations), ...scatteredPackages(checked)];
}

function importViolations(source: Source): readonly string[] {
  const layer = layerOf(source.path);
  if (LAYERS[layer] === undefined) return [`${source.path}: ${layer} is no layer`];
  return importsOf(source).flatMap((specifier) => {
    const fault = specifier.startsWith('.') ? relativeFault(source.path, layer, specifier) : packageFault(source.path, specifier);
    return fault === null ? [] : [`${source.path}: ${fault}`];
  });
}

function relativeFault(path: string, layer: string, specifier: string): string | null {
  if (!specifier.endsWith('.ts')) return `import of ${specifier} does not end in .ts`;
  const imported = layerOf(posix.join(posix.dirname(path), specifier));
  return imported === layer || LAYERS[layer]?.includes(imported) === true ? null : `${layer} must not import ${imported} (${specifier})`;
}

function packageFault(path: string, specifier: string): string | null {
  // A second way to load modules would pass by this check.
  if (isBuiltin(specifier)) return /^(node:)?module$/.test(specifier) ? `import of ${specifier} hides other imports` : null;
  const name = packageOf(specifier);
  const doors = DOORS[name];
  if (doors === undefined) return `package ${name} has no door yet; name its one place in this test`;
  return doors.some((door) => (door.endsWith('.ts') ? path === door : path.startsWith(door))) ? null : `package ${name} may be imported only by ${doors.join(', ') || 'tests'}`;
}

function shapeViolations({ path, text }: Source): readonly string[] {
  const lines = text.trimEnd().split('\n').length;
  return [
    /^\s*(\/\*|\/\/)/.test(text) ? null : 'does not open with a comment that says what it is',
    /\b(TODO|FIXME|XXX)\b/.test(text) ? 'holds an unfinished note' : null,
    lines > MAX_LINES ? `has ${lines} lines, more than ${MAX_LINES}` : null,
    hasDefaultExport(parse({ path, text })) ? 'has a default export' : null,
  ].flatMap((fault) => (fault === null ? [] : [`${path}: ${fault}`]));
}

function scatteredPackages(sources: readonly Source[]): readonly string[] {
  return IN_ONE_FILE.flatMap((name) => {
    const users = sources.filter((source) => importsOf(source).some((specifier) => packageOf(specifier) === name)).map(({ path }) => path);
    return users.length > 1 ? [`package ${name} is imported by ${users.join(' and ')}, expected one file`] : [];
  });
}

const packageOf = (specifier: string): string => specifier.split('/').slice(0, specifier.startsWith('@') ? 2 : 1).join('/');

/** `src/<layer>/…` → layer, files directly in src → `src`, anything else its top folder. */
function layerOf(path: string): string {
  const [top = '', folder = '', ...rest] = path.split('/');
  return top === 'src' && rest.length > 0 ? folder : top;
}

const parse = ({ path, text }: Source): ts.SourceFile => ts.createSourceFile(path, text, ts.ScriptTarget.Latest);

/** Every specifier a file imports; `(computed)` for a dynamic import whose argument is no plain string. */
function importsOf(source: Source): readonly string[] {
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    const specifier = specifierOf(node);
    if (specifier !== undefined) found.push(ts.isStringLiteralLike(specifier) ? specifier.text : '(computed)');
    ts.forEachChild(node, visit);
  };
  visit(parse(source));
  return found;
}

function specifierOf(node: ts.Node): ts.Node | undefined {
  if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) return node.moduleSpecifier;
  if (ts.isImportTypeNode(node)) return ts.isLiteralTypeNode(node.argument) ? node.argument.literal : node.argument;
  if (ts.isExternalModuleReference(node)) return node.expression;
  const isDynamic = ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword;
  return isDynamic ? node.arguments[0] : undefined;
}

function hasDefaultExport(file: ts.SourceFile): boolean {
  return file.statements.some((statement) => {
    if (ts.isExportAssignment(statement)) return true;
    if (ts.isExportDeclaration(statement)) {
      const names = statement.exportClause;
      return names !== undefined && ts.isNamedExports(names) && names.elements.some(({ name }) => name.text === 'default');
    }
    return ts.canHaveModifiers(statement) && ts.getModifiers(statement)?.some(({ kind }) => kind === ts.SyntaxKind.DefaultKeyword) === true;
  });
}

const repository = fileURLToPath(new URL('../../', import.meta.url));

function sourcesUnder(folder: string): readonly Source[] {
  const names = readdirSync(join(repository, folder), { recursive: true, encoding: 'utf8' }).filter((name) => /\.[cm]?[jt]s$/.test(name));
  return names.map((name) => ({ path: posix.join(folder, name.replaceAll('\\', '/')), text: readFileSync(join(repository, folder, name), 'utf8') }));
}

test('every import goes the one way round, and every package through its door', () => {
  const sources = [...sourcesUnder('src'), ...sourcesUnder('tools')];
  assert.ok(sources.filter(({ path }) => path.startsWith('src/')).length >= 25, 'expected to have read the whole of src');
  assert.deepEqual(violationsOf(sources), []);
});

/** A file that breaks no rule by itself: what is planted in it is the only fault. */
const planted = (path: string, code: string): Source => ({ path, text: `/** A planted file. */\n${code}\n` });

describe('a planted violation is caught', () => {
  const cases: readonly (readonly [path: string, code: string, expected: RegExp])[] = [
    ['src/domain/a.ts', "import { x } from '../runtime/clock.ts';", /domain must not import runtime/],
    ['src/domain/a.ts', "import type { X } from '../store/store.ts';", /domain must not import store/],
    ['src/domain/a.ts', "import { Ajv } from 'ajv';", /package ajv may be imported only by src\/runtime\/schema\.ts/],
    ['src/domain/other.ts', "import { ulid } from 'ulid';", /package ulid/],
    ['src/runtime/a.ts', "export { x } from '../store/store.ts';", /runtime must not import store/],
    ['src/runtime/a.ts', "export * from '../http/app.ts';", /runtime must not import http/],
    ['src/store/a.ts', "const x = await import('../streams/feed.ts');", /store must not import streams/],
    ['src/store/a.ts', 'const x = await import(name);', /package \(computed\) has no door/],
    ['src/ingest/a.ts', "import { x } from '../delivery/lane.ts';", /ingest must not import delivery/],
    ['src/streams/deep/a.ts', "import { x } from '../../scheduler/a.ts';", /streams must not import scheduler/],
    ['src/scheduler/a.ts', "import { x } from '../processor.ts';", /scheduler must not import src/],
    ['src/streams/a.ts', "import type { Timestamp } from 'mongodb';", /package mongodb/],
    ['src/streams/a.ts', "type T = import('mongodb').Timestamp;", /package mongodb/],
    ['src/server.ts', "import { MongoClient } from 'mongodb';", /package mongodb/],
    ['tools/send.ts', "import { MongoClient } from 'mongodb';", /package mongodb/],
    ['src/delivery/a.ts', "import { Hono } from 'hono';", /package hono/],
    ['src/delivery/a.ts', "import { serve } from '@hono/node-server/serve-static';", /package @hono\/node-server/],
    ['src/streams/a.ts', "import { request } from 'undici';", /package undici/],
    ['src/runtime/a.ts', "import ipaddr from 'ipaddr.js';", /package ipaddr\.js/],
    ['src/delivery/a.ts', "import { Webhook } from 'standardwebhooks';", /package standardwebhooks may be imported only by tests/],
    ['src/domain/a.ts', "import fc from 'fast-check';", /package fast-check may be imported only by tests/],
    ['src/delivery/a.ts', "import pLimit from 'p-limit';", /package p-limit has no door yet/],
    ['src/server.ts', "import { x } from '../tools/sink.ts';", /src must not import tools/],
    ['src/store/a.ts', "import { x } from '../../tests/support/eventually.ts';", /store must not import tests/],
    ['src/processor.ts', "import { x } from '../bench/run.ts';", /src must not import bench/],
    ['tools/sink.ts', "import { x } from '../tests/support/eventually.ts';", /tools must not import tests/],
    ['src/helpers/a.ts', 'export const x = 1;', /helpers is no layer/],
    ['src/domain/a.ts', "import { x } from './ids.js';", /does not end in \.ts/],
    ['src/domain/a.ts', "import { x } from './ids';", /does not end in \.ts/],
    ['src/store/a.ts', "import { createRequire } from 'node:module';", /hides other imports/],
    ['src/domain/a.ts', 'export default function x() {}', /default export/],
    ['src/domain/a.ts', 'const x = 1; export { x as default };', /default export/],
    ['src/domain/a.ts', '// TODO later', /unfinished note/],
    ['src/domain/a.ts', 'export const x = 1;\n'.repeat(MAX_LINES), /more than 300/],
  ];
  for (const [path, code, expected] of cases) {
    test(`${path}: ${code.slice(0, 70).trim()}`, () => {
      const found = violationsOf([planted(path, code)]);
      assert.equal(found.length, 1, `expected one violation, got ${JSON.stringify(found)}`);
      assert.match(found[0] ?? '', expected);
    });
  }

  test('a file in src without its opening comment', () => {
    assert.match(violationsOf([{ path: 'src/domain/a.ts', text: 'export const x = 1;\n' }]).join('\n'), /open with a comment/);
  });

  test('a wrapped package in a second file', () => {
    const wrapper = planted('src/delivery/lane.ts', "import Bottleneck from 'bottleneck';");
    assert.deepEqual(violationsOf([wrapper]), []);
    assert.match(violationsOf([wrapper, { ...wrapper, path: 'src/delivery/other.ts' }]).join('\n'), /expected one file/);
  });
});

test('what is allowed passes', () => {
  assert.deepEqual(
    violationsOf([
      planted('src/domain/ids.ts', "import { ulid } from 'ulid';\nimport { createHash } from 'node:crypto';\nimport type { X } from './event.ts';"),
      planted('src/store/store.ts', "import type { Db } from 'mongodb';\nimport { x } from '../domain/ids.ts';\nimport { y } from '../runtime/errors.ts';"),
      planted('src/streams/feed.ts', "import { x } from '../store/store.ts';\nimport { y } from './checkpoint.ts';"),
      planted('src/server.ts', "import { x } from './http/app.ts';\nimport { y } from './store/client.ts';\nimport { z } from './shared.ts';"),
      planted('tools/local-mongo/ask.ts', "import { MongoClient } from 'mongodb';\nimport { x } from '../../src/runtime/clock.ts';"),
      planted('tests/unit/a.test.ts', "import fc from 'fast-check';\nimport { x } from '../../src/domain/ids.ts';"),
      planted('bench/run.ts', "import { MongoClient } from 'mongodb';\nexport default 1;"),
    ]),
    [],
  );
});
