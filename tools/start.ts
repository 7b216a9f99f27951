/**
 * `npm start`: the whole of Hooktail in one command. A real MongoDB replica set of its own unless MONGODB_URI names one, the
 * HTTP server, a processor, and a receiver when DOWNSTREAM_URL names none. Data and made-up secrets are kept in `.data`.
 *
 *   start   MongoDB → receiver → server → processor → banner       stop   server → processor → receiver → MongoDB
 */
import { describeFault } from '../src/runtime/errors.ts';
import { banner } from './start/banner.ts';
import { openDataFolder } from './start/data-folder.ts';
import { openFirstSink } from './start/first-sink.ts';
import { startProgram, type Program } from './start/program.ts';
import { completeSettings } from './start/settings.ts';

const note = (line: string): void => console.error(line);

async function main(): Promise<void> {
  const told = untilTold();
  const data = openDataFolder('.data');
  const endings: (() => Promise<void>)[] = [() => Promise.resolve(data.release())];
  try {
    const settings = await completeSettings({ data, note: (line) => note(`mongodb    ${line}`), openSink: (secret) => openFirstSink(secret, (line) => note(`receiver   ${line}`)) });
    const { mongo, sink } = settings;
    if (mongo !== null) endings.unshift(() => mongo.stop());
    if (sink !== null) endings.unshift(() => sink.stop());
    const env = { ...settings.environment };
    const processor = await start('processor', env);
    const server = await start('server', env);
    note(banner({ settings, url: server.url ?? '', processorPid: processor.pid, serverPid: server.pid }));
    note(`\nStopping: ${await told.reason}`);
  } finally {
    for (const end of endings) await end().catch((error: unknown) => note(describeFault(error)));
  }
  if (told.failed()) process.exitCode = 1;

  async function start(name: 'server' | 'processor', env: NodeJS.ProcessEnv): Promise<Program> {
    const program = await startProgram({ name, script: `src/${name}.ts`, env, note, onFailed: (what) => told.fail(what) });
    endings.unshift(() => program.stop());
    told.onSecond(() => program.kill());
    return program;
  }
}

interface Told {
  readonly reason: Promise<string>;
  fail(reason: string): void;
  failed(): boolean;
  /** What to do when told a second time. */
  onSecond(act: () => void): void;
}

/** The first Ctrl-C or SIGTERM stops in order, the second at once. */
function untilTold(): Told {
  let resolve: (reason: string) => void = () => undefined;
  const reason = new Promise<string>((settle) => (resolve = settle));
  const acts: (() => void)[] = [];
  let told = false;
  let failed = false;
  const onSignal = (signal: NodeJS.Signals): void => {
    if (told) {
      acts.forEach((act) => act());
      process.exit(130);
    }
    told = true;
    resolve(signal);
  };
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
  return {
    reason,
    fail(what) {
      failed = true;
      resolve(what);
    },
    failed: () => failed,
    onSecond: (act) => acts.push(act),
  };
}

try {
  await main();
} catch (error) {
  note(`hooktail: ${describeFault(error)}`);
  process.exitCode = 1;
}
