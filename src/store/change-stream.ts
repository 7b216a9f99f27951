/**
 * One database-level change stream, read in the iterator form, a server batch at a time. Its pipeline is constant and looks
 * only at what the oplog entry itself carries, so a token made with it stays good. Token and batch travel together: the
 * stream's own idea of its token is "last returned", not "last processed", and is never asked later.
 */
import { createHash } from 'node:crypto';
import { Timestamp, type ChangeStream, type ChangeStreamDocument, type ChangeStreamOptions, type Db, type Document } from 'mongodb';
import type { EventContent } from '../domain/event.ts';
import { deliveryOfTimer, type DeliveryId, type TargetId } from '../domain/ids.ts';
import { toContent } from './events.ts';
import type { ResumePoint } from './resume-tokens.ts';
import type { EventDocument } from './store.ts';

export type Change =
  | { readonly kind: 'eventInserted'; readonly event: EventContent; readonly targetIds: readonly TargetId[] }
  | { readonly kind: 'timerDue'; readonly deliveryId: DeliveryId }
  | { readonly kind: 'lanesChanged' }
  | { readonly kind: 'targetsChanged' }
  | { readonly kind: 'collectionGone'; readonly name: string }
  /** The stream has ended and its token cannot be resumed. */
  | { readonly kind: 'invalidated' };

export interface ChangeBatch {
  readonly changes: readonly Change[];
  /** Where to go on once this batch has been dealt with. */
  readonly position: StreamPosition;
  /** The server had nothing more to tell when asked. */
  readonly dry: boolean;
}

export interface StreamPosition {
  readonly token: unknown;
  readonly clusterTime: Timestamp;
}

/** Where a stream starts: after a token, or at a moment of the cluster's time, that moment included. */
export type StreamStart = { readonly after: unknown; readonly clusterTime: Timestamp } | { readonly at: Timestamp };

export interface ChangeReader {
  /** The next batch; waits a few seconds for one. */
  next(): Promise<ChangeBatch>;
  close(): Promise<void>;
}

const BATCH_SIZE = 500;
/** A waiting read is answered after this at the latest: until then nobody learns how far the stream has come. */
const AWAIT_MS = 2_000;

/**
 * Told apart by fields that only one collection has, not by its name: the server rewrites a match on `ns.coll` into a dozen
 * comparisons for each oplog entry, and this one into three (measured: 6.5 instead of 9.2 µs an entry, over what an event
 * leaves in the oplog). Lanes and targets share the form of their ids.
 */
const PIPELINE: readonly Document[] = [{ $match: { $or: [
  { operationType: 'insert', 'fullDocument.pendingFanOut': true },
  // The same change may be told as an update or as a replacement (specifications, change-streams.md).
  { operationType: 'update', 'updateDescription.updatedFields.state': 'due' },
  { operationType: 'replace', 'fullDocument.state': 'due' },
  { 'documentKey._id': { $gte: 'tgt_', $lt: 'tgt`' } },
  { operationType: { $in: ['drop', 'rename', 'dropDatabase', 'invalidate'] } },
] } }];

/** Tokens are only good for the pipeline that made them. */
export const PIPELINE_HASH = createHash('sha256').update(JSON.stringify(PIPELINE)).digest('hex').slice(0, 16);

/** The cluster's time now: a stream started at it misses nothing written after this call. */
export async function clusterTimeNow(db: Db): Promise<Timestamp> {
  const reply: unknown = (await db.command({ ping: 1 }))['operationTime'];
  if (!(reply instanceof Timestamp)) throw new Error('Expected an operationTime from the server, got none: is it a replica set?');
  return reply;
}

/** Whether a stream that has come to `position` has told everything that happened up to `moment`. */
export const hasReached = (position: StreamPosition, moment: Timestamp): boolean => position.clusterTime.greaterThanOrEqual(moment);

