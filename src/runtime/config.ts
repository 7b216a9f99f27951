/**
 * Configuration from the environment, and from `.env` when there is one: one row per variable, validated whole, so that all
 * faults are told at once and by name. The environment wins over `.env`.
 */
import { existsSync, readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { parseEnv } from 'node:util';
import { STANDARD_SCHEDULE_MS } from '../domain/backoff.ts';
import { masterKeyOf, type MasterKey } from '../domain/sealing.ts';
import { secretKey } from '../domain/signing.ts';
import { FatalError } from './errors.ts';
import { LOG_LEVELS, type LogFormat, type LogLevel } from './logger.ts';
import { readCidrs, readCount, readDuration, readFlag, readMasterKeys, readPath, readPorts, readRate, readSchedule, readSecrets, readText, readUrl, readWord, type Reading } from './config-values.ts';

export interface Config {
  readonly mongodbUri: string | null;
  readonly mongodbDb: string;
  readonly host: string;
  readonly port: number;
  readonly ingestSecrets: readonly string[];
  readonly adminToken: string | null;
  /** Newest first. */
  readonly masterKeys: readonly MasterKey[];
  readonly masterKeyFile: string | null;
  readonly downstreamUrl: string | null;
  readonly downstreamSecret: string | null;
  readonly ratePerSecond: number;
  readonly targetConcurrency: number;
  readonly globalConcurrency: number;
  readonly maxAttempts: number | null;
  readonly retryScheduleMs: readonly number[];
  readonly deliveryTimeoutMs: number;
  readonly maxBodyBytes: number;
  readonly maxBatchBytes: number;
  readonly ingestRatePerAddress: number;
  readonly ingestRatePerSource: number;
  readonly trustProxy: number;
  readonly processorName: string | null;
  readonly ssrfAllowCidrs: readonly string[];
  readonly ssrfAllowPorts: readonly number[];
  readonly ssrfRequireHttps: boolean;
  readonly metricsHost: string;
  readonly metricsPort: number | null;
  readonly retentionDays: number;
  readonly auditRetentionDays: number;
  readonly logLevel: LogLevel;
  readonly logFormat: LogFormat;
  readonly shutdownGraceMs: number;
}

interface Row<T> {
  readonly env: string;
  /** What stands in `.env.example`: unit, range, default, one sentence. */
  readonly help: string;
  readonly fallback: T;
  readonly read: (text: string) => Reading<T>;
}

type Rows = { readonly [Key in keyof Config]: Row<Config[Key]> };

const logFormats = ['json', 'pretty'] as const;

export const CONFIG_ROWS: Rows = {
  mongodbUri: { env: 'MONGODB_URI', help: 'Replica set to use. Unset: npm start runs a local one and keeps its data under .data', fallback: null, read: readUrl(['mongodb:', 'mongodb+srv:']) },
  mongodbDb: { env: 'MONGODB_DB', help: 'Database name. Default hooktail', fallback: 'hooktail', read: readText(/^[A-Za-z0-9_-]{1,63}$/, '1 to 63 letters, digits, _ or -') },
  host: { env: 'HOST', help: 'Address to listen on. Default 127.0.0.1; anything but loopback needs ADMIN_TOKEN, or a stored token of scope admin', fallback: '127.0.0.1', read: readText(/^\S{1,255}$/, 'a host name or address') },
  port: { env: 'PORT', help: 'TCP port of the HTTP server, 0 to 65535; 0 takes a free one. Default 8000', fallback: 8000, read: readCount(0, 65_535) },
  ingestSecrets: { env: 'INGEST_SECRET', help: 'Secrets that sign incoming events, several separated by commas; whsec_… is base64, anything else its UTF-8 bytes. npm start makes one when unset', fallback: [], read: readSecrets(secretKey) },
  adminToken: { env: 'ADMIN_TOKEN', help: 'Bearer token of scope admin, 16 characters or more, for everything but ingest and probes; npm run tokens makes others', fallback: null, read: readText(/^[\x21-\x7e]{16,255}$/, '16 to 255 visible ASCII characters') },
  masterKeys: { env: 'HOOKTAIL_MASTER_KEY', help: 'Keys that seal secrets in the database: 32 bytes in base64, or id:base64, several separated by commas, newest first; npm run keys -- make makes one. Unset: secrets are stored plain', fallback: [], read: readMasterKeys(masterKeyOf) },
  masterKeyFile: { env: 'HOOKTAIL_MASTER_KEY_FILE', help: 'File that holds them instead, separated by commas or lines', fallback: null, read: readPath },
  downstreamUrl: { env: 'DOWNSTREAM_URL', help: 'Registers one target, "default", that receives every event', fallback: null, read: readUrl(['http:', 'https:']) },
  downstreamSecret: { env: 'DOWNSTREAM_SECRET', help: 'whsec_… secret that signs deliveries to the default target. Made and kept when unset', fallback: null, read: readText(/^whsec_[A-Za-z0-9+/]{22,}={0,2}$/, 'whsec_ and at least 16 bytes in base64') },
  ratePerSecond: { env: 'RATE_LIMIT_PER_SECOND', help: 'Starts of attempts per second to the default target, 0 to 1000; 0 means no limit. Default 3', fallback: 3, read: readRate },
  targetConcurrency: { env: 'TARGET_CONCURRENCY', help: 'Attempts in flight at once to the default target, 0 to 10000; 0 means no limit. Default 5', fallback: 5, read: readCount(0, 10_000) },
  globalConcurrency: { env: 'GLOBAL_CONCURRENCY', help: 'Attempts in flight or not yet written down, of one processor, 1 to 10000; a crash can repeat at most this many. Default 300', fallback: 300, read: readCount(1, 10_000) },
  maxAttempts: { env: 'MAX_RETRY_ATTEMPTS', help: 'Attempts of a delivery in all, the first one included, 1 to 100. Default: one more than RETRY_SCHEDULE is long', fallback: null, read: readCount(1, 100) },
  retryScheduleMs: { env: 'RETRY_SCHEDULE', help: 'Delays before the second, third, … attempt. Default 5s,5m,30m,2h,5h,10h,14h,20h,24h', fallback: STANDARD_SCHEDULE_MS, read: readSchedule },
  deliveryTimeoutMs: { env: 'DELIVERY_TIMEOUT_MS', help: 'Deadline of one attempt in milliseconds, 100 to 300000. Default 15000', fallback: 15_000, read: readCount(100, 300_000) },
  maxBodyBytes: { env: 'INGEST_MAX_BODY_BYTES', help: 'Largest event body in bytes, 1024 to 8388608. Default 262144', fallback: 262_144, read: readCount(1_024, 8_388_608) },
  maxBatchBytes: { env: 'INGEST_MAX_BATCH_BYTES', help: 'Largest body of a batch of events in bytes, 1024 to 33554432. Default 4194304', fallback: 4_194_304, read: readCount(1_024, 33_554_432) },
  ingestRatePerAddress: { env: 'INGEST_RATE_PER_ADDRESS', help: 'Requests per second that each server takes from one address, 0 to 1000000, with twice as many at once; 0 means no limit. Default 1000', fallback: 1_000, read: readCount(0, 1_000_000) },
  ingestRatePerSource: { env: 'INGEST_RATE_PER_SOURCE', help: 'Signed requests per second that each server takes for the default source, 0 to 1000000, with twice as many at once; 0 means no limit. Default 0', fallback: 0, read: readCount(0, 1_000_000) },
  trustProxy: { env: 'TRUST_PROXY', help: 'How many proxies in front of the server are to be believed about X-Forwarded-For, 0 to 10. Default 0: the address is that of the connection', fallback: 0, read: readCount(0, 10) },
  processorName: { env: 'PROCESSOR_NAME', help: 'Name of this processor in the fleet, one name a process. Default: the host name', fallback: null, read: readText(/^[A-Za-z0-9_.-]{1,64}$/, '1 to 64 letters, digits, _, . or -') },
  ssrfAllowCidrs: { env: 'SSRF_ALLOW_CIDRS', help: 'Private networks that targets may live in, such as 10.0.0.0/8,127.0.0.0/8. Default: none', fallback: [], read: readCidrs },
  ssrfAllowPorts: { env: 'SSRF_ALLOW_PORTS', help: 'Ports that targets may use beside 80, 443 and those from 1024 that belong to no internal service, such as 81,6379. Default: none', fallback: [], read: readPorts },
  ssrfRequireHttps: { env: 'SSRF_REQUIRE_HTTPS', help: 'true refuses targets with a plain http address. Default false', fallback: false, read: readFlag },
  metricsHost: { env: 'METRICS_HOST', help: 'Address that the processor listens on for metrics and probes. Default 127.0.0.1; anything but loopback needs ADMIN_TOKEN', fallback: '127.0.0.1', read: readText(/^\S{1,255}$/, 'a host name or address') },
  metricsPort: { env: 'METRICS_PORT', help: 'TCP port of the processor for metrics and probes, 0 to 65535; 0 takes a free one. Default: none', fallback: null, read: readCount(0, 65_535) },
  retentionDays: { env: 'RETENTION_DAYS', help: 'Days that finished events are kept, 1 to 3650. Default 30', fallback: 30, read: readCount(1, 3_650) },
  auditRetentionDays: { env: 'AUDIT_RETENTION_DAYS', help: 'Days that records of changes are kept, 1 to 3650. Default 365', fallback: 365, read: readCount(1, 3_650) },
  logLevel: { env: 'LOG_LEVEL', help: `One of ${LOG_LEVELS.join(', ')}. Default info`, fallback: 'info', read: readWord(LOG_LEVELS) },
  logFormat: { env: 'LOG_FORMAT', help: 'json or pretty. Default: pretty on a terminal, else json', fallback: process.stderr.isTTY ? 'pretty' : 'json', read: readWord(logFormats) },
  shutdownGraceMs: { env: 'SHUTDOWN_GRACE_MS', help: 'How long attempts may finish after SIGTERM, in milliseconds, 0 to 600000. Default 20000', fallback: 20_000, read: readDuration(0, 600_000) },
};

export type Environment = Readonly<Record<string, string | undefined>>;

/** `process.env` over `.env` in the given folder; a variable that is set to nothing does not hide the one in the file. */
export function readEnvironment(folder: string = process.cwd()): Environment {
  const file = `${folder}/.env`;
  if (!existsSync(file)) return process.env;
  const set = Object.entries(process.env).filter(([, value]) => value !== '');
  return { ...parseEnv(readFileSync(file, 'utf8')), ...Object.fromEntries(set) };
}

/**
 * Reads the whole configuration. An empty variable counts as unset.
 * @throws FatalError `invalid_config` that lists every fault by variable name.
 */
export function loadConfig(environment: Environment = readEnvironment()): Config {
  const faults: string[] = unknownNames(environment);
  const entries = Object.entries(CONFIG_ROWS).map(([key, row]) => [key, readRow(row as Row<unknown>, environment, faults)] as const);
  if (faults.length > 0) throw new FatalError('invalid_config', `Invalid configuration:\n${faults.map((fault) => `  ${fault}`).join('\n')}`);
  return Object.freeze(Object.fromEntries(entries)) as unknown as Config;
}

function readRow(row: Row<unknown>, environment: Environment, faults: string[]): unknown {
  const text = environment[row.env]?.trim();
  if (text === undefined || text === '') return row.fallback;
  const reading = row.read(text);
  if (reading.ok) return reading.value;
  faults.push(`${row.env}: expected ${reading.expected}, got ${/SECRET|TOKEN|MASTER_KEY|UR[IL]$/.test(row.env) ? 'something else' : JSON.stringify(text)}`);
  return row.fallback;
}

/** Hardly anything of ours is named HOOKTAIL_…, so another such variable is a mistake worth telling. */
function unknownNames(environment: Environment): string[] {
  const known = Object.values(CONFIG_ROWS).map(({ env }) => env);
  return Object.keys(environment).filter((name) => name.startsWith('HOOKTAIL_') && !known.includes(name)).map((name) => {
    const meant = known.find((env) => name.endsWith(env));
    return `${name}: unknown variable${meant === undefined ? '' : `, did you mean ${meant}?`}`;
  });
}

/** What both programs need before anything else. @throws FatalError naming every variable that is missing. */
export function requireSet(config: Config, ...keys: readonly (keyof Config)[]): void {
  const missing = keys.filter((key) => config[key] === null || (Array.isArray(config[key]) && config[key].length === 0)).map((key) => CONFIG_ROWS[key]);
  if (missing.length === 0) return;
  const names = missing.map(({ env }) => env).join(' and ');
  throw new FatalError('missing_config', `${names} ${missing.length === 1 ? 'is' : 'are'} not set:\n${missing.map(({ env, help }) => `  ${env}: ${help}`).join('\n')}`, {
    fix: 'set it in the environment or in .env (see .env.example), or use npm start, which fills in all of it',
  });
}

/** The name this processor goes by when none is set. */
export const defaultMember = (): string => hostname().replace(/[^A-Za-z0-9_.-]/g, '-').slice(0, 64) || 'processor';
