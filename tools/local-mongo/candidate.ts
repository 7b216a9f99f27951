/**
 * A file that may be a mongod we can use: it must run, say its version, and be new enough.
 * Why it is not is worded for the person who has to mend it.
 */
import { run } from './run.ts';

export interface Search {
  readonly env: NodeJS.ProcessEnv;
  readonly note: (line: string) => void;
  readonly signal: AbortSignal | undefined;
}

export type Found = { readonly kind: 'found'; readonly path: string; readonly version: string } | { readonly kind: 'none'; readonly why: string };

const leastMajorVersion = 6;

/** Debian and Ubuntu packages of the libraries a mongod build may want. */
const packageOfLibrary: Readonly<Record<string, string>> = {
  'libcurl.so.4': 'libcurl4',
  'libcrypto.so.3': 'libssl3',
  'libssl.so.3': 'libssl3',
  'libcrypto.so.1.1': 'libssl1.1',
  'libssl.so.1.1': 'libssl1.1',
  'liblzma.so.5': 'liblzma5',
};

export async function tryCandidate(path: string, { env, signal }: Search): Promise<Found> {
  const result = await run(path, ['--version'], { env, signal, timeoutMs: 20_000 });
  switch (result.kind) {
    case 'missing': return none(`${path} does not exist`);
    case 'failed': return none(`${path} does not run: ${explain(result.output)}`);
    case 'ok': return judge(path, result.output);
  }
}

export function none(why: string): Found {
  return { kind: 'none', why };
}

function judge(path: string, output: string): Found {
  const [, version, major] = /^db version v((\d+)\.\S+)/m.exec(output) ?? [];
  if (version === undefined) return none(`${path} is not a mongod: it does not say "db version"`);
  if (Number(major) < leastMajorVersion) return none(`${path} is ${version}; ${leastMajorVersion}.0 or newer is needed`);
  return { kind: 'found', path, version };
}

function explain(output: string): string {
  const library = /loading shared libraries: (\S+?):/.exec(output)?.[1];
  if (library === undefined) return output.split('\n')[0] ?? output;
  const name = packageOfLibrary[library];
  return `${library} is missing${name === undefined ? '' : `; install it with: apt-get install ${name}`}`;
}
