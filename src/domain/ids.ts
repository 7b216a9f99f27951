/**
 * Every identifier of the system, branded so that the compiler keeps them apart, and made in this file only.
 * A delivery's id is its event's id and its target's id; a timer's id names the very attempt it wakes. Both are
 * derived, so two writers racing for the same thing collide on `_id` instead of creating two.
 */
import { randomBytes, randomFillSync } from 'node:crypto';
import { monotonicFactory } from 'ulid';

declare const brand: unique symbol;
type Branded<Name extends string> = string & { readonly [brand]: Name };

export type EventId = Branded<'event'>;
export type TargetId = Branded<'target'>;
export type DeliveryId = Branded<'delivery'>;
export type TimerId = Branded<'timer'>;
export type SessionId = Branded<'session'>;
export type SecretId = Branded<'secret'>;
export type TokenId = Branded<'token'>;
export type AuditId = Branded<'audit'>;
export type ReplayId = Branded<'replay'>;

/** ulid asks for one random number after another; drawing each from the system alone would cost more than all the rest. */
const POOL_BYTES = 4_096;
const pool = new Uint8Array(POOL_BYTES);
let used = POOL_BYTES;

/** In [0, 1), from the system's secure randomness, drawn by the page. */
function pooledRandom(): number {
  if (used === POOL_BYTES) {
    randomFillSync(pool);
    used = 0;
  }
  const byte = pool[used] ?? 0;
  used += 1;
  return byte / 256;
}

const ulid = monotonicFactory(pooledRandom);

const ULID = '[0-9A-HJKMNP-TV-Z]{26}';
const EVENT_ID = new RegExp(`^evt_${ULID}$`);
const TOKEN_ID = new RegExp(`^tok_${ULID}$`);
const AUDIT_ID = new RegExp(`^aud_${ULID}$`);
const TIMER_ID = /^([^#]+)#\d+\.\d+$/;
const TARGET_ID = /^tgt_[A-Za-z0-9_-]{1,64}$/;

/** `evt_<ulid>`, rising within a process. `nowMs` is unix milliseconds. */
export const newEventId = (nowMs: number): EventId => `evt_${ulid(nowMs)}` as EventId;

/** `ses_<ulid>`: one run of one processor. */
export const newSessionId = (nowMs: number): SessionId => `ses_${ulid(nowMs)}` as SessionId;

/** `sec_…`: one of the secrets that a target signs with. */
export const newSecretId = (): SecretId => `sec_${randomBytes(12).toString('hex')}` as SecretId;
/** For one that was stored before secrets had ids; kept from its first change on. */
export const bareSecretId = (index: number): SecretId => `sec_${index}` as SecretId;

/** `tok_<ulid>`: who may use the admin routes. */
export const newTokenId = (nowMs: number): TokenId => `tok_${ulid(nowMs)}` as TokenId;
/** `aud_<ulid>`: what was changed, by whom. */
export const newAuditId = (nowMs: number): AuditId => `aud_${ulid(nowMs)}` as AuditId;

/** `rpl_…`: the batch of a replay that made a delivery ready. */
export const newReplayId = (): ReplayId => `rpl_${randomBytes(12).toString('hex')}` as ReplayId;

export const isTokenId = (text: string): text is TokenId => TOKEN_ID.test(text);
export const isAuditId = (text: string): text is AuditId => AUDIT_ID.test(text);
export const isEventId = (text: string): text is EventId => EVENT_ID.test(text);
export const isTargetId = (text: string): text is TargetId => TARGET_ID.test(text);

/** `tgt_<ulid>`: a target that was made over the API. */
export const newTargetId = (nowMs: number): TargetId => `tgt_${ulid(nowMs)}` as TargetId;

/** The one target that `DOWNSTREAM_URL` registers. */
export const DEFAULT_TARGET_ID = 'tgt_default' as TargetId;

export const deliveryIdOf = (eventId: EventId, targetId: TargetId): DeliveryId => `${eventId}/${targetId}` as DeliveryId;

/** Splits `<eventId>/<targetId>`; null when the text is no delivery id. */
export function parseDeliveryId(text: string): { readonly eventId: EventId; readonly targetId: TargetId } | null {
  const [eventId, targetId, ...rest] = text.split('/');
  if (eventId === undefined || targetId === undefined || rest.length > 0) return null;
  return isEventId(eventId) && isTargetId(targetId) ? { eventId, targetId } : null;
}

/** `<deliveryId>#<generation>.<attempt>`, where `attempt` is the number of the attempt the timer wakes. */
export const timerIdOf = (deliveryId: DeliveryId, generation: number, attempt: number): TimerId =>
  `${deliveryId}#${generation}.${attempt}` as TimerId;

/** The delivery a timer belongs to; null when the text is no timer id. */
export function deliveryOfTimer(text: string): DeliveryId | null {
  const [, id] = TIMER_ID.exec(text) ?? [];
  return id === undefined || parseDeliveryId(id) === null ? null : (id as DeliveryId);
}
