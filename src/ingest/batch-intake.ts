/**
 * The events of a batch → database, written by as few statements as can be, with an answer for each. The key of an item is the
 * request's key and the item's place, so that repeating a request repeats every item.
 *
 *   202  every item is stored      207  some are, and the rest can never be      503  some could not be stored now: repeat the request
 */
import type { IncomingEvent } from '../domain/event.ts';
import { Problem, problemFields } from '../http/problem.ts';
import type { Telemetry } from '../runtime/telemetry.ts';
import { splitBatch } from './batch-items.ts';
import type { Accepted, EventWriter } from './event-writer.ts';
import type { SignedRequest } from './signed-request.ts';

export interface BatchIntakeDeps {
  readonly telemetry: Telemetry;
  readonly writer: Pick<EventWriter, 'acceptAll'>;
  /** Of one event. */
  readonly maxBodyBytes: number;
}

/** @throws Problem when the item can never be an event */
export type MakeItem = (body: Uint8Array, idempotencyKey: string) => IncomingEvent;

export type StoreBatch = (request: SignedRequest, makeItem: MakeItem, requestId: string | null) => Promise<Response>;

/** An item's key must fit where a key does, and ends in its place. */
const LONGEST_KEY = 250;

type Item = IncomingEvent | Problem;
type Answer = Accepted | Problem;

/** @throws Problem `invalid_idempotency_key` */
export function refuseLongKey(key: string): void {
  if (key.length > LONGEST_KEY) throw new Problem('invalid_idempotency_key', `Expected at most ${LONGEST_KEY} characters for a batch, got ${key.length}`);
}

export function createBatchIntake({ telemetry, writer, maxBodyBytes }: BatchIntakeDeps): StoreBatch {
  const toItem = ({ idempotencyKey }: SignedRequest, makeItem: MakeItem) => (body: Uint8Array, place: number): Item => {
    try {
      if (body.byteLength > maxBodyBytes) throw new Problem('body_too_large', `Expected at most ${maxBodyBytes} bytes an event, got ${body.byteLength}`);
      return makeItem(body, `${idempotencyKey}#${place}`);
    } catch (error) {
      if (error instanceof Problem) return error;
      throw error;
    }
  };

  /** In the order of the items. */
  async function store(items: readonly Item[]): Promise<readonly Answer[]> {
    const events = items.filter((item): item is IncomingEvent => !(item instanceof Problem));
    const stored = await writer.acceptAll(events);
    const answers = new Map(events.map((event, index) => [event, stored[index]]));
    return items.map((item) => (item instanceof Problem ? item : (answers.get(item) ?? new Problem('internal_error', 'No answer came for this event'))));
  }

  return async (request, makeItem, requestId) => {
    const items = splitBatch(request.body, request.contentType).map(toItem(request, makeItem));
    const answers = await store(items);
    const passing = answers.find((answer) => answer instanceof Problem && answer.status === 503);
    if (passing instanceof Problem) throw passing;
    items.forEach((item, index) => tell(item, answers[index], requestId));
    return respond(answers);
  };

  function tell(item: Item, answer: Answer | undefined, requestId: string | null): void {
    if (answer instanceof Problem) telemetry.emit('request.refused', { requestId, code: answer.code, status: answer.status });
    else if (answer !== undefined && !(item instanceof Problem)) telemetry.emit('event.accepted', { requestId, eventId: answer.id, type: item.type, duplicate: answer.duplicate });
  }
}

function respond(answers: readonly Answer[]): Response {
  const refused = answers.filter((answer) => answer instanceof Problem).length;
  const items = answers.map((answer) => (answer instanceof Problem ? { problem: problemFields(answer) } : { event: { id: answer.id, status: answer.status, duplicate: answer.duplicate } }));
  return Response.json({ accepted: answers.length - refused, refused, items }, { status: refused === 0 ? 202 : 207 });
}
