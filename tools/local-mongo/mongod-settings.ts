/**
 * What one mongod is started with: a small cache and little noise, loopback only, and otherwise the server's own defaults, so that tests meet
 * the durability and the write concern of production.
 */
export interface MongodSettings {
  readonly binary: string;
  readonly port: number;
  readonly dbPath: string;
  readonly replicaSet: string;
  readonly args: readonly string[];
  /** On top of our own environment. */
  readonly env: Readonly<Record<string, string>>;
  /** How long mongod may take to close its files when we are gone; 0 for data nobody wants. */
  readonly graceSeconds: number;
  /** Told in words when something takes long. */
  readonly note: (line: string) => void;
}

export function mongodArguments({ port, dbPath, replicaSet, args }: MongodSettings): string[] {
  return [
    '--dbpath', dbPath,
    '--port', String(port),
    '--bind_ip', '127.0.0.1',
    '--nounixsocket', // A mongod that is killed would leave its socket file in the shared temporary folder.
    '--replSet', replicaSet,
    '--quiet',
    // mongod refuses an option given twice.
    ...(args.includes('--wiredTigerCacheSizeGB') ? [] : ['--wiredTigerCacheSizeGB', '0.5']),
    '--setParameter', 'diagnosticDataCollectionEnabled=false',
    // The server's default lets a stopping node serve for 15 s more.
    '--setParameter', 'shutdownTimeoutMillisForSignaledShutdown=100',
    ...args,
  ];
}
