/** The bytes of one event → the event as it will be stored: its id, its type, and whom it is owed to. */
import { createHash } from 'node:crypto';
import { newEventId } from '../domain/ids.ts';
import type { HookEvent } from '../domain/event.ts';
import { resolveTargets, type Target } from '../domain/target.ts';
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

export function createEventMaker(clock: Clock, targets: () => readonly Target[]): MakeEvent {
  return ({ source, idempotencyKey, body, contentType }) => {
    const type = readEventType(body);
    const nowMs = clock.now();
    return {
      id: newEventId(nowMs),
      source, idempotencyKey,
      fingerprint: createHash('sha256').update(body).digest('hex'),
      type,
      targetIds: resolveTargets(targets(), type),
      body, contentType,
      receivedAt: new Date(nowMs),
    };
  };
}
