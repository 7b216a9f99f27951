/** A source, made ready for its requests: how they are verified, and what of a request becomes which part of its event. */
import { expandSource, type Place, type Source } from '../domain/source.ts';
import { Problem } from '../http/problem.ts';
import type { Rate } from '../http/rates.ts';
import { schemaHash, type Validators } from '../runtime/user-schema/validators.ts';
import { envelopeType, isRecord, MAX_TYPE_CHARACTERS, parseBody } from './event-body.ts';
import type { EventParts } from './event-maker.ts';
import { createVerifier } from './schemes/scheme.ts';
import type { Signed, Verify } from './schemes/verdict.ts';
import { KEY, type HeaderReader } from './signed-headers.ts';

export interface LiveSource {
  readonly name: string;
  readonly verify: Verify;
  readonly rate: Rate;
  /** Null: what the server takes. */
  readonly maxBodyBytes: number | null;
  /** Whether a key is signed that the items of a batch can share. */
  readonly takesBatches: boolean;
  /** What must be answered at once and is no event (Slack's check of a new address); null for an event. */
  readonly handshake: (body: unknown) => Response | null;
  /** @param key of the item of a batch; the request's own when absent @throws Problem when it cannot be an event of this source */
  readonly partsOf: (request: SourceRequest, key?: string) => EventParts;
}

export interface SourceRequest {
  readonly header: HeaderReader;
  readonly signed: Signed;
  readonly body: Uint8Array;
  readonly contentType: string;
  /** What it means; read of the body when absent. */
  readonly value?: unknown;
}

export function createLiveSource(source: Source, validators: Validators): LiveSource {
  const { name, secrets, schema, limits, maxBodyBytes } = source;
  const expanded = expandSource(source);
  const check = schema === null ? null : createBodyCheck(schema, validators);

  return {
    name, maxBodyBytes,
    verify: createVerifier(expanded, secrets),
    rate: { perSecond: limits.ratePerSecond, burst: limits.burst === 0 ? limits.ratePerSecond : limits.burst },
    takesBatches: expanded.scheme.kind !== 'hmac',
    handshake: source.scheme.kind === 'slack' ? answerSlack : () => null,
    partsOf({ header, signed, body, contentType, value = parseBody(body) }, key) {
      if (!isRecord(value) || Array.isArray(value)) throw new Problem('schema_mismatch', 'Expected a JSON object, got something else');
      const idempotencyKey = key ?? signed.idempotencyKey ?? readKey(expanded.idempotency, header, value);
      const type = expanded.eventType === null ? envelopeType(value) : readType(expanded.eventType, header, value);
      check?.(value);
      const parts = { source: name, idempotencyKey, body, contentType, type };
      return expanded.keyTellsAll ? { ...parts, identity: idempotencyKey } : parts;
    },
  };
}

function createBodyCheck(schema: object, validators: Validators): (value: unknown) => void {
  const hash = schemaHash(schema);
  return (value) => {
    const checked = validators.of(schema, hash)(value);
    if (!checked.ok) throw new Problem('schema_mismatch', 'Expected a body that fits the schema of its source', { errors: checked.faults });
  };
}

type Body = Readonly<Record<string, unknown>>;

function readKey(place: Place | null, header: HeaderReader, value: Body): string {
  const key = place === null ? undefined : readPlace(place, header, value);
  if (key !== undefined && KEY.test(key)) return key;
  throw new Problem('invalid_idempotency_key', `${placeWords(place)}: expected 1 to 255 visible ASCII characters, got ${key === undefined ? 'none' : 'others'}`);
}

function readType(place: Place, header: HeaderReader, value: Body): string | null {
  const type = readPlace(place, header, value);
  if (type === undefined || type === '') return null;
  if (type.length <= 2 * MAX_TYPE_CHARACTERS && Array.from(type).length <= MAX_TYPE_CHARACTERS) return type;
  throw new Problem('schema_mismatch', `${placeWords(place)}: expected a type of at most ${MAX_TYPE_CHARACTERS} characters, got more`);
}

const placeWords = (place: Place | null): string => (place === null ? 'The key' : place.in === 'header' ? place.name : `${place.path} in the body`);

const readPlace = (place: Place, header: HeaderReader, value: Body): string | undefined => (place.in === 'header' ? header(place.name) : textAt(value, place.path));

/** Its own members only. A whole number is read as its digits: ids are often written so. */
function textAt(value: Body, path: string): string | undefined {
  let found: unknown = value;
  for (const name of path.split('.')) {
    if (!isRecord(found) || !Object.hasOwn(found, name)) return undefined;
    found = found[name];
  }
  return typeof found === 'string' ? found : Number.isSafeInteger(found) ? String(found) : undefined;
}

const LONGEST_CHALLENGE = 1_024;

/** https://docs.slack.dev/reference/events/url_verification */
function answerSlack(body: unknown): Response | null {
  if (!isRecord(body) || body['type'] !== 'url_verification') return null;
  const { challenge } = body;
  return typeof challenge === 'string' && challenge.length <= LONGEST_CHALLENGE ? Response.json({ challenge }) : null;
}
