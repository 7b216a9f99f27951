/** Where a program is: on the PATH, or in one of the folders that its package uses. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';

export function findProgram(name: string, folders: readonly string[] = []): string | null {
  const places = [...(process.env['PATH'] ?? '').split(':').filter((folder) => folder !== ''), ...folders];
  return places.map((folder) => join(folder, name)).find((path) => existsSync(path)) ?? null;
}
