/**
 * The process behind official-download.ts: settings come as MONGOMS_* variables, the result is a file in MONGOMS_DOWNLOAD_DIR.
 * It first asks whether the site, or the proxy on the way to it, can be reached at all: behind a closed door the package would retry for minutes.
 */
import { once } from 'node:events';
import { connect } from 'node:net';

const connectTimeoutMs = 5_000;
/** The ones the package reads, in its order. */
const proxyNames = ['npm_config_https-proxy', 'npm_config_proxy', 'https_proxy', 'http_proxy', 'HTTPS_PROXY', 'HTTP_PROXY'];

async function probe(url: string): Promise<void> {
  const { hostname, port, protocol } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port || (protocol === 'http:' ? 80 : 443)) });
  try {
    await once(socket, 'connect', { signal: AbortSignal.timeout(connectTimeoutMs) });
  } catch (error) {
    const { name, message } = error as Error;
    throw new Error(`cannot reach ${hostname}: ${name === 'AbortError' ? `no answer within ${connectTimeoutMs} ms` : message}`, { cause: error });
  } finally {
    socket.destroy();
  }
}

async function fetchOfficial(): Promise<void> {
  const { DryMongoBinary, MongoBinary } = await import('mongodb-memory-server-core');
  const { MongoBinaryDownloadUrl } = await import('mongodb-memory-server-core/lib/util/MongoBinaryDownloadUrl.js');
  const options = await DryMongoBinary.generateOptions();
  const proxy = proxyNames.map((name) => process.env[name]).find((url) => url !== undefined && url !== '');
  await probe(proxy ?? await new MongoBinaryDownloadUrl(options).getDownloadUrl());
  await MongoBinary.getPath(options);
}

try {
  await fetchOfficial();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
}
