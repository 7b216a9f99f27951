/** Configuration: every fault at once and by name, no secret in any message, and `.env.example` that tells the truth. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { parseEnv } from 'node:util';
import fc from 'fast-check';
import { STANDARD_SCHEDULE_MS } from '../../src/domain/backoff.ts';
import { newSecret } from '../../src/domain/signing.ts';
import { CONFIG_ROWS, defaultMember, loadConfig, readEnvironment, requireSet, type Config, type Environment } from '../../src/runtime/config.ts';
import { FatalError } from '../../src/runtime/errors.ts';

const rows = Object.values(CONFIG_ROWS);

/** The message of the refusal that this environment must get. */
function refusalOf(environment: Environment): string {
  let refusal = '';
  assert.throws(() => loadConfig(environment), (error) => {
    assert.ok(error instanceof FatalError);
    assert.equal(error.code, 'invalid_config');
    refusal = error.message;
    return true;
  });
  return refusal;
}

describe('with nothing set', () => {
  test('the defaults are the documented ones', () => {
    assert.deepEqual({ ...loadConfig({}), logFormat: 'json' }, {
      mongodbUri: null,
      mongodbDb: 'hooktail',
      host: '127.0.0.1',
      port: 8000,
      ingestSecrets: [],
      adminToken: null,
      masterKeys: [],
      masterKeyFile: null,
      downstreamUrl: null,
      downstreamSecret: null,
      ratePerSecond: 3,
      targetConcurrency: 5,
      globalConcurrency: 300,
      maxAttempts: null,
      retryScheduleMs: STANDARD_SCHEDULE_MS,
      deliveryTimeoutMs: 15_000,
      maxBodyBytes: 262_144,
      maxBatchBytes: 4_194_304,
      ingestRatePerAddress: 1_000,
      ingestRatePerSource: 0,
      trustProxy: 0,
      processorName: null,
      ssrfAllowCidrs: [],
      ssrfAllowPorts: [],
      ssrfRequireHttps: false,
      metricsHost: '127.0.0.1',
      metricsPort: null,
      retentionDays: 30,
      auditRetentionDays: 365,
      logLevel: 'info',
      logFormat: 'json',
      shutdownGraceMs: 20_000,
    } satisfies Config);
  });

  test('the answer cannot be changed', () => assert.ok(Object.isFrozen(loadConfig({}))));

  test('an empty or blank variable counts as unset', () => {
    for (const blank of ['', ' ', '\t']) assert.deepEqual(loadConfig(Object.fromEntries(rows.map(({ env }) => [env, blank]))), loadConfig({}));
  });

  test('variables of other programs are none of our business', () => {
    assert.deepEqual(loadConfig({ PATH: '/bin', NODE_ENV: 'production', port: '1' }), loadConfig({}));
  });
});

