/**
 * The container files, checked without a container: their form against the parts of the Compose specification in use
 * (compose-spec/compose-spec `spec.md`; anything else is refused, so a typo cannot pass as an unknown key), then their sense.
 */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createContext, runInContext, Script } from 'node:vm';
import ts from 'typescript';
import { parse } from 'yaml';
import { secretKey } from '../../src/domain/signing.ts';
import { loadConfig, requireSet, type Environment } from '../../src/runtime/config.ts';
import { compileSchema, type SchemaFault } from '../../src/runtime/schema.ts';

interface Health {
  readonly test: readonly [string, ...string[]];
}

interface ComposeService {
  readonly image: string;
  readonly build?: string;
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly healthcheck?: Health;
  readonly stop_grace_period?: string;
}

interface Compose {
  readonly services: Readonly<Record<string, ComposeService>>;
  readonly volumes: Readonly<Record<string, null>>;
}

const text = { type: 'string', minLength: 1 };
const texts = { type: 'array', items: text, minItems: 1 };
const duration = { type: 'string', pattern: '^\\d+(ms|s|m|h)$' };
const only = (properties: object, required: readonly string[] = []): object => ({ type: 'object', properties, required, additionalProperties: false });

const service = only(
  {
    image: text,
    build: text,
    hostname: text,
    command: texts,
    init: { type: 'boolean' },
    restart: { enum: ['no', 'always', 'on-failure', 'unless-stopped'] },
    stop_grace_period: duration,
    environment: { type: 'object', additionalProperties: { type: 'string' }, propertyNames: { pattern: '^[A-Z][A-Z0-9_]*$' } },
    ports: { ...texts, items: { type: 'string', pattern: '^[\\d.]+:\\d+:\\d+$' } },
    volumes: { ...texts, items: { type: 'string', pattern: '^[a-z-]+:/' } },
    depends_on: { type: 'object', additionalProperties: only({ condition: { enum: ['service_started', 'service_healthy', 'service_completed_successfully'] } }, ['condition']) },
    healthcheck: only({ test: { type: 'array', items: text, minItems: 2 }, interval: duration, timeout: duration, start_period: duration, retries: { type: 'integer', minimum: 1 } }, ['test', 'interval', 'timeout', 'retries']),
  },
  ['image', 'restart', 'stop_grace_period'],
);

const validate = compileSchema<Compose>({
  type: 'object',
  properties: { name: text, services: { type: 'object', additionalProperties: service }, volumes: { type: 'object', additionalProperties: { type: 'null' } } },
  patternProperties: { '^x-': { type: 'object' } },
  required: ['services', 'volumes'],
  additionalProperties: false,
});

const repository = fileURLToPath(new URL('../../', import.meta.url));
const read = (path: string): string => readFileSync(join(repository, path), 'utf8');

/** As Compose reads it: anchors and merges resolved, then `${NAME:-default}` with nothing set, and `$$` for a dollar. */
function readCompose(yaml: string): unknown {
  return interpolate(parse(yaml, { merge: true }) as unknown);
}

function interpolate(value: unknown): unknown {
  if (typeof value === 'string') return value.replace(/\$\$|\$\{[A-Z_]+:-([^}]*)\}|\$/g, (match, fallback: string | undefined) => {
    assert.notEqual(match, '$', `expected \${NAME:-default} or $$ in ${value}`);
    return match === '$$' ? '$' : (fallback ?? '');
  });
  if (Array.isArray(value)) return value.map(interpolate);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, interpolate(inner)]));
}

const yaml = read('docker-compose.yml');

function faultsOf(changed: string): readonly SchemaFault[] {
  const result = validate(readCompose(changed));
  return result.ok ? [] : result.faults;
}

function validCompose(): Compose {
  const result = validate(readCompose(yaml));
  assert.ok(result.ok, result.ok ? '' : JSON.stringify(result.faults));
  return result.value;
}

function serviceNamed(name: string): ComposeService {
  const found = validCompose().services[name];
  assert.ok(found !== undefined, `expected a service named ${name}`);
  return found;
}

const PROGRAMS = ['server', 'processor', 'sink'];

