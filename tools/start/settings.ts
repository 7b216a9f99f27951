/** What a first run needs and nobody has set yet: a replica set, secrets, and somewhere for the deliveries to go. */
import { loadConfig, readEnvironment, type Config, type Environment } from '../../src/runtime/config.ts';
import { startLocalMongo, type LocalMongo } from '../local-mongo.ts';
import type { FirstSink } from './first-sink.ts';
import type { DataFolder } from './data-folder.ts';

export interface Settings {
  /** For the programs: the environment with what was missing filled in. */
  readonly environment: Environment;
  readonly config: Config;
  /** Null when MONGODB_URI names another one. */
  readonly mongo: LocalMongo | null;
  /** Null when DOWNSTREAM_URL names a receiver. */
  readonly sink: FirstSink | null;
  /** Names of the variables that were filled in. */
  readonly made: ReadonlySet<string>;
}

export interface SettingsDeps {
  readonly data: DataFolder;
  readonly note: (line: string) => void;
  readonly openSink: (secret: string) => Promise<FirstSink>;
}

/** @throws FatalError when the configuration is invalid or no MongoDB can be started */
export async function completeSettings({ data, note, openSink }: SettingsDeps): Promise<Settings> {
  const given = readEnvironment();
  const config = loadConfig(given); // All faults at once, before anything is started.
  const made: Record<string, string> = {};
  if (config.ingestSecrets.length === 0) made['INGEST_SECRET'] = data.secret('ingest-secret');
  const mongo = config.mongodbUri === null ? await startLocalMongo({ dataDir: data.mongoPath, onNote: note }) : null;
  if (mongo !== null) {
    made['MONGODB_URI'] = mongo.uri;
    if (config.ssrfAllowCidrs.length === 0) made['SSRF_ALLOW_CIDRS'] = '127.0.0.0/8,::1/128';
    data.writeMongoUri(mongo.uri);
  }
  const sink = config.downstreamUrl === null && mongo !== null ? await openFirstSink() : null;
  const environment = { LOG_FORMAT: 'pretty', ...given, ...made };
  return { environment, config: loadConfig(environment), mongo, sink, made: new Set(Object.keys(made)) };

  async function openFirstSink(): Promise<FirstSink> {
    const secret = config.downstreamSecret ?? data.secret('downstream-secret');
    const opened = await openSink(secret);
    Object.assign(made, { DOWNSTREAM_SECRET: secret, DOWNSTREAM_URL: opened.url });
    return opened;
  }
}
