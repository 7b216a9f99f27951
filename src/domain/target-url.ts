/**
 * What a target's address may look like: the part of the guard that needs no network. Asked when a target is saved, for a friendly
 * answer, and before every send, since rules change. A literal address in any spelling is judged here as well; what a name leads
 * to is judged when it is dialled (delivery/guard.ts).
 */
export interface UrlRules {
  /** Whether plain http is refused. */
  readonly requireHttps: boolean;
  /** Ports that are allowed although they are refused otherwise. */
  readonly allowPorts: readonly number[];
  /** Why an address must not be dialled, in words; null when it may. */
  readonly addressFault: (address: string) => string | null;
}

const LEAST_FREE_PORT = 1_024;
const DEFAULT_PORTS: Readonly<Record<string, number>> = { 'http:': 80, 'https:': 443 };

/**
 * Services that answer whoever reaches them, or do harm when a stray request does, at the ports where they are usually found. None
 * of them lies in the range that Linux hands out by itself (32768 and above).
 */
const INTERNAL_SERVICES: ReadonlyMap<number, string> = new Map([
  [1433, 'SQL Server'], [1521, 'Oracle'], [2049, 'NFS'], [2181, 'ZooKeeper'], [2375, 'Docker'], [2376, 'Docker'], [2379, 'etcd'], [2380, 'etcd'],
  [3306, 'MySQL'], [3389, 'Remote Desktop'], [4369, 'Erlang'], [5432, 'PostgreSQL'], [5672, 'RabbitMQ'], [5900, 'VNC'], [5984, 'CouchDB'], [5985, 'WinRM'],
  [6379, 'Redis'], [6443, 'Kubernetes'], [7000, 'Cassandra'], [7687, 'Neo4j'], [8086, 'InfluxDB'], [8200, 'Vault'], [8300, 'Consul'], [8500, 'Consul'],
  [9042, 'Cassandra'], [9092, 'Kafka'], [9200, 'Elasticsearch'], [9300, 'Elasticsearch'], [10250, 'Kubernetes'], [10255, 'Kubernetes'], [11211, 'memcached'],
  [15672, 'RabbitMQ'], [26257, 'CockroachDB'], [26379, 'Redis'], [27017, 'MongoDB'], [27018, 'MongoDB'], [27019, 'MongoDB'],
]);

const LONGEST = 2_048;
const LOCALHOST = /^(.+\.)?localhost\.?$/;

/** What is wrong with a target's address when it is saved, in words; null when nothing is. Stricter than `urlFault`: whoever makes a slip hears of it at once. */
export function savedUrlFault(text: string, rules: UrlRules): string | null {
  if (text.length > LONGEST || /[\s\u0000-\u001f\u007f]/.test(text) || !URL.canParse(text)) return `Expected a URL of at most ${LONGEST} characters, without spaces`;
  if (/^[a-z]+:[\\/]*[^\\/?#]*@/i.test(text)) return 'Expected no user name or password in the URL; a header such as authorization can carry them';
  if (text.includes('#')) return 'Expected no fragment: it is never sent';
  const fault = urlFault(text, rules) ?? (LOCALHOST.test(new URL(text).hostname) ? rules.addressFault('127.0.0.1') : null);
  return fault === null ? null : `Expected a URL that may be sent to: ${fault}`;
}

/** Why nothing may be sent to this address, in words that repeat no part of it but its port; null when something may. */
export function urlFault(url: string, rules: UrlRules): string | null {
  if (!URL.canParse(url)) return 'it is no URL';
  const { protocol, username, password, hostname, port } = new URL(url);
  return schemeFault(protocol, rules) ?? userFault(username, password) ?? portFault(port === '' ? (DEFAULT_PORTS[protocol] ?? 0) : Number(port), rules) ?? hostFault(hostname, rules);
}

function schemeFault(protocol: string, { requireHttps }: UrlRules): string | null {
  if (protocol === 'https:' || (protocol === 'http:' && !requireHttps)) return null;
  return requireHttps ? 'it does not begin with https://' : 'it does not begin with https:// or http://';
}

const userFault = (username: string, password: string): string | null => (username === '' && password === '' ? null : 'it holds a user name or a password');

function portFault(port: number, { allowPorts }: UrlRules): string | null {
  if (allowPorts.includes(port) || port === DEFAULT_PORTS['http:'] || port === DEFAULT_PORTS['https:']) return null;
  if (port < LEAST_FREE_PORT) return `port ${port} is none of 80, 443 and those from ${LEAST_FREE_PORT}; list it in SSRF_ALLOW_PORTS to allow it`;
  const service = INTERNAL_SERVICES.get(port);
  return service === undefined ? null : `port ${port} is one of ${service}; list it in SSRF_ALLOW_PORTS to allow it`;
}

const IPV6 = /^\[(.*)\]$/;
/** What the URL standard makes of an IPv4 address, whatever its spelling: decimal, hex, octal, short, full-width, percent-encoded. */
const IPV4 = /^\d{1,3}(?:\.\d{1,3}){3}$/;

function hostFault(hostname: string, { addressFault }: UrlRules): string | null {
  const literal = IPV6.exec(hostname)?.[1] ?? (IPV4.test(hostname) ? hostname : null);
  return literal === null ? null : addressFault(literal);
}