describe('docker-compose.yml', () => {
  test('has the form of a compose file', () => assert.deepEqual(faultsOf(yaml), []));

  test('is checked in earnest: a key misspelt, misplaced or of the wrong type is a fault', () => {
    const changes: readonly (readonly [from: string, to: string])[] = [
      ['healthcheck:', 'health_check:'],
      ['condition: service_healthy', 'condition: healthy'],
      ['interval: 2s', 'interval: 2'],
      ['restart: unless-stopped', 'restart: sometimes'],
      ['"127.0.0.1:27017:27017"', '"27017:27017"'],
      ['PORT: "8000"', 'PORT: 8000'],
      ['    image: mongo:8.0\n', ''],
      ['services:', 'service:'],
    ];
    for (const [from, to] of changes) {
      assert.ok(yaml.includes(from), from);
      assert.notDeepEqual(faultsOf(yaml.replace(from, to)), [], `${from} → ${to}`);
    }
  });

  test('runs the database, the server, a processor and a receiver', () => {
    assert.deepEqual(Object.keys(validCompose().services).toSorted(), ['mongo', ...PROGRAMS].toSorted());
  });

  test('waits only for services that exist, and for health only where it is checked', () => {
    const { services } = validCompose();
    for (const [name, { depends_on = {} }] of Object.entries(services)) {
      for (const [needed, { condition }] of Object.entries(depends_on)) {
        assert.ok(services[needed] !== undefined, `${name} depends on ${needed}`);
        if (condition === 'service_healthy') assert.ok(services[needed].healthcheck !== undefined, `${needed} has no health check`);
      }
    }
    for (const name of ['server', 'processor']) assert.equal(services[name]?.depends_on?.['mongo']?.condition, 'service_healthy');
  });

  test('publishes every port on loopback only', () => {
    const published = Object.values(validCompose().services).flatMap(({ ports = [] }) => ports);
    assert.ok(published.length >= 3);
    for (const port of published) assert.match(port, /^127\.0\.0\.1:/);
  });

  test('keeps the data in a volume that is declared', () => {
    const { volumes } = validCompose();
    assert.deepEqual(serviceNamed('mongo').volumes, ['mongo-data:/data/db']);
    assert.ok('mongo-data' in volumes);
  });

  test('starts files that exist, with node itself, so that SIGTERM reaches the program', () => {
    for (const name of ['processor', 'sink']) {
      const [node, flag, loader, file = ''] = serviceNamed(name).command ?? [];
      assert.deepEqual([node, flag, loader], ['node', '--import', 'tsx']);
      assert.ok(existsSync(join(repository, file)), `${name} starts ${file}`);
    }
  });

  test('gives a drain more time than it takes', () => {
    for (const name of ['server', 'processor']) {
      const { stop_grace_period: grace = '0s', environment = {} } = serviceNamed(name);
      assert.ok(Number(grace.replace('s', '')) * 1_000 > loadConfig(environment).shutdownGraceMs);
    }
  });
});

describe('the settings in docker-compose.yml', () => {
  const environmentOf = (name: string): Environment => serviceNamed(name).environment ?? {};

  for (const name of ['server', 'processor']) {
    test(`of the ${name} load without a fault, and without a hand-made secret`, () => {
      const config = loadConfig(environmentOf(name));
      requireSet(config, 'mongodbUri', 'downstreamUrl', 'downstreamSecret', 'ssrfAllowCidrs');
      assert.match(config.mongodbUri ?? '', /^mongodb:\/\/mongo:27017\/\?replicaSet=rs0$/);
    });
  }

  test('let the server be reached from outside its container only with a token', () => {
    const config = loadConfig(environmentOf('server'));
    assert.equal(config.host, '0.0.0.0');
    requireSet(config, 'adminToken', 'ingestSecrets');
  });

  test('name the development secrets as what they are', () => {
    const { INGEST_SECRET = '', ADMIN_TOKEN = '', DOWNSTREAM_SECRET = '' } = environmentOf('server');
    for (const secret of [INGEST_SECRET, ADMIN_TOKEN, secretKey(DOWNSTREAM_SECRET)?.toString('utf8')]) assert.match(secret ?? '', /development-only/);
  });

  test('give sender and receiver the same signing secret', () => {
    const secrets = PROGRAMS.map((name) => environmentOf(name)['DOWNSTREAM_SECRET']);
    assert.ok(secrets[0] !== undefined && secrets.every((secret) => secret === secrets[0]));
  });

  test('point at services and ports that are there', () => {
    assert.equal(environmentOf('processor')['DOWNSTREAM_URL'], 'http://sink:4401/');
    assert.deepEqual(serviceNamed('sink').command?.slice(4), ['--host', '0.0.0.0', '--port', '4401']);
    assert.deepEqual(serviceNamed('sink').ports, ['127.0.0.1:4401:4401']);
    assert.deepEqual(serviceNamed('server').ports, [`127.0.0.1:8000:${loadConfig(environmentOf('server')).port}`]);
  });
});

