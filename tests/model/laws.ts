/**
 * The laws of the delivery life. After each write the three collections are read as they are, and what has changed since the
 * look before must be a transition that design section 4 knows, by somebody who was entitled to it. At the end, once a healthy
 * processor has had its time, everything must have come to its end.
 */
import type { Attempt } from '../../src/domain/attempt.ts';
import { eventStatusOf, isFinalStatus } from '../../src/domain/event-status.ts';
import { deliveryIdOf, timerIdOf, type DeliveryId, type EventId, type TimerId } from '../../src/domain/ids.ts';
import type { DeliveryDocument, EventDocument, Store, TimerDocument } from '../../src/store/store.ts';
import type { Ledger, Request } from './receiver.ts';
import { attemptsAllowedFor } from './ground.ts';

export class LawBroken extends Error {
  override readonly name = 'LawBroken';
}

export interface Look {
  readonly events: ReadonlyMap<EventId, EventDocument>;
  readonly deliveries: ReadonlyMap<DeliveryId, DeliveryDocument>;
  readonly timers: ReadonlyMap<TimerId, 'waiting' | 'due'>;
}

export const EMPTY_LOOK: Look = { events: new Map(), deliveries: new Map(), timers: new Map() };

/** All three in one answer. */
export async function lookAt({ events }: Store): Promise<Look> {
  const tagged = (from: string): object => ({ $replaceWith: { from, document: '$$ROOT' } });
  const others = ['deliveries', 'schedule'].map((coll) => ({ $unionWith: { coll, pipeline: [tagged(coll)] } }));
  const found = await events.aggregate<Found>([tagged('events'), ...others]).toArray();
  return {
    events: new Map(found.flatMap((one) => (one.from === 'events' ? [[one.document._id, one.document] as const] : []))),
    deliveries: new Map(found.flatMap((one) => (one.from === 'deliveries' ? [[one.document._id, one.document] as const] : []))),
    timers: new Map(found.flatMap((one) => (one.from === 'schedule' ? [[one.document._id, one.document.state] as const] : []))),
  };
}

type Found =
  | { readonly from: 'events'; readonly document: EventDocument }
  | { readonly from: 'deliveries'; readonly document: DeliveryDocument }
  | { readonly from: 'schedule'; readonly document: TimerDocument };

/** What somebody knows that the database does not. */
export interface Witness {
  readonly ledger: Ledger;
  /** Events that were taken away, by retention or by hand. */
  readonly gone: ReadonlySet<EventId>;
  /** Generation of each delivery as the one who wrote just now had read it for a replay; null when it was no replay. */
  readonly replaying: ReadonlyMap<DeliveryId, number> | null;
}

const isOpen = ({ state }: Pick<DeliveryDocument, 'state'>): boolean => state === 'ready' || state === 'waiting';

function must(holds: boolean, law: string): asserts holds {
  if (!holds) throw new LawBroken(law);
}

/** Every law that one write could break. */
export function checkStep(before: Look, after: Look, witness: Witness): void {
  for (const [id, delivery] of after.deliveries) checkDelivery(before.deliveries.get(id), delivery, after, witness);
  for (const id of before.deliveries.keys()) must(after.deliveries.has(id), `${id} has vanished`);
  for (const event of after.events.values()) checkFanOut(event, after);
  for (const id of before.events.keys()) must(after.events.has(id) || witness.gone.has(id), `event ${id} has vanished`);
  for (const { claim } of witness.ledger.all()) checkRepeats(witness.ledger, claim.id, claim.generation);
}

function checkFanOut({ _id, targetIds, pendingFanOut }: EventDocument, { deliveries }: Look): void {
  if (pendingFanOut === true) return;
  for (const targetId of targetIds) must(deliveries.has(deliveryIdOf(_id, targetId)), `event ${_id} is marked as fanned out, and ${targetId} has no delivery of it`);
}

/** Duplicates only for attempts that were in flight, or answered and not written down, at a crash or a change of owner. */
export function checkRepeats(ledger: Ledger, id: DeliveryId, generation: number): void {
  const { repeated, allowed } = ledger.repeats(id, generation);
  must(repeated <= allowed, `${id} generation ${generation} got ${repeated} more 2xx than one, at most ${allowed} allowed`);
}

function checkDelivery(before: DeliveryDocument | undefined, after: DeliveryDocument, look: Look, witness: Witness): void {
  checkShape(after);
  const start = before ?? { ...after, state: 'ready' as const, generation: 0, attemptCount: 0, attempts: [] };
  const added = after.attempts.slice(start.attempts.length);
  must(after.attempts.length >= start.attempts.length, `${after._id} has lost attempts`);
  const reached = added.reduce((from, attempt) => attempted(from, attempt, after._id, witness), walkOf(start));
  checkArrival(reached, after, witness);
  if (after.state === 'waiting') must(look.timers.has(timerIdOf(after._id, after.generation, after.attemptCount + 1)), `${after._id} waits and has no timer`);
}

