/**
 * Events → database (T1), by group commit: a `202` is earned only by a write that a majority has in its journal. What cannot
 * be known in time is answered `503`, and the sender's repeat with the same key settles it.
 */
import type { EventStatus, HookEvent, IncomingEvent } from '../domain/event.ts';
import type { EventId, TargetId } from '../domain/ids.ts';
import { Batcher } from '../runtime/batcher.ts';
import type { Clock } from '../runtime/clock.ts';
import { messageOf } from '../runtime/errors.ts';
import type { Telemetry } from '../runtime/telemetry.ts';
import { findByKeys, insertEvents, type StoredEvent } from '../store/events.ts';
import type { Store } from '../store/store.ts';
import { isWorthRepeating } from '../store/write-errors.ts';
import type { FreshRouting } from './fresh-routing.ts';
import { Problem } from '../http/problem.ts';

export interface Accepted {
  readonly id: EventId;
  readonly status: EventStatus;
  readonly duplicate: boolean;
}

export interface EventWriter {
  /** Resolves once stored. @throws Problem `unavailable`, `overloaded` or `idempotency_key_reused` */
  accept(event: IncomingEvent): Promise<Accepted>;
  /** The same for many, together; answers each one's fate, in order. */
  acceptAll(events: readonly IncomingEvent[]): Promise<readonly (Accepted | Problem)[]>;
  /** Resolves once nothing is being written. */
  idle(): Promise<void>;
}

const MAX_BATCH = 500;
/** Under a load senders wait this much longer at most, and so their events share commands and flushes; the less, the fewer they are. */
const SPACING_MS = 3;
const SPACING_MS_EACH = 0.2;
/** A write that takes longer is not waited for; of few events not even so long, since nearly none would share the next one. */
const SLOW_MS = 25;
const SLOW_MS_EACH = 1;
const LANES = 4;
/** A sender hears within 2.5 s, whatever the database does. */
const DEADLINE_MS = 2_300;
const MAX_PENDING = 5_000;
const MAX_PENDING_BYTES = 64 * 1_048_576;
const RETRY_AFTER_S = 5;

interface Pending {
  readonly deadlineMs: number;
  readonly reject: (error: unknown) => void;
}

export interface EventWriterDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly targets: FreshRouting;
}

export function createEventWriter({ store, clock, telemetry, targets }: EventWriterDeps): EventWriter {
  const batcher = new Batcher<IncomingEvent, Accepted | Problem>({ write, maxItems: MAX_BATCH, lanes: LANES, spacing: {
    clock,
    ms: (count) => Math.min(count * SPACING_MS_EACH, SPACING_MS),
    besideMs: (count) => Math.min(count * SLOW_MS_EACH, SLOW_MS),
    enough: MAX_BATCH,
  } });
  /** In the order of their deadlines. */
  const pending = new Map<IncomingEvent, Pending>();
  let pendingBytes = 0;
  let watching = false;

  async function write(incoming: readonly IncomingEvent[]): Promise<readonly (Accepted | Problem)[]> {
    try {
      const routesOf = await targets.routing();
      const startedAtMs = clock.monotonic();
      const events = incoming.map((event) => withTargets(event, routesOf(event)));
      const duplicates = new Set(await insertTwice(events));
      telemetry.emit('write.finished', { write: 'events', count: events.length, tookMs: clock.monotonic() - startedAtMs });
      const originals = await findOriginals(store, events.filter((_, index) => duplicates.has(index)));
      return events.map((event, index) => (duplicates.has(index) ? answerDuplicate(event, originals.get(keyOf(event))) : answerFresh(event)));
    } catch (error) {
      telemetry.emit('write.failed', { write: 'events', count: incoming.length, error: messageOf(error) });
      // Those that wait would meet the same fault, and only later.
      const problem = unavailable(messageOf(error));
      batcher.rejectWaiting(() => true, problem);
      throw problem;
    }
  }

  /** Once more after a cut connection or a primary that is none any more; what the first try has stored is told as there. */
  async function insertTwice(events: readonly HookEvent[]): Promise<readonly number[]> {
    try {
      return await insertEvents(store, events);
    } catch (error) {
      if (!isWorthRepeating(error)) throw error;
      return insertEvents(store, events);
    }
  }

  /** One timer for all: it sleeps until the oldest deadline. */
  async function watchDeadlines(): Promise<void> {
    watching = true;
    for (let oldest = firstOf(pending); oldest !== undefined; oldest = firstOf(pending)) {
      const leftMs = oldest[1].deadlineMs - clock.monotonic();
      if (leftMs > 0) await clock.sleep(leftMs);
      else expire(overdue(pending, clock.monotonic()));
    }
    watching = false;
  }

  /** All in one pass over those that wait: one pass for each would be slowest when there are most. */
  function expire(events: ReadonlyMap<IncomingEvent, Pending>): void {
    const problem = unavailable(`no majority confirmed the write within ${DEADLINE_MS} ms`);
    batcher.rejectWaiting((waiting) => events.has(waiting), problem);
    for (const [event, { reject }] of events) {
      forget(event);
      reject(problem);
    }
  }

  function forget(event: IncomingEvent): void {
    if (pending.delete(event)) pendingBytes -= event.body.byteLength;
  }

  /** Whichever comes first: its write, or its deadline. */
  function withDeadline(event: IncomingEvent, written: Promise<Accepted | Problem>): Promise<Accepted | Problem> {
    return new Promise((resolve, reject) => {
      pending.set(event, { deadlineMs: clock.monotonic() + DEADLINE_MS, reject });
      pendingBytes += event.body.byteLength;
      written.then(resolve, reject).finally(() => forget(event));
      if (!watching) void watchDeadlines();
    });
  }

  function refuseOverload(): void {
    if (pending.size >= MAX_PENDING || pendingBytes >= MAX_PENDING_BYTES) throw new Problem('overloaded', `Expected fewer than ${MAX_PENDING} events waiting to be stored, got that many`, { retryAfterS: RETRY_AFTER_S });
  }

  return {
    async accept(event) {
      refuseOverload();
      const answer = await withDeadline(event, batcher.add(event));
      if (answer instanceof Problem) throw answer;
      return answer;
    },
    async acceptAll(events) {
      refuseOverload();
      return Promise.all(batcher.addAll(events).map(({ item, written }) => withDeadline(item, written).catch(asAnswer)));
    },
    idle: () => batcher.idle(),
  };
}