describe('a value is read', () => {
  const cases: readonly (readonly [env: string, text: string, key: keyof Config, expected: unknown])[] = [
    ['MONGODB_URI', 'mongodb://a:1,b:2/?replicaSet=rs0', 'mongodbUri', 'mongodb://a:1,b:2/?replicaSet=rs0'],
    ['MONGODB_URI', 'mongodb+srv://cluster.example/', 'mongodbUri', 'mongodb+srv://cluster.example/'],
    ['PORT', '0', 'port', 0],
    ['PORT', ' 65535 ', 'port', 65_535],
    ['INGEST_SECRET', 'one, two ,', 'ingestSecrets', ['one', 'two']],
    ['DOWNSTREAM_URL', 'https://receiver.example/hooks?a=1', 'downstreamUrl', 'https://receiver.example/hooks?a=1'],
    ['SSRF_ALLOW_PORTS', '81, 6379', 'ssrfAllowPorts', [81, 6_379]],
    ['SSRF_REQUIRE_HTTPS', 'true', 'ssrfRequireHttps', true],
    ['METRICS_PORT', '0', 'metricsPort', 0],
    ['RATE_LIMIT_PER_SECOND', '0', 'ratePerSecond', 0],
    ['RATE_LIMIT_PER_SECOND', '0.001', 'ratePerSecond', 0.001],
    ['RATE_LIMIT_PER_SECOND', '2.5', 'ratePerSecond', 2.5],
    ['RATE_LIMIT_PER_SECOND', '1000', 'ratePerSecond', 1_000],
    ['TARGET_CONCURRENCY', '0', 'targetConcurrency', 0],
    ['MAX_RETRY_ATTEMPTS', '1', 'maxAttempts', 1],
    ['RETRY_SCHEDULE', '250ms, 5s,30m,2h,1d', 'retryScheduleMs', [250, 5_000, 1_800_000, 7_200_000, 86_400_000]],
    ['RETRY_SCHEDULE', '7d', 'retryScheduleMs', [604_800_000]],
    ['SHUTDOWN_GRACE_MS', '1500', 'shutdownGraceMs', 1_500],
    ['SHUTDOWN_GRACE_MS', '20s', 'shutdownGraceMs', 20_000],
    ['SSRF_ALLOW_CIDRS', '10.0.0.0/8, ::1/128', 'ssrfAllowCidrs', ['10.0.0.0/8', '::1/128']],
    ['LOG_LEVEL', 'silent', 'logLevel', 'silent'],
    ['LOG_FORMAT', 'pretty', 'logFormat', 'pretty'],
    ['PROCESSOR_NAME', 'eu-1.a_b', 'processorName', 'eu-1.a_b'],
  ];
  for (const [env, text, key, expected] of cases) {
    test(`${env}=${text}`, () => assert.deepEqual(loadConfig({ [env]: text })[key], expected));
  }

  test('every secret made here is one that configuration takes', () => {
    for (let run = 0; run < 20; run += 1) {
      const secret = newSecret();
      const { downstreamSecret, ingestSecrets } = loadConfig({ DOWNSTREAM_SECRET: secret, INGEST_SECRET: secret });
      assert.deepEqual([downstreamSecret, ingestSecrets], [secret, [secret]]);
    }
  });
});

/** For each variable at least one value that cannot be meant. */
const UNUSABLE: Readonly<Record<string, readonly string[]>> = {
  MONGODB_URI: ['localhost:27017', 'http://localhost', 'mongodb:/x'],
  MONGODB_DB: ['a b', 'a/b', 'a$b', 'x'.repeat(64)],
  HOST: ['a b'],
  PORT: ['-1', '65536', '80.5', 'http', '0x50', '1e3'],
  INGEST_SECRET: [',', 'whsec_short', 'good,whsec_short'],
  ADMIN_TOKEN: ['fifteen-letters', 'with a space in it'],
  HOOKTAIL_MASTER_KEY: ['short', 'A'.repeat(43), `a b:${'A'.repeat(43)}=`, `${'A'.repeat(42)}-=`, `a:${'A'.repeat(43)}=,a:${'B'.repeat(42)}A=`, ','],
  HOOKTAIL_MASTER_KEY_FILE: ['x'.repeat(4_097), `${'A'.repeat(43)}=`],
  DOWNSTREAM_URL: ['receiver.example', 'ftp://receiver.example/', 'http://'],
  DOWNSTREAM_SECRET: ['plain-text-secret-long-enough', 'whsec_', 'whsec_c2hvcnQ='],
  RATE_LIMIT_PER_SECOND: ['-1', '1001', '1.2345', 'many', '1e2'],
  TARGET_CONCURRENCY: ['-1', '10001', '2.5'],
  GLOBAL_CONCURRENCY: ['0', '10001'],
  MAX_RETRY_ATTEMPTS: ['0', '101'],
  RETRY_SCHEDULE: ['5', '5s,', 's', '5s,soon', '0s', '8d', '-5s', '1.5s', Array<string>(51).fill('1s').join(',')],
  DELIVERY_TIMEOUT_MS: ['99', '300001', '15s'],
  INGEST_MAX_BODY_BYTES: ['1023', '8388609', '1MB'],
  INGEST_MAX_BATCH_BYTES: ['1023', '33554433', '1MB'],
  INGEST_RATE_PER_ADDRESS: ['-1', '1000001', '2.5'],
  INGEST_RATE_PER_SOURCE: ['-1', '1000001', 'many'],
  TRUST_PROXY: ['-1', '11', 'yes'],
  PROCESSOR_NAME: ['a b', 'a/b', 'x'.repeat(65)],
  SSRF_ALLOW_CIDRS: ['10.0.0.0', '10.0.0.0/33', '::1/129', '10.0.0.0/8,', 'localhost/8', '10.0.0/8', '10.0.0.0/8/8'],
  SSRF_ALLOW_PORTS: ['0', '65536', '80,', 'http', '80;81', '-1', '1.5', '1e3'],
  SSRF_REQUIRE_HTTPS: ['yes', '1', 'TRUE', 'false true'],
  METRICS_HOST: ['a b', 'x'.repeat(256)],
  METRICS_PORT: ['65536', '-1', 'none'],
  RETENTION_DAYS: ['0', '3651'],
  AUDIT_RETENTION_DAYS: ['0', '3651'],
  LOG_LEVEL: ['verbose', 'INFO'],
  LOG_FORMAT: ['xml'],
  SHUTDOWN_GRACE_MS: ['-1', '600001', '1w', '11m'],
};

