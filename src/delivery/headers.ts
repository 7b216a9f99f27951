/**
 * The headers of one attempt: Standard Webhooks, with our two beside it, and the target's own. The id is the event's, the same on every attempt, so
 * that a receiver can drop what it has seen; the timestamp is the attempt's own.
 */
import type { EventContent } from '../domain/event.ts';
import { signatureHeader } from '../domain/signing-secret.ts';
import type { Target } from '../domain/target.ts';

const USER_AGENT = 'Hooktail/0.1 (+https://www.standardwebhooks.com)';

export interface AttemptLabel {
  readonly number: number;
  /** Unix milliseconds on the server's clock: secrets expire by it. */
  readonly nowMs: number;
}

export function attemptHeaders(target: Target, content: EventContent, { number, nowMs }: AttemptLabel): Record<string, string> {
  const timestamp = String(Math.floor(nowMs / 1000));
  const headers: Record<string, string> = {
    'content-type': content.contentType,
    'user-agent': USER_AGENT,
    'webhook-id': content.id,
    'webhook-timestamp': timestamp,
    'webhook-signature': signatureHeader(target.secrets, { id: content.id, timestamp, nowMs }, content.body),
    'hooktail-attempt': String(number),
  };
  if (content.type !== null) headers['hooktail-event-type'] = headerValueOf(content.type);
  for (const name in target.headers) headers[name] ??= target.headers[name] ?? ''; // Ours cannot be replaced.
  return headers;
}

/** Visible ASCII goes as it is; anything else percent-encoded, since a header cannot carry it. */
const headerValueOf = (type: string): string => (/^[\x21-\x7e]+$/.test(type) ? type : encodeURIComponent(type.toWellFormed()));
