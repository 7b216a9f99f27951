/** Statements on `events`: one insert by ingest (T1), marks by whoever settles (T4), reads for everyone else. */
import type { UpdateFilter } from 'mongodb';
import type { EventContent, EventStatus, HookEvent } from '../domain/event.ts';
import { isFinalStatus } from '../domain/event-status.ts';
import type { EventId, TargetId } from '../domain/ids.ts';
import { insertNew } from './insert-new.ts';
import { DURABLE, QUICK, type EventDocument, type Store } from './store.ts';

/** How long the server may try to reach a majority before it says that it could not. */
const WRITE_TIMEOUT_MS = 5_000;

export interface EventHead {
  readonly id: EventId;
  readonly targetIds: readonly TargetId[];
}

export interface StoredEvent {
  readonly id: EventId;
  readonly idempotencyKey: string;
  readonly fingerprint: string;
  readonly status: EventStatus;
}

export type EventSummary = Omit<HookEvent, 'body'> & { readonly bodyBytes: number; readonly status: EventStatus };

/** T1. Stores events durably; answers the indexes whose idempotency key exists already. */
export const insertEvents = ({ db }: Store, fresh: readonly HookEvent[]): Promise<readonly number[]> =>
  insertNew(db, 'events', fresh.map(toDocument), { writeConcern: { ...DURABLE, wtimeoutMS: WRITE_TIMEOUT_MS }, bytesOf: (index) => fresh[index]?.body.byteLength ?? 0 });

function toDocument({ id, source, idempotencyKey, fingerprint, type, targetIds, body, contentType, receivedAt }: HookEvent): EventDocument {
  const document: EventDocument = {
    _id: id, source, idempotencyKey, fingerprint, type, targetIds,
    body: Buffer.from(body.buffer, body.byteOffset, body.byteLength),
    contentType, receivedAt, status: targetIds.length > 0 ? 'RECEIVED' : 'UNROUTED',
  };
  if (targetIds.length > 0) document.pendingFanOut = true;
  else document.settledAt = receivedAt;
  return document;
}

/** The events that hold these idempotency keys of one source. */
export async function findByKeys({ events }: Store, source: string, keys: readonly string[]): Promise<readonly StoredEvent[]> {
  const found = await events.find({ source, idempotencyKey: { $in: [...keys] } }, { projection: { idempotencyKey: 1, fingerprint: 1, status: 1 } }).toArray();
  return found.map(({ _id, idempotencyKey, fingerprint, status }) => ({ id: _id, idempotencyKey, fingerprint, status }));
}

/** What a sender needs of these events; ids that are gone are simply missing. */
export async function findContents({ events }: Store, ids: readonly EventId[]): Promise<ReadonlyMap<EventId, EventContent>> {
  const found = await events.find({ _id: { $in: [...ids] } }, { projection: { type: 1, body: 1, contentType: 1, targetIds: 1 } }).toArray();
  return new Map(found.map((event) => [event._id, toContent(event)]));
}

/** The part of an event's document that a sender needs. */
export const toContent = ({ _id, type, body, contentType, targetIds }: Pick<EventDocument, '_id' | 'type' | 'body' | 'contentType' | 'targetIds'>): EventContent => ({
  id: _id, type, body, contentType, targetIds,
});

/** Events without all their delivery documents, oldest first, after the given id. */
export async function findPendingFanOut({ events }: Store, after: EventId | null, limit: number): Promise<readonly EventHead[]> {
  const filter = after === null ? { pendingFanOut: true as const } : { pendingFanOut: true as const, _id: { $gt: after } };
  const found = await events.find(filter, { projection: { targetIds: 1 }, sort: { pendingFanOut: 1, _id: 1 }, hint: 'pendingFanOut', limit }).toArray();
  return found.map(toHead);
}

/** Which of these events still lack delivery documents. */
export async function stillPending({ events }: Store, ids: readonly EventId[]): Promise<readonly EventHead[]> {
  return (await events.find({ _id: { $in: [...ids] }, pendingFanOut: true }, { projection: { targetIds: 1 } }).toArray()).map(toHead);
}

const toHead = ({ _id, targetIds }: Pick<EventDocument, '_id' | 'targetIds'>): EventHead => ({ id: _id, targetIds });

/**
 * T4. Every target of these events has its delivery document: unset the fan-out mark and write the status. A status that is
 * not final never replaces a final one, so marks may arrive late or twice; and none is written blindly over a replay. Answers
 * whether all were marked; the words of the others must be computed again (`restateEvents`).
 */
export async function markEvents({ events }: Store, status: EventStatus, ids: readonly EventId[]): Promise<boolean> {
  const update: UpdateFilter<EventDocument> = { $unset: { pendingFanOut: '' }, $set: { status } };
  const final = isFinalStatus(status);
  const filter = { _id: { $in: [...ids] }, reopened: { $exists: false }, ...(final ? {} : { settledAt: { $exists: false } }) };
  const { matchedCount } = await events.updateMany(filter, final ? { ...update, $currentDate: { settledAt: true } } : update, { writeConcern: QUICK });
  return matchedCount === ids.length;
}

/** Those of these events whose word may be wrong after marks were lost: without a final one, or ever opened again. */
export async function findDoubtful({ events }: Store, ids: readonly EventId[]): Promise<readonly EventId[]> {
  const found = await events.find({ _id: { $in: [...ids] }, $or: [{ settledAt: { $exists: false } }, { reopened: { $exists: true } }] }, { projection: { _id: 1 } }).toArray();
  return found.map(({ _id }) => _id);
}

/** One event for a person to read; its body is told by length only. */
export async function findSummary({ events }: Store, id: EventId): Promise<EventSummary | null> {
  const [found] = await events
    .aggregate<Omit<EventDocument, 'body'> & { bodyBytes: number }>([{ $match: { _id: id } }, { $set: { bodyBytes: { $binarySize: '$body' } } }, { $project: { body: 0 } }])
    .toArray();
  return found === undefined ? null : toSummary(found);
}

/** Without what is of no use to a person. */
export function toSummary({ _id, pendingFanOut: _mark, settledAt: _settled, ...rest }: Omit<EventDocument, 'body'> & { readonly bodyBytes: number }): EventSummary {
  return { id: _id, ...rest };
}
