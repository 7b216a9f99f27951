/**
 * The time inside the id of an event or a session: a ULID begins with ten characters of Crockford's base 32 that count
 * milliseconds, so a range of time is a range of ids (ulid/spec). It is the moment of its making, on the clock of whoever made it.
 */
import type { EventId, SessionId } from '../../src/domain/ids.ts';

const PREFIX = 'evt_';
const DIGITS = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const LENGTH = 10;
const MOST_MS = 2 ** 48 - 1;

/** Sorts before every id, of an event or a delivery, made at that millisecond or later, and after all the earlier ones. */
export function idBoundAt(unixMs: number): string {
  let rest = Math.min(Math.max(Math.floor(unixMs), 0), MOST_MS);
  let text = '';
  for (let place = 0; place < LENGTH; place += 1) {
    text = DIGITS.charAt(rest % DIGITS.length) + text;
    rest = Math.floor(rest / DIGITS.length);
  }
  return PREFIX + text;
}

export const timeOfEvent = (id: EventId): Date => timeOf(id);
export const timeOfSession = (id: SessionId): Date => timeOf(id);

/** Both prefixes are as long. */
function timeOf(id: string): Date {
  const digits = id.slice(PREFIX.length, PREFIX.length + LENGTH);
  return new Date(Array.from(digits).reduce((ms, digit) => ms * DIGITS.length + DIGITS.indexOf(digit), 0));
}
