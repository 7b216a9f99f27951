/**
 * `.data`: what `npm start` keeps between runs. Secrets are made once and readable by their owner only; the address of the
 * local MongoDB stands there for the other tools while it runs. One run at a time.
 */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { newSecret } from '../../src/domain/signing.ts';
import { FatalError } from '../../src/runtime/errors.ts';

export interface DataFolder {
  readonly path: string;
  readonly mongoPath: string;
  /** The kept secret of that name, made when there is none. */
  secret(name: 'ingest-secret' | 'downstream-secret'): string;
  writeMongoUri(uri: string): void;
  /** Takes away what is only true while we run. */
  release(): void;
}

/** @throws FatalError `already_running` */
export function openDataFolder(path: string): DataFolder {
  mkdirSync(path, { recursive: true });
  const [pidFile, uriFile] = [join(path, 'pid'), join(path, 'mongodb-uri')];
  refuseSecondRun(pidFile);
  writeFileSync(pidFile, String(process.pid));
  return {
    path,
    mongoPath: join(path, 'mongo'),
    secret: (name) => keptSecret(join(path, name)),
    writeMongoUri: (uri) => writeFileSync(uriFile, `${uri}\n`, { mode: 0o600 }),
    release: () => [pidFile, uriFile].forEach((file) => rmSync(file, { force: true })),
  };
}

function refuseSecondRun(pidFile: string): void {
  const pid = existsSync(pidFile) ? Number(readFileSync(pidFile, 'utf8')) : 0;
  if (pid === 0 || pid === process.pid || !isOurs(pid)) return;
  throw new FatalError('already_running', `npm start runs here already, as process ${pid}`, { fix: `end it (kill ${pid}), or start in another folder with another PORT` });
}

/** A process of that id that lives and, where it can be told, is one of ours: ids are used again. */
function isOurs(pid: number): boolean {
  const commandLine = `/proc/${pid}/cmdline`;
  if (existsSync('/proc/self')) return existsSync(commandLine) && readFileSync(commandLine, 'utf8').includes('start.ts');
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

function keptSecret(file: string): string {
  if (existsSync(file)) return readFileSync(file, 'utf8').trim();
  const secret = newSecret();
  writeFileSync(file, `${secret}\n`, { mode: 0o600 });
  return secret;
}
