/** What a person needs to know once everything runs: where things are, what was made up for them, and what to type next. */
import { scrubUris, shownUrl } from '../../src/runtime/errors.ts';
import type { Settings } from './settings.ts';

export interface BannerFacts {
  readonly settings: Settings;
  readonly url: string;
  readonly serverPid: number;
  readonly processorPid: number;
}

export function banner({ settings, url, serverPid, processorPid }: BannerFacts): string {
  const { config, mongo, sink, made } = settings;
  const pace = config.ratePerSecond === 0 ? 'without a rate limit' : `at most ${config.ratePerSecond} a second`;
  const rows: (readonly [string, string])[] = [
    ['MongoDB', mongo === null ? scrubUris(config.mongodbUri ?? '') : `${mongo.uri}  (mongod ${mongo.binary.version} from ${mongo.binary.source}; data kept in .data)`],
    ['Server', `${url}/api/v1/webhooks/ingest  (pid ${serverPid})`],
    ['Processor', `pid ${processorPid}; kill -9 it whenever you like, it is started again and loses nothing`],
    ['Target', config.downstreamUrl === null ? 'none: set DOWNSTREAM_URL, or events are stored as UNROUTED' : `${shownUrl(config.downstreamUrl)}, ${pace}${sink === null ? '' : '  (our own receiver, since DOWNSTREAM_URL is not set)'}`],
  ];
  if (made.has('INGEST_SECRET')) rows.push(['Secret', `INGEST_SECRET=${config.ingestSecrets[0] ?? ''}  (made for you, kept in .data/ingest-secret)`]);
  if (made.has('SSRF_ALLOW_CIDRS')) rows.push(['Loopback', 'targets on this machine are allowed, since this MongoDB is our own; elsewhere SSRF_ALLOW_CIDRS must list them']);
  return ['', 'Hooktail is running. Ctrl-C stops it in order.', '', ...rows.map(([name, text]) => `  ${name.padEnd(10)} ${text}`), '', 'Next, in another terminal:  npm run send -- --type order.created', ''].join('\n');
}
