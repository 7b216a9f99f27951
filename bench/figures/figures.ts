/** The figures there are: how each is called, and in what it is counted. A run names only those of this table. */
export interface FigureWords {
  readonly label: string;
  readonly unit: string;
  readonly digits: number;
}

const words = (label: string, unit: string, digits: number): FigureWords => ({ label, unit, digits });

export const FIGURES = {
  deliveredPerSecond: words('delivered', '/s', 0),
  acceptedPerSecond: words('accepted', '/s', 0),
  cpuPerThousand: words('CPU for 1,000 delivered, all but the generator', 's', 3),
  ackP50Ms: words('acknowledged, p50', 'ms', 2),
  ackP99Ms: words('acknowledged, p99', 'ms', 2),
  endToEndP50Ms: words('end to end, p50', 'ms', 2),
  endToEndP99Ms: words('end to end, p99', 'ms', 2),
  endToEndP999Ms: words('end to end, p99.9', 'ms', 2),
  duplicates: words('duplicates', '', 0),
  connectionsPerThousand: words('connections to targets for 1,000 events', '', 1),
  requestsPerEvent: words('requests', ' an event', 3),
  secondsToLast: words('to the last delivery', 's', 2),
  secondsToEmpty: words('to an empty backlog', 's', 2),
  retryLateP50Ms: words('retries late, p50', 'ms', 0),
  retryLateP99Ms: words('retries late, p99', 'ms', 0),
  offeredPerSecond: words('offered', '/s', 0),
  kneePerSecond: words('sustained with p99 below 250 ms', '/s', 0),
  megabytesPerSecond: words('delivered', 'MB/s', 1),
  processorRssMiB: words('processor memory, peak', 'MiB', 0),
  sweepMs: words('statements of a sweep', 'ms', 1),
  backlogEvents: words('backlog', 'events', 0),
  idleCpuPercent: words('CPU while idle, server and processor', '%', 2),
  idleMongodCpuPercent: words('CPU while idle, mongod', '%', 2),
  idleCommandsPerMinute: words('MongoDB commands while idle', '/min', 0),
  idleOplogBytesPerMinute: words('oplog while idle', 'bytes/min', 0),
  kills: words('kills', '', 0),
  allowedDuplicates: words('duplicates allowed', '', 0),
  lost: words('lost', '', 0),
  timesOneLimiter: words('deliveries to one target, of what one Bottleneck limiter passes (390/s)', 'times', 1),
} as const satisfies Readonly<Record<string, FigureWords>>;

export type FigureName = keyof typeof FIGURES;
export type Figures = Readonly<Partial<Record<FigureName, number>>>;

export function figureText(name: FigureName, value: number): string {
  const { unit, digits } = FIGURES[name];
  return `${value.toFixed(digits)}${unit === '' || unit.startsWith('/') || unit.startsWith(' ') || unit === '%' ? unit : ` ${unit}`}`;
}
