/** The options of `npm run replay`, how each is read, and which of them need each other. Ids stand beside them, in any place. */
import { parseArgs } from 'node:util';
import { isEventId, isTargetId, parseDeliveryId, type DeliveryId, type EventId, type TargetId } from '../../src/domain/ids.ts';
import { parseDuration, readCount, readDuration, readText, readWord, type Reading } from '../../src/runtime/config-values.ts';
import { flag, option, parseArguments, type Parsed, type ValuesOf } from '../cli/arguments.ts';
import { EXIT } from '../cli/exit-codes.ts';
import type { HelpPage } from '../cli/help.ts';
import { ToolError, usageError } from '../cli/tool-error.ts';

const DAY_MS = 86_400_000;

/** A moment as a person names it; `ago` is counted from the database's time. */
export type Moment = { readonly kind: 'ago'; readonly ms: number } | { readonly kind: 'at'; readonly unixMs: number };

export const REPLAY_OPTIONS = {
  status: option({ value: 'STATE', help: 'dead or delivered; delivered needs --force. Default dead', fallback: 'dead' as const, read: readWord(['dead', 'delivered'] as const) }),
  target: option({ value: 'tgt_…', help: 'Only deliveries to this target', fallback: null, read: readTargetId }),
  type: option({ value: 'TYPE', help: 'Only events of this type; order.* is every type that begins with order.', fallback: null, read: readText(/^\S{1,255}$/, 'a type such as order.created, or a prefix such as order.*') }),
  since: option({ value: 'TIME', help: 'Only events received then or later: 10m, 2h, 7d ago, or a time such as 2026-08-01T12:00:00Z', fallback: null, read: readMoment }),
  until: option({ value: 'TIME', help: 'Only events received before then', fallback: null, read: readMoment }),
  limit: option({ value: 'N', help: 'At most so many deliveries, oldest events first. Default 1000', fallback: 1_000, read: readCount(1, 1_000_000) }),
  rate: option({ value: 'N', help: 'At most so many a second are made ready; the limit of the target holds anyway. Without it, as fast as it goes in half of the time: the rest is for live events', fallback: null, read: readCount(1, 100_000) }),
  yes: flag('Replay; without it only the plan is shown'),
  force: flag('Replay delivered ones too: their receivers get them again'),
  wait: flag('After replaying, wait until all are delivered or dead again'),
  timeout: option({ value: 'TIME', help: 'How long --wait waits. Default 60s', fallback: 60_000, read: readDuration(1, 30 * DAY_MS) }),
  json: flag('One JSON object instead of lines'),
} as const;

export type ReplayValues = ValuesOf<typeof REPLAY_OPTIONS>;

export const REPLAY_HELP: HelpPage = {
  examples: ['npm run replay -- --since 2h', 'npm run replay -- --target tgt_default --type "order.*" --yes --wait'],
  summary: 'Makes dead deliveries ready again: all, some, or those named by id (evt_…, or evt_…/tgt_… for one target). Shows the plan first.',
  options: REPLAY_OPTIONS,
  notes: [
    'Uses MONGODB_URI and MONGODB_DB from the environment or .env, else the MongoDB that npm start keeps under .data. Run twice, or twice at once, it replays each dead delivery once.',
    'Exit codes: 0 done, or plan shown; 1 some are dead again under --wait; 2 wrong use or configuration; 3 MongoDB not reached; 4 refused, --force is missing; 5 timed out waiting; 130 interrupted.',
  ],
};

/** One event with all its deliveries, or one delivery. */
export type NamedId = { readonly kind: 'event'; readonly id: EventId } | { readonly kind: 'delivery'; readonly id: DeliveryId };

export type ReplayArguments = Parsed<ReplayValues> & { readonly ids: readonly NamedId[] };

/** @throws ToolError (exit 2, or 4 when --force is missing) */
export function readArguments(argv: readonly string[]): ReplayArguments {
  const { words, rest } = splitWords(argv);
  const parsed = parseArguments(rest, REPLAY_OPTIONS);
  if (parsed.kind === 'help') return { ...parsed, ids: [] };
  checkTogether(parsed.values);
  return { ...parsed, ids: words.map(readNamedId) };
}

/** Ids may stand anywhere. Core `parseArgs` tells them from the values of options; every fault is left to the strict reading. */
function splitWords(argv: readonly string[]): { readonly words: readonly string[]; readonly rest: readonly string[] } {
  const options = Object.fromEntries(Object.entries(REPLAY_OPTIONS).map(([name, { value }]) => [name, { type: value === null ? 'boolean' as const : 'string' as const }]));
  const { tokens } = parseArgs({ args: [...argv], options, strict: false, allowPositionals: true, tokens: true });
  const places = new Set(tokens.filter(({ kind }) => kind === 'positional').map(({ index }) => index));
  return { words: argv.filter((_, index) => places.has(index)), rest: argv.filter((_, index) => !places.has(index)) };
}

function checkTogether({ status, force, yes, wait }: ReplayValues): void {
  if (wait && !yes) throw usageError('--wait: expected together with --yes, since a plan sends nothing');
  if (status === 'delivered' && !force) {
    throw new ToolError(EXIT.refused, 'refused', 'Refused: --status delivered sends again what its receivers have taken already', { fix: 'add --force when that is meant' });
  }
}

function readNamedId(text: string): NamedId {
  if (isEventId(text)) return { kind: 'event', id: text };
  if (parseDeliveryId(text) !== null) return { kind: 'delivery', id: text as DeliveryId };
  throw usageError(`expected an id such as evt_… or evt_…/tgt_…, got ${JSON.stringify(text)}`);
}

function readTargetId(text: string): Reading<TargetId> {
  return isTargetId(text) ? { ok: true, value: text } : { ok: false, expected: 'a target id such as tgt_default' };
}

const RFC_3339 = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?(Z|[+-]\d{2}:\d{2})$/i;

export function readMoment(text: string): Reading<Moment> {
  const ms = parseDuration(text);
  if (ms !== null) return { ok: true, value: { kind: 'ago', ms } };
  const unixMs = RFC_3339.test(text) ? Date.parse(text) : NaN;
  return Number.isNaN(unixMs) ? { ok: false, expected: 'a duration such as 10m, 2h or 7d, or a time such as 2026-08-01T12:00:00Z' } : { ok: true, value: { kind: 'at', unixMs } };
}
