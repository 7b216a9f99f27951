/** `npm run model`: plays scripts until one breaks a law, or all of them have been played. */
import { anyText, option, parseArguments } from '../../tools/cli/arguments.ts';
import type { ToolContext } from '../../tools/cli/context.ts';
import { EXIT, type ExitCode } from '../../tools/cli/exit-codes.ts';
import { helpText, type HelpPage } from '../../tools/cli/help.ts';
import { startLocalMongo } from '../../tools/local-mongo.ts';
import { readCount } from '../../src/runtime/config-values.ts';
import { checkModel, type ModelFailure, type ModelVerdict } from '../../tests/model/check.ts';

const DEFAULT_RUNS = 5_000;
const MOST_SEED = 0x7fff_ffff;

const OPTIONS = {
  runs: option({ value: 'N', help: `Interleavings to play. Default ${DEFAULT_RUNS}`, fallback: DEFAULT_RUNS, read: readCount(1, 10_000_000) }),
  seed: option({ value: 'N', help: 'Plays the interleavings of that seed. Default: a fresh one', fallback: null, read: readCount(0, MOST_SEED) }),
  path: option({ value: 'PATH', help: 'With the seed of a failure, plays that one interleaving again', fallback: null, read: anyText }),
} as const;

const HELP: HelpPage = {
  examples: ['npm run model', 'npm run model -- --runs 20000', 'npm run model -- --seed 42 --path 17:3:0'],
  summary: 'Plays random interleavings of the delivery life against a real MongoDB of its own, and checks the promises after each write.',
  options: OPTIONS,
  notes: ['Exits 1 when a promise was broken, and tells the shortest script that breaks it.'],
};

export async function modelCommand(context: ToolContext): Promise<ExitCode> {
  const parsed = parseArguments(context.argv, OPTIONS);
  if (parsed.kind === 'help') {
    context.out(helpText(HELP));
    return EXIT.done;
  }
  const { runs, path } = parsed.values;
  const seed = parsed.values.seed ?? Math.floor(context.random() * MOST_SEED);
  context.out(`seed ${seed}`);
  const startedAtMs = context.clock.monotonic();
  const verdict = await playAll({ runs, seed, path }, context);
  context.out(summaryOf(verdict, context.clock.monotonic() - startedAtMs));
  if (verdict.failure === null) return context.signal.aborted ? EXIT.interrupted : EXIT.done;
  failureLines(verdict.failure).forEach((line) => context.out(line));
  return EXIT.someFailed;
}

async function playAll({ runs, seed, path }: { readonly runs: number; readonly seed: number; readonly path: string | null }, { signal }: ToolContext): Promise<ModelVerdict> {
  const mongo = await startLocalMongo({ signal });
  try {
    return await checkModel({ uri: mongo.uri, runs, seed, signal, ...(path === null ? {} : { path }) });
  } finally {
    await mongo.stop();
  }
}

const summaryOf = ({ runs }: ModelVerdict, tookMs: number): string => `${runs} interleavings in ${(tookMs / 1_000).toFixed(1)} s, ${((runs * 1_000) / tookMs).toFixed(0)} a second`;

const failureLines = ({ seed, path, after, script, law }: ModelFailure): readonly string[] => [
  `broken after ${after} interleavings: ${law}`,
  `shortest script: ${script}`,
  `again: npm run model -- --seed ${seed} --path ${path}`,
];
