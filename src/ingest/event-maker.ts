/** The bytes of one event → the event as it will be stored: its id, its type, and whom it is owed to. */
import { createHash } from 'node:crypto';
import { newEventId } from '../domain/ids.ts';
import type { HookEvent } from '../domain/event.ts';
import type { Routing } from '../domain/routing.ts';
import type { Clock } from '../runtime/clock.ts';
import { readEventType } from './event-body.ts';

export interface EventParts {
  readonly source: string;
  readonly idempotencyKey: string;
  readonly body: Uint8Array;
  readonly contentType: string;
}

/** @throws Problem when the body is not an acceptable event */
export type MakeEvent = (parts: EventParts) => HookEvent;

/** @param routesOf the targets that an event of this type is owed to */
export function createEventMaker(clock: Clock, routesOf: Routing): MakeEvent {
  return ({ source, idempotencyKey, body, contentType }) => {
    const type = readEventType(body);
    const nowMs = clock.now();
    return {
      id: newEventId(nowMs),
      source, idempotencyKey,
      fingerprint: createHash('sha256').update(body).digest('hex'),
      type,
      targetIds: routesOf(type),
      body, contentType,
      receivedAt: new Date(nowMs),
    };
  };
}