describe('a value that cannot be meant is refused by name', () => {
  test('there are such values here for every variable', () => {
    assert.deepEqual(Object.keys(UNUSABLE).toSorted(), rows.map(({ env }) => env).toSorted());
  });
  for (const [env, values] of Object.entries(UNUSABLE)) {
    for (const value of values) test(`${env}=${value.slice(0, 40)}`, () => assert.match(refusalOf({ [env]: value }), new RegExp(`^Invalid configuration:\\n {2}${env}: expected .*, got `)));
  }

  test('all of them at once, one line each', () => {
    const refusal = refusalOf({ ...Object.fromEntries(Object.entries(UNUSABLE).map(([env, [value]]) => [env, value])), HOOKTAIL_PORT: '1' });
    const named = refusal.split('\n').slice(1).map((line) => line.trim().split(':')[0]);
    assert.deepEqual(named.toSorted(), [...rows.map(({ env }) => env), 'HOOKTAIL_PORT'].toSorted());
  });

  test('no text whatever makes reading it throw anything but the refusal', () => {
    fc.assert(fc.property(fc.constantFrom(...rows.map(({ env }) => env)), fc.string(), (env, text) => {
      try {
        loadConfig({ [env]: text });
      } catch (error) {
        assert.ok(error instanceof FatalError, String(error));
      }
    }), { numRuns: 2_000 });
  });
});

describe('a message never repeats', () => {
  const SECRET = 'hunter2';
  const faulty: readonly (readonly [env: string, value: string])[] = [
    ['INGEST_SECRET', `whsec_${SECRET}`],
    ['INGEST_SECRET', `good,whsec_${SECRET}`],
    ['ADMIN_TOKEN', SECRET],
    ['DOWNSTREAM_SECRET', SECRET],
    ['HOOKTAIL_MASTER_KEY', SECRET],
    ['HOOKTAIL_MASTER_KEY_FILE', `${SECRET}${'A'.repeat(43)}=`],
    ['MONGODB_URI', `mongo://user:${SECRET}@db.example/`],
    ['MONGODB_URI', `user:${SECRET}@db.example/`],
    ['DOWNSTREAM_URL', `ftp://user:${SECRET}@receiver.example/`],
    ['DOWNSTREAM_URL', `user:${SECRET}@receiver.example/`],
  ];
  for (const [env, value] of faulty) test(`the secret in ${env}=${value}`, () => assert.ok(!refusalOf({ [env]: value }).includes(SECRET)));

  test('the value of an unknown variable, which may be a secret under a wrong name', () => {
    assert.ok(!refusalOf({ HOOKTAIL_INGEST_SECRET: SECRET }).includes(SECRET));
  });
});

describe('a variable named HOOKTAIL_…', () => {
  test('is refused, with the name that was meant', () => {
    assert.match(refusalOf({ HOOKTAIL_PORT: '8000' }), /HOOKTAIL_PORT: unknown variable, did you mean PORT\?/);
    assert.match(refusalOf({ HOOKTAIL_MONGODB_URI: 'x' }), /did you mean MONGODB_URI\?/);
  });

  test('is refused without a guess when nothing is like it', () => {
    assert.match(refusalOf({ HOOKTAIL_COLOUR: 'red' }), /HOOKTAIL_COLOUR: unknown variable$/);
  });
});

