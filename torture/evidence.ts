/**
 * What a run leaves behind: the ledgers, the notes of what was done when, what every program said, and MongoDB's own logs. In the
 * folder of `--keep`, one sub-folder a run; without it in a temporary folder that goes at the end.
 */
import { copyFile, mkdir, readdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Ending } from '../bench/lab/endings.ts';
import { makeTempDir } from '../tools/local-mongo/temp-dir.ts';
import type { Fleet } from './fleet.ts';
import type { Ledgers } from './ledger.ts';

export interface EvidenceFolder {
  readonly path: string;
  readonly kept: boolean;
  readonly remove: Ending;
}

export async function openFolder(keepDir: string | null, name: string): Promise<EvidenceFolder> {
  if (keepDir === null) return { ...(await makeTempDir('hooktail-torture')), kept: false };
  const path = resolve(keepDir, name);
  await mkdir(path, { recursive: true });
  return { path, kept: true, remove: () => Promise.resolve() };
}

export async function keepEvidence({ path, kept }: EvidenceFolder, ledgers: Ledgers, notes: readonly string[], report: object): Promise<void> {
  if (!kept) return;
  await Promise.all([
    ...Object.entries(ledgers).map(([name, rows]) => writeFile(join(path, `${name}.ndjson`), (rows as readonly unknown[]).map((row) => `${JSON.stringify(row)}\n`).join(''))),
    writeFile(join(path, 'notes.txt'), notes.map((note) => `${note}\n`).join('')),
    writeFile(join(path, 'report.json'), `${JSON.stringify(report, null, 2)}\n`),
  ]);
}

/** One log a start, oldest numbered 1. Before the nodes end, since their folders go with them. */
export async function keepMongodLogs({ path, kept }: EvidenceFolder, { mongo }: Fleet): Promise<void> {
  if (!kept) return;
  for (const [index, { dbPath }] of mongo.nodes.entries()) {
    const logs = (await readdir(dbPath)).filter((file) => file.startsWith('mongod.log'));
    await Promise.all(logs.map((file) => copyFile(join(dbPath, file), join(path, 'logs', `node${index + 1}.${file}`))));
  }
}
