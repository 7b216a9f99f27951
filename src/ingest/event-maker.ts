/** The bytes of one event → the event: its id, its type, and what tells it from others. */
import { createHash } from 'node:crypto';
import { newEventId } from '../domain/ids.ts';
import type { IncomingEvent } from '../domain/event.ts';
import { OWN_PREFIX } from '../domain/type-pattern.ts';
import { Problem } from '../http/problem.ts';
import type { Clock } from '../runtime/clock.ts';
import { readEventType } from './event-body.ts';

export interface EventParts {
  readonly source: string;
  readonly idempotencyKey: string;
  readonly body: Uint8Array;
  readonly contentType: string;
  /** Read of the body when absent. */
  readonly type?: string | null;
  /** What must be equal when the key is used again; the body when absent. */
  readonly identity?: string;
}

/** @throws Problem when the body is not an acceptable event */
export type MakeEvent = (parts: EventParts) => IncomingEvent;

export function createEventMaker(clock: Clock): MakeEvent {
  return ({ source, idempotencyKey, body, contentType, type, identity }) => {
    const nowMs = clock.now();
    const named = type === undefined ? readEventType(body) : type;
    if (named !== null && named.startsWith(OWN_PREFIX)) throw new Problem('schema_mismatch', `Expected a type of the producer's own, got one that begins with ${OWN_PREFIX}: those tell of the system itself`);
    return {
      id: newEventId(nowMs),
      source, idempotencyKey,
      fingerprint: createHash('sha256').update(identity ?? body).digest('hex'),
      type: named,
      body, contentType,
      receivedAt: new Date(nowMs),
    };
  };
}
