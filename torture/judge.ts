/**
 * Three ledgers → one judgement. Nothing is lost when every event that was acknowledged, and every one that is stored, has come
 * to all its targets and says so in the database; every disagreement between the ledgers is a fault of its own. Pure.
 */
import { eventStatusOf } from '../src/domain/event-status.ts';
import { targetsOfType, type Target } from '../src/domain/target.ts';
import { duplicatesAmong } from './duplicates.ts';
import { isRefusal, isSuccess, type Ledgers, type Received, type StoredDelivery, type StoredEvent } from './ledger.ts';
import { longerOf, longestStall, outsideRests, owedSpans, type Owed, type Rest, type Stall } from './stalls.ts';
import { isTooTight, tightestWindow, toleranceMs, type Tightest } from './windows.ts';

export interface Terms {
  readonly targets: readonly Target[];
  readonly allowedDuplicates: number;
  readonly startedAtMs: number;
  /** When the last fault was over. */
  readonly healedAtMs: number;
  readonly endedAtMs: number;
  readonly thawedAtMs: readonly number[];
  /** When breakers were open. */
  readonly rests: readonly Rest[];
  /** How late this machine ran timers of its own. */
  readonly lateMs: number;
}

export interface Judgement {
  /** Events answered 202; events never acknowledged, which may be stored or not. */
  readonly accepted: number;
  readonly unknown: number;
  /** Events that came to all their targets, or to those that did not refuse them. */
  readonly delivered: number;
  /** Of the delivered: those that a receiver refused for good, which end as dead letters. */
  readonly refused: number;
  readonly lost: number;
  readonly requests: number;
  readonly duplicates: number;
  readonly allowed: number;
  readonly longestStall: Stall | null;
  readonly stallAfterFaults: Stall | null;
  /** Of the limited targets. */
  readonly tightest: Tightest | null;
  /** What is wrong, one line each; the first few of each kind. */
  readonly faults: readonly string[];
}

const MOST_OF_A_KIND = 5;

/** Collects lines, and counts those it does not keep. */
class Faults {
  readonly #kinds = new Map<string, string[]>();

  add(kind: string, detail: string): void {
    const details = this.#kinds.get(kind);
    if (details === undefined) this.#kinds.set(kind, [detail]);
    else details.push(detail);
  }

  lines(): readonly string[] {
    return [...this.#kinds].map(([kind, details]) => {
      const more = details.length > MOST_OF_A_KIND ? ` and ${details.length - MOST_OF_A_KIND} more` : '';
      return `${kind}: ${details.slice(0, MOST_OF_A_KIND).join(', ')}${more}`;
    });
  }
}

interface Books {
  readonly ledgers: Ledgers;
  readonly terms: Terms;
  readonly events: ReadonlyMap<string, StoredEvent>;
  readonly deliveries: ReadonlyMap<string, StoredDelivery>;
  /** By delivery, in the order of arrival. */
  readonly requests: ReadonlyMap<string, readonly Received[]>;
  readonly faults: Faults;
}

export function judge(ledgers: Ledgers, terms: Terms): Judgement {
  const books: Books = {
    ledgers, terms,
    events: new Map(ledgers.events.map((event) => [event.id, event])),
    deliveries: new Map(ledgers.deliveries.map((delivery) => [delivery.id, delivery])),
    requests: byDelivery(ledgers.received),
    faults: new Faults(),
  };
  const missing = missingEvents(books);
  const complete = ledgers.events.filter((event) => isComplete(event, books));
  findStrangers(books);
  findLateFailures(books);
  const duplicates = [...books.requests.values()].reduce((sum, requests) => sum + duplicatesAmong(requests).length, 0);
  if (duplicates > terms.allowedDuplicates) books.faults.add('more duplicates than allowed', `${duplicates} of at most ${terms.allowedDuplicates}`);
  const accepted = ledgers.offers.filter((offer) => offer.accepted !== null).length;
  return {
    accepted,
    unknown: ledgers.offers.length - accepted,
    delivered: complete.length,
    refused: complete.filter(({ status }) => status === 'FAILED_PERMANENTLY').length,
    lost: missing + ledgers.events.length - complete.length,
    requests: ledgers.received.length,
    duplicates,
    allowed: terms.allowedDuplicates,
    ...stallsOf(books),
    tightest: tightestOf(books),
    faults: books.faults.lines(),
  };
}

function byDelivery(received: readonly Received[]): ReadonlyMap<string, readonly Received[]> {
  const requests = new Map<string, Received[]>();
  for (const request of received.toSorted((a, b) => a.atMs - b.atMs)) {
    const id = `${request.eventId}/${request.targetId}`;
    const known = requests.get(id);
    if (known === undefined) requests.set(id, [request]);
    else known.push(request);
  }
  return requests;
}

/** Acknowledged, and not there: the one thing that must never be. */
function missingEvents({ ledgers, events, faults }: Books): number {
  let missing = 0;
  for (const { accepted, key } of ledgers.offers) {
    if (accepted === null || events.get(accepted.id)?.key === key) continue;
    missing += 1;
    faults.add('acknowledged and not stored', accepted.id);
  }
  return missing;
}

