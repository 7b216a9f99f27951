/**
 * An event: an immutable fact accepted from a producer, kept as the raw bytes that came in. Its `status` is the public
 * word for how far its deliveries have come: a projection of them (event-status.ts), never a source of truth.
 */
import type { EventId, TargetId } from './ids.ts';

export const EVENT_STATUSES = ['RECEIVED', 'FAILED_TEMPORARILY', 'FAILED_PERMANENTLY', 'DELIVERED', 'UNROUTED'] as const;
export type EventStatus = (typeof EVENT_STATUSES)[number];

export interface HookEvent {
  readonly id: EventId;
  readonly source: string;
  readonly idempotencyKey: string;
  /** SHA-256 of the body, hex. */
  readonly fingerprint: string;
  readonly type: string | null;
  /** Resolved once, at ingest: a target added later does not receive older events. */
  readonly targetIds: readonly TargetId[];
  readonly body: Uint8Array;
  readonly contentType: string;
  readonly receivedAt: Date;
}

/** An event as it comes in: whom it is owed to is found out when it is stored. */
export type IncomingEvent = Omit<HookEvent, 'targetIds'>;

/** What a sender of the event needs to know of it: its bytes, how to label them, and who else it is owed to. */
export type EventContent = Pick<HookEvent, 'id' | 'type' | 'body' | 'contentType' | 'targetIds'>;
