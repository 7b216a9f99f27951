/** Events of the product's own: news of targets and test sends. They are stored and delivered like any other. */
import { createHash } from 'node:crypto';
import type { HookEvent } from './event.ts';
import type { EventId, TargetId } from './ids.ts';

/** Of these events; no producer's source can have this name (source.ts). */
export const OWN_SOURCE = 'hooktail';

export interface OwnEvent {
  readonly id: EventId;
  readonly idempotencyKey: string;
  readonly type: string;
  readonly body: Buffer;
  readonly targetIds: readonly TargetId[];
  readonly at: Date;
}

export const ownEvent = ({ id, idempotencyKey, type, body, targetIds, at }: OwnEvent): HookEvent => ({
  id, source: OWN_SOURCE, idempotencyKey, fingerprint: createHash('sha256').update(body).digest('hex'), type, targetIds, body, contentType: 'application/json', receivedAt: at,
});