/** Whether every ledger says of an event that it is done with. */
function isComplete(event: StoredEvent, books: Books): boolean {
  const { terms, faults, deliveries } = books;
  const wanted = targetsOfType(terms.targets, event.type).map(({ id }) => id);
  const routed = wanted.length === event.targetIds.length && wanted.every((id) => event.targetIds.includes(id));
  if (!routed) faults.add('owed to the wrong targets', `${event.id} to ${event.targetIds.join(' ')}`);
  const done = event.targetIds.map((targetId) => isDone(event, `${event.id}/${targetId}`, books)).every(Boolean);
  const own = event.targetIds.flatMap((targetId) => deliveries.get(`${event.id}/${targetId}`) ?? []);
  const status = eventStatusOf(event.targetIds.length, own);
  if (event.status !== status || event.pending) faults.add('wrong status word', `${event.id} ${event.status}${event.pending ? ' and pending' : ''}, expected ${status}`);
  return routed && done && event.status === status && !event.pending;
}

function isDone(event: StoredEvent, id: string, { deliveries, requests, faults }: Books): boolean {
  const delivery = deliveries.get(id);
  const came = requests.get(id) ?? [];
  const altered = came.some(({ fingerprint }) => fingerprint !== event.fingerprint);
  if (altered) faults.add('came with other bytes', id);
  const fault = delivery === undefined ? 'no delivery document' : faultOf(delivery, came);
  if (fault !== null) faults.add(fault, id);
  return fault === null && !altered;
}

/** The delivery's state against what its receiver answered. */
function faultOf({ state }: StoredDelivery, came: readonly Received[]): string | null {
  const succeeded = came.some(({ answer }) => isSuccess(answer));
  const refused = came.some(({ answer }) => isRefusal(answer));
  if (state === 'ready' || state === 'waiting') return `not settled (${state})`;
  if (state === 'delivered') return succeeded ? null : 'delivered, and no 2xx was given';
  if (succeeded) return 'dead, and a 2xx was given';
  return refused ? null : 'dead, and the receiver did not refuse it';
}

/** What came to a receiver or is written as owed, and belongs to no stored event. */
function findStrangers({ ledgers, events, requests, faults }: Books): void {
  for (const id of requests.keys()) if (!events.has(id.split('/')[0] ?? '')) faults.add('received and not stored', id);
  for (const { id, eventId, targetId } of ledgers.deliveries) if (events.get(eventId)?.targetIds.includes(targetId) !== true) faults.add('delivery of no event', id);
}

/** A failure that was written after the delivery had moved on repeats a number, and its delivery then skips one. */
function findLateFailures({ ledgers, faults }: Books): void {
  for (const { id, failures } of ledgers.deliveries) {
    if (failures.some((number, index) => index > 0 && number !== (failures[index - 1] ?? 0) + 1)) faults.add('failures out of turn', `${id} (${failures.join(' ')})`);
  }
}

function stallsOf(books: Books): Pick<Judgement, 'longestStall' | 'stallAfterFaults'> {
  const { ledgers, terms: { targets, rests, startedAtMs, healedAtMs, endedAtMs } } = books;
  const acceptedAt = new Map(ledgers.offers.flatMap(({ accepted }) => (accepted === null ? [] : [[accepted.id, accepted.atMs] as const])));
  const owed = targets.map((target) => ({ id: target.id, spans: outsideRests(owedTo(target, acceptedAt, books), rests.filter(({ targetId }) => targetId === target.id)) }));
  const longestFrom = (fromMs: number): Stall | null =>
    owed.map(({ id, spans }) => longestStall(id, spans, arrivalsAt(ledgers, id), [fromMs, endedAtMs])).reduce<Stall | null>(longerOf, null);
  return { longestStall: longestFrom(startedAtMs), stallAfterFaults: longestFrom(healedAtMs) };
}

function owedTo({ id, retry }: Target, acceptedAt: ReadonlyMap<string, number>, { ledgers, requests }: Books): readonly Owed[] {
  const own = ledgers.events.filter(({ targetIds }) => targetIds.includes(id));
  return own.flatMap((event) => {
    const atMs = acceptedAt.get(event.id);
    return atMs === undefined ? [] : owedSpans(atMs, requests.get(`${event.id}/${id}`) ?? [], retry.scheduleMs);
  });
}

const arrivalsAt = ({ received }: Ledgers, target: string): readonly number[] => received.filter(({ targetId }) => targetId === target).map(({ atMs }) => atMs).sort((a, b) => a - b);

function tightestOf({ ledgers, terms, faults }: Books): Tightest | null {
  const limited = terms.targets.filter(({ limits }) => limits.ratePerSecond > 0);
  const all = limited.map(({ id, limits }) => ({ id, window: tightestWindow(arrivalsAt(ledgers, id), limits.ratePerSecond, terms.thawedAtMs) }));
  for (const { id, window } of all) if (isTooTight(window, terms.lateMs)) faults.add('more than the limit in one second', `${id}, ${window.ms.toFixed(0)} ms at ${window.atMs.toFixed(0)}, tolerance ${toleranceMs(terms.lateMs).toFixed(0)} ms`);
  return all.map(({ window }) => window).reduce<Tightest | null>((least, window) => (least === null || window.ms < least.ms ? window : least), null);
}