describe('a .env file', () => {
  /** Runs with a folder that holds this `.env`, and with these variables set in the process. */
  function withEnv(content: string | null, variables: Readonly<Record<string, string>>, check: (environment: Environment) => void): void {
    const folder = mkdtempSync(join(tmpdir(), 'hooktail-env-'));
    const before = { ...process.env };
    try {
      if (content !== null) writeFileSync(join(folder, '.env'), content);
      for (const { env } of rows) Reflect.deleteProperty(process.env, env);
      Object.assign(process.env, variables);
      check(readEnvironment(folder));
    } finally {
      for (const name of Object.keys(variables)) Reflect.deleteProperty(process.env, name);
      Object.assign(process.env, before);
      rmSync(folder, { recursive: true });
    }
  }

  test('is read, and the environment wins over it', () => {
    withEnv('# a comment\nMONGODB_DB=from_file\nPORT="9001"\n', { MONGODB_DB: 'from_environment' }, (environment) => {
      const { mongodbDb, port } = loadConfig(environment);
      assert.deepEqual([mongodbDb, port], ['from_environment', 9_001]);
    });
  });

  test('is checked like the environment', () => {
    withEnv('HOOKTAIL_PORT=1\nPORT=none\n', {}, (environment) => assert.match(refusalOf(environment), /HOOKTAIL_PORT[^]*PORT: expected/));
  });

  test('is not needed', () => {
    withEnv(null, { PORT: '9002' }, (environment) => assert.equal(loadConfig(environment).port, 9_002));
  });
});

describe('what a program cannot do without', () => {
  test('is named all at once, with what it is for and the fix', () => {
    assert.throws(() => requireSet(loadConfig({}), 'mongodbUri', 'ingestSecrets', 'port'), (error) => {
      assert.ok(error instanceof FatalError);
      assert.match(error.message, /^MONGODB_URI and INGEST_SECRET are not set:\n {2}MONGODB_URI: Replica set.*\n {2}INGEST_SECRET: Secrets/);
      assert.match(error.fix ?? '', /\.env\.example/);
      return true;
    });
  });

  test('is not missed when it is there', () => {
    requireSet(loadConfig({ MONGODB_URI: 'mongodb://h', INGEST_SECRET: 's' }), 'mongodbUri', 'ingestSecrets');
  });
});

test('the name a processor goes by when none is set is one that PROCESSOR_NAME takes', () => {
  assert.equal(loadConfig({ PROCESSOR_NAME: defaultMember() }).processorName, defaultMember());
});

describe('.env.example', () => {
  const example = readFileSync(new URL('../../.env.example', import.meta.url), 'utf8');
  const blocks = example.split(/\n{2,}/).map((block) => block.trim().split('\n')).filter((lines) => lines.some((line) => /^#?[A-Z_]+=/.test(line)));
  const entries = blocks.map((lines) => {
    const [, env = '', value = ''] = /^#([A-Z_]+)=(.*)$/.exec(lines.at(-1) ?? '') ?? [];
    return { env, value, help: lines.slice(0, -1).map((line) => line.replace(/^# ?/, '')).join(' ') };
  });

  test('has one block per variable, in the order of the table, and nothing else', () => {
    assert.deepEqual(entries.map(({ env }) => env), rows.map(({ env }) => env));
  });

  test('sets nothing, so that copying it changes nothing', () => assert.deepEqual(parseEnv(example), {}));

  test('says of each what the table says', () => {
    assert.deepEqual(entries.map(({ env, help }) => ({ env, help })), rows.map(({ env, help }) => ({ env, help: `${help}.` })));
  });

  test('shows values that would be taken, and where there is a default, that one', () => {
    const shown = loadConfig(parseEnv(entries.map(({ env, value }) => `${env}=${value}`).join('\n')));
    const defaults = loadConfig({});
    for (const [key, row] of Object.entries(CONFIG_ROWS) as [keyof Config, (typeof rows)[number]][]) {
      const entry = entries.find(({ env }) => env === row.env);
      assert.notEqual(entry?.value, '', `${row.env} shows no value`);
      // The log format's default depends on where the log goes.
      const hasDefault = key !== 'logFormat' && defaults[key] !== null && !(Array.isArray(defaults[key]) && defaults[key].length === 0);
      if (hasDefault) assert.deepEqual(shown[key], defaults[key], row.env);
    }
  });
});
