/** `npm run replay`: reads what is wanted, finds the database, then shows the plan or carries it out. */
import { messageOf, scrubUris } from '../../src/runtime/errors.ts';
import { openStore, type Store } from '../../src/store/store.ts';
import { isTransient } from '../../src/store/write-errors.ts';
import type { ToolContext } from '../cli/context.ts';
import { EXIT, type ExitCode } from '../cli/exit-codes.ts';
import { helpText } from '../cli/help.ts';
import { ToolError } from '../cli/tool-error.ts';
import { findConnection } from './connection.ts';
import { readArguments, REPLAY_HELP, type NamedId, type ReplayValues } from './options.ts';
import { planOf, warningsFor, type ReplayPlan } from './plan.ts';
import { misfitLine, runLines, tallyLines, tallyView, waitLines, waitView } from './report.ts';
import { replayPages, RunProgress } from './run.ts';
import { visitPages, type VisitEnd } from './search.ts';
import { Tally } from './tally.ts';
import { waitUntilSettled, type WaitResult } from './wait.ts';

export async function replayCommand(context: ToolContext): Promise<ExitCode> {
  const parsed = readArguments(context.argv);
  if (parsed.kind === 'help') {
    context.out(helpText(REPLAY_HELP));
    return EXIT.done;
  }
  const { connection, database } = await findConnection(context.environment, context.folder);
  try {
    return await replayIn(openStore(connection.db), database, parsed, context);
  } finally {
    await connection.close();
  }
}

export interface ReplayRequest {
  readonly values: ReplayValues;
  readonly ids: readonly NamedId[];
}

/** The whole of the tool, on a database that is open already. */
export async function replayIn(store: Store, database: string, { values, ids }: ReplayRequest, context: ToolContext): Promise<ExitCode> {
  const progress = new RunProgress();
  try {
    const plan = await planOf(store, { values, ids, database });
    return await (values.yes ? carryOut : showPlan)({ store, values, plan, progress, context });
  } catch (error) {
    throw isTransient(error) ? lost(error, progress) : error;
  }
}

interface Work {
  readonly store: Store;
  readonly values: ReplayValues;
  readonly plan: ReplayPlan;
  readonly progress: RunProgress;
  readonly context: ToolContext;
}

async function showPlan({ values, plan, context }: Work): Promise<ExitCode> {
  const { out, note, paint, signal } = context;
  const tally = new Tally();
  const end = await visitPages(plan.pages, { limit: values.limit, signal }, async (page) => {
    for (const delivery of page) tally.add(delivery);
    context.progress(`${tally.total} found`);
    return Promise.resolve();
  });
  context.progress('');
  const warnings = tellWarnings(tally, plan, context);
  if (values.json) {
    out(JSON.stringify({ kind: 'plan', searched: plan.words, more: end === 'more', ...tallyView(tally), misfits: plan.misfits, warnings }));
  } else if (tally.total === 0) {
    out(`Nothing matched. Searched: ${plan.words}`);
  } else {
    tallyLines(tally, values.status, plan.targets).forEach((line) => out(line));
    if (end === 'more') out(`More fit than the ${values.limit} that --limit allows`);
    out(paint('yellow', 'Nothing sent; add --yes to replay'));
  }
  if (end !== 'interrupted') return EXIT.done;
  note('Interrupted: the plan is not complete');
  return EXIT.interrupted;
}

async function carryOut({ store, values, plan, progress, context }: Work): Promise<ExitCode> {
  const { clock, signal } = context;
  const startedAt = clock.monotonic();
  const onBatch = ({ replayed, handled }: RunProgress): void => {
    const seconds = (clock.monotonic() - startedAt) / 1_000;
    context.progress(`${replayed.total} replayed, ${handled - replayed.total} left alone, ${(handled / seconds).toFixed(0)}/s`);
  };
  const end = await replayPages({ store, clock }, plan.pages, { limit: values.limit, signal, ratePerSecond: values.rate, onBatch }, progress);
  context.progress('');
  const warnings = tellWarnings(progress.replayed, plan, context);
  const waited = values.wait && end !== 'interrupted' ? await waitForAll(store, values, progress, context) : null;
  if (values.json) context.out(JSON.stringify({ kind: 'replay', searched: plan.words, end, ...tallyView(progress.replayed), movedOn: progress.movedOn, gone: progress.gone, misfits: plan.misfits, warnings, wait: waited === null ? null : waitView(waited) }));
  else runReport(plan, values, progress, end, waited).forEach((line) => context.out(line));
  return exitOf(end, waited);
}

async function waitForAll(store: Store, { timeout }: ReplayValues, { ids }: RunProgress, { clock, signal, progress }: ToolContext): Promise<WaitResult> {
  const onRound = (settled: number, open: number): void => progress(`${settled} settled, ${open} still open`);
  const result = await waitUntilSettled({ store, clock }, ids, { timeoutMs: timeout, signal, onRound });
  progress('');
  return result;
}

function runReport({ words, targets }: ReplayPlan, { status }: ReplayValues, progress: RunProgress, end: VisitEnd, waited: WaitResult | null): readonly string[] {
  if (progress.handled === 0 && end === 'all') return [`Nothing matched. Searched: ${words}`];
  return [
    ...(progress.replayed.total === 0 ? [] : tallyLines(progress.replayed, status, targets)),
    ...runLines(progress, end),
    ...(waited === null ? [] : waitLines(waited, targets)),
  ];
}

/** To stderr, so that neither lines nor JSON are mixed with it. */
function tellWarnings(tally: Tally, { targets, misfits }: ReplayPlan, { note }: ToolContext): readonly string[] {
  const warnings = warningsFor(targets, tally.groups.map(({ targetId }) => targetId));
  [...misfits.map(misfitLine), ...warnings].forEach((line) => note(line));
  return warnings;
}

function exitOf(end: VisitEnd, waited: WaitResult | null): ExitCode {
  if (end === 'interrupted' || waited?.end === 'interrupted') return EXIT.interrupted;
  if (waited?.end === 'timedOut') return EXIT.timedOut;
  return waited !== null && waited.dead.total > 0 ? EXIT.someFailed : EXIT.done;
}

/** What was moved stays moved, and the sweep wakes it even if its timer was not written. */
function lost(error: unknown, { replayed }: RunProgress): ToolError {
  return new ToolError(EXIT.unreachable, 'mongodb_lost', `Lost MongoDB after ${replayed.total} deliveries were replayed: ${scrubUris(messageOf(error))}`, {
    cause: error,
    fix: 'run the same command again; what is replayed already is not replayed twice',
  });
}