/** Only what is open is ever woken. */
function checkShape({ _id, state, wakeAt, settledAt }: DeliveryDocument): void {
  const open = isOpen({ state });
  must((wakeAt !== undefined) === open, `${_id} is ${state} and ${wakeAt === undefined ? 'has no' : 'has a'} wakeAt`);
  must((settledAt !== undefined) === !open, `${_id} is ${state} and ${settledAt === undefined ? 'has no' : 'has a'} settledAt`);
}

interface Walk {
  readonly state: DeliveryDocument['state'];
  readonly generation: number;
  readonly attemptCount: number;
}

const walkOf = ({ state, generation, attemptCount }: DeliveryDocument): Walk => ({ state, generation, attemptCount });

/** T2 and T5: what one attempt that was written may have made of a delivery. */
function attempted(from: Walk, attempt: Attempt, id: DeliveryId, { ledger }: Witness): Walk {
  const request = ledger.byName(attempt.responseExcerpt);
  must(request !== undefined && request.claim.id === id && request.status === attempt.status, `${id} has an attempt that was never answered so`);
  must(isOpen(from), `an attempt was written of ${id}, which was ${from.state}`);
  const next = { ...from, attemptCount: from.attemptCount + 1 };
  if (attempt.status === 200) return { ...next, state: 'delivered' };
  checkFailure(from, request, id);
  return { ...next, state: next.attemptCount >= attemptsAllowedFor(request.claim.targetId) ? 'dead' : 'waiting' };
}

/** A late failure changes nothing. */
function checkFailure({ generation, attemptCount }: Walk, { claim, name }: Request, id: DeliveryId): void {
  must(claim.generation === generation && claim.attemptCount === attemptCount, `the late failure ${name} (${claim.generation}.${claim.attemptCount}) changed ${id} (${generation}.${attemptCount})`);
}

/** Where the attempts lead is where the delivery is, unless it was replayed (T8), or its event is gone. */
function checkArrival(reached: Walk, { _id, eventId, state, generation, attemptCount, reason }: DeliveryDocument, { gone, replaying }: Witness): void {
  const told = `${_id} went from ${reached.state} ${reached.generation}.${reached.attemptCount} to ${state} ${generation}.${attemptCount}`;
  if (reached.state === state && reached.generation === generation) {
    must(reached.attemptCount === attemptCount, told);
    return;
  }
  if (state === 'dead' && isOpen(reached)) {
    must(gone.has(eventId) && reason?.startsWith('event gone') === true && reached.attemptCount === attemptCount, told);
    return;
  }
  must(!isOpen(reached) && state === 'ready' && generation === reached.generation + 1 && attemptCount === 0, told);
  must(replaying?.get(_id) === reached.generation, `${told} by somebody who had not read it so`);
}

/** What is still to be done; empty once everything has come to its end. */
export function owedIn({ events, deliveries, timers }: Look): readonly string[] {
  return [
    ...[...events.values()].flatMap((event) => eventFaults(event, deliveries)),
    ...[...deliveries.values()].filter(isOpen).map(({ _id, state }) => `${_id} is ${state}`),
    ...[...timers].filter(([, state]) => state === 'waiting').map(([id]) => `timer ${id} has not fired`),
  ];
}

function eventFaults({ _id, targetIds, status, pendingFanOut, settledAt }: EventDocument, deliveries: Look['deliveries']): readonly string[] {
  const own = targetIds.flatMap((targetId) => deliveries.get(deliveryIdOf(_id, targetId)) ?? []);
  const word = eventStatusOf(targetIds.length, own);
  return [
    ...(pendingFanOut === true ? [`event ${_id} is not marked as fanned out`] : []),
    ...(status === word ? [] : [`event ${_id} says ${status} and is ${word}`]),
    ...((settledAt !== undefined) === isFinalStatus(word) ? [] : [`event ${_id} is ${word} and ${settledAt === undefined ? 'has no' : 'has a'} settledAt`]),
  ];
}

/** The ledger and the database tell the same story. */
export function checkEnd({ deliveries, timers }: Look, ledger: Ledger, flipped: number): void {
  for (const delivery of deliveries.values()) checkStory(delivery, ledger);
  const due = [...timers.values()].filter((state) => state === 'due').length;
  must(due === flipped, `${due} timers are due and ${flipped} flips were made`);
}

/**
 * Delivered, only with a 2xx. Dead in spite of one, only when a sender was cut off from writing it down, or when two sent at
 * once around a change of owner and the failure was written first.
 */
function checkStory({ _id, state, generation, attempts }: DeliveryDocument, ledger: Ledger): void {
  if (state === 'delivered') must(attempts.at(-1)?.status === 200, `${_id} is delivered and its last attempt is no 2xx`);
  else must(isExcused(ledger.of(_id, generation)), `${_id} is ${state}, and a 2xx of that generation was heard`);
}

const isExcused = (requests: readonly Request[]): boolean => requests.every(({ status }) => status !== 200) || requests.some(({ excused }) => excused);