/** A refusal is an answer like any other; anything else is a fault of ours. */
function asAnswer(error: unknown): Problem {
  if (error instanceof Problem) return error;
  throw error;
}

const firstOf = <Key, Value>(map: ReadonlyMap<Key, Value>): [Key, Value] | undefined => map.entries().next().value;

/** Those at the front whose deadline has come. */
function overdue<Key>(pending: ReadonlyMap<Key, Pending>, nowMs: number): ReadonlyMap<Key, Pending> {
  const found = new Map<Key, Pending>();
  for (const [event, entry] of pending) {
    if (entry.deadlineMs > nowMs) break;
    found.set(event, entry);
  }
  return found;
}

const unavailable = (reason: string): Problem => new Problem('unavailable', `The database did not confirm the event: ${reason}. Send it again with the same key`, { retryAfterS: RETRY_AFTER_S });

const keyOf = ({ source, idempotencyKey }: { readonly source: string; readonly idempotencyKey: string }): string => `${source}\n${idempotencyKey}`;

async function findOriginals(store: Store, duplicates: readonly HookEvent[]): Promise<ReadonlyMap<string, StoredEvent>> {
  const bySource = new Map<string, string[]>();
  for (const { source, idempotencyKey } of duplicates) bySource.set(source, [...(bySource.get(source) ?? []), idempotencyKey]);
  const found = await Promise.all([...bySource].map(async ([source, keys]) => (await findByKeys(store, source, keys)).map((event) => [keyOf({ source, ...event }), event] as const)));
  return new Map(found.flat());
}

/** Every event passes here: spelled out it costs a fraction of copying by name. */
const withTargets = ({ id, source, idempotencyKey, fingerprint, type, body, contentType, receivedAt }: IncomingEvent, targetIds: readonly TargetId[]): HookEvent => ({
  id, source, idempotencyKey, fingerprint, type, targetIds, body, contentType, receivedAt,
});

const answerFresh = ({ id, targetIds }: HookEvent): Accepted => ({ id, status: targetIds.length === 0 ? 'UNROUTED' : 'RECEIVED', duplicate: false });

/** The same key and bytes: the first one's answer. Not there any more, or not yet by a majority: unknown, so not a 202. */
function answerDuplicate(event: HookEvent, original: StoredEvent | undefined): Accepted | Problem {
  if (original === undefined) return unavailable('an event with this key is being stored just now');
  if (original.id === event.id) return answerFresh(event); // Our own first try.
  if (original.fingerprint !== event.fingerprint) return new Problem('idempotency_key_reused', `Expected the body that this idempotency key was first used with (event ${original.id}), got another`);
  return { id: original.id, status: original.status, duplicate: true };
}