describe('the health check', () => {
  const scriptOf = (name: string, program: string, flag: string): string => {
    const command = serviceNamed(name).healthcheck?.test ?? [];
    assert.deepEqual([command[0], command[1], command.at(-2)], ['CMD', program, flag]);
    return command.at(-1) ?? '';
  };

  /** Runs MongoDB's check against a shell that answers as told; answers what it did. */
  function checkMongo(statusCode: number | null, isWritablePrimary: boolean): { readonly initiated: unknown[]; readonly exit: number } {
    const initiated: unknown[] = [];
    let exit = 0;
    const status = (): void => {
      if (statusCode !== null) throw Object.assign(new Error('rs.status failed'), { code: statusCode });
    };
    const shell = { rs: { status, initiate: (config: unknown) => initiated.push(config) }, db: { hello: () => ({ isWritablePrimary }) }, quit: (code: number) => (exit = code) };
    runInContext(scriptOf('mongo', 'mongosh', '--eval'), createContext(shell));
    return { initiated: JSON.parse(JSON.stringify(initiated)) as unknown[], exit };
  }

  test('of MongoDB asks for a writable primary', () => {
    assert.match(scriptOf('mongo', 'mongosh', '--eval'), /isWritablePrimary/);
    assert.deepEqual(checkMongo(null, true), { initiated: [], exit: 0 });
    assert.deepEqual(checkMongo(null, false), { initiated: [], exit: 1 });
  });

  test('of MongoDB initiates the set once, under the name that the others use', () => {
    assert.deepEqual(checkMongo(94, false), { initiated: [{ _id: 'rs0', members: [{ _id: 0, host: 'mongo:27017' }] }], exit: 1 });
    assert.deepEqual(serviceNamed('mongo').command, ['mongod', '--replSet', 'rs0', '--bind_ip_all']);
  });

  test('of MongoDB fails on any other fault and initiates nothing', () => {
    assert.throws(() => checkMongo(13, true), /rs\.status failed/);
  });

  test('of the server asks whether it is ready, and is a program that node can read', () => {
    const script = scriptOf('server', 'node', '-e');
    assert.match(script, /127\.0\.0\.1:8000\/readyz/);
    new Script(script);
  });
});

describe('the image', () => {
  const dockerfile = read('Dockerfile');
  const command = JSON.parse(/^CMD (.*)$/m.exec(dockerfile)?.[1] ?? '[]') as readonly string[];

  test('runs a server that exists, as a user without rights, on a Node.js that the package allows', () => {
    assert.match(dockerfile, /^FROM node:22-slim$/m);
    assert.match(dockerfile, /^USER node$/m);
    assert.match(dockerfile, /^RUN npm ci --omit=dev/m);
    assert.deepEqual(command.slice(0, 3), ['node', '--import', 'tsx']);
    assert.ok(existsSync(join(repository, command[3] ?? '')), command[3]);
  });

  test('copies only what exists and is not ignored', () => {
    const copied = [...dockerfile.matchAll(/^COPY (.*) \S+$/gm)].flatMap(([, sources = '']) => sources.split(' '));
    const ignored = read('.dockerignore').split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    assert.ok(copied.includes('src') && copied.includes('tools'));
    for (const source of copied) {
      assert.ok(existsSync(join(repository, source)), source);
      assert.ok(!ignored.includes(source), `${source} is ignored`);
    }
    for (const secret of ['.env', 'node_modules', '.git', '.data']) assert.ok(ignored.includes(secret), `expected ${secret} to stay out of the image`);
  });

  test('holds every file and package that its programs import: nothing from a folder left out, nothing installed for development only', () => {
    const { dependencies } = JSON.parse(read('package.json')) as { dependencies: Readonly<Record<string, string>> };
    const entries = [command[3] ?? '', ...['processor', 'sink'].map((name) => serviceNamed(name).command?.[3] ?? '')];
    const { files, packages } = reachableFrom(entries);
    assert.deepEqual(files.filter((path) => !/^(src|tools)\//.test(path)), []);
    assert.deepEqual(packages.filter((name) => !(name in dependencies)), []);
    assert.ok('tsx' in dependencies, 'the loader itself');
  });
});

/** Files and packages that these files import, however far; types are erased and count for nothing. */
function reachableFrom(entries: readonly string[]): { readonly files: readonly string[]; readonly packages: readonly string[] } {
  const files = new Set<string>();
  const packages = new Set<string>();
  const queue = [...entries];
  for (let path = queue.pop(); path !== undefined; path = queue.pop()) {
    if (files.has(path)) continue;
    files.add(path);
    const source = ts.transpile(read(path), { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022, verbatimModuleSyntax: true });
    for (const { fileName } of ts.preProcessFile(source).importedFiles) {
      if (fileName.startsWith('.')) queue.push(join(dirname(path), fileName));
      else if (!fileName.startsWith('node:') && !builtinModules.includes(fileName)) packages.add(fileName.split('/').slice(0, fileName.startsWith('@') ? 2 : 1).join('/'));
    }
  }
  return { files: [...files].toSorted(), packages: [...packages].toSorted() };
}