/** Where a stored point allows starting: after its token when the pipeline is the same, else at its time. */
export const startOf = (point: ResumePoint): StreamStart =>
  point.pipelineHash === PIPELINE_HASH ? { after: point.token, clusterTime: point.clusterTime } : { at: point.clusterTime };

/** The cluster time a stream would start at. What a token itself says counts: it may have been written by another cluster. */
export const timeOfStart = (start: StreamStart): Timestamp => ('at' in start ? start.at : (timeOfToken(start.after) ?? start.clusterTime));

/** Opens nothing yet: the first `next()` does. */
export function openChangeReader(db: Db, start: StreamStart): ChangeReader {
  const from: ChangeStreamOptions = 'after' in start ? { resumeAfter: start.after } : { startAtOperationTime: start.at };
  const stream = db.watch([...PIPELINE], { ...from, batchSize: BATCH_SIZE, maxAwaitTimeMS: AWAIT_MS, promoteBuffers: true });
  let clusterTime = 'after' in start ? start.clusterTime : start.at;
  return {
    async next(): Promise<ChangeBatch> {
      const documents = await readServerBatch(stream);
      clusterTime = latest(clusterTime, documents.at(-1)?.clusterTime ?? timeOfToken(stream.resumeToken));
      return { changes: documents.flatMap(toChange), position: { token: stream.resumeToken, clusterTime }, dry: documents.length === 0 };
    },
    close: () => stream.close(),
  };
}

async function readServerBatch(stream: ChangeStream): Promise<readonly ChangeStreamDocument[]> {
  const documents: ChangeStreamDocument[] = [];
  do {
    const document: ChangeStreamDocument | null = await stream.tryNext();
    if (document !== null) documents.push(document);
  } while (stream.bufferedCount() > 0);
  return documents;
}

const latest = (a: Timestamp, b: Timestamp | null): Timestamp => (b !== null && b.greaterThan(a) ? b : a);

/**
 * The cluster time inside a token, which on a quiet stream is the only sign of progress: after a type byte of 0x82 come eight
 * bytes of timestamp (debezium, ResumeTokens.java). Null for a token of another form.
 */
function timeOfToken(token: unknown): Timestamp | null {
  const data = typeof token === 'object' && token !== null && '_data' in token ? token._data : null;
  if (typeof data !== 'string' || !/^82[0-9A-F]{16}/i.test(data)) return null;
  return Timestamp.fromBits(parseInt(data.slice(10, 18), 16), parseInt(data.slice(2, 10), 16));
}

function toChange(document: ChangeStreamDocument): readonly Change[] {
  // eslint-disable-next-line @typescript-eslint/switch-exhaustiveness-check -- the driver's own union; the pipeline lets only these through
  switch (document.operationType) {
    case 'drop':
    case 'rename':
      return [{ kind: 'collectionGone', name: document.ns.coll }];
    case 'dropDatabase':
      return [];
    case 'invalidate':
      return [{ kind: 'invalidated' }];
    case 'insert':
    case 'update':
    case 'replace':
    case 'delete':
      return toCollectionChange(document.ns.coll, document.operationType, document.documentKey._id, 'fullDocument' in document ? document.fullDocument : undefined);
    default:
      return [];
  }
}

function toCollectionChange(collection: string, operation: string, id: unknown, full: Document | undefined): readonly Change[] {
  if (collection === 'lanes') return [{ kind: 'lanesChanged' }];
  if (collection === 'targets') return [{ kind: 'targetsChanged' }];
  if (collection === 'schedule') return toTimerChange(String(id));
  if (collection !== 'events' || operation !== 'insert' || full === undefined) return [];
  const event = full as EventDocument;
  return [{ kind: 'eventInserted', event: toContent(event), targetIds: event.targetIds }];
}

function toTimerChange(id: string): readonly Change[] {
  const deliveryId = deliveryOfTimer(id);
  return deliveryId === null ? [] : [{ kind: 'timerDue', deliveryId }];
}
