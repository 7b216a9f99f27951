/**
 * What a replay is about: the settled deliveries that fit, oldest event first, in pages. It goes through the deliveries of the
 * registered targets by their index, and never by the words on events, which may be late; nothing is read by skipping.
 */
import type { DeliveryState } from '../../src/domain/delivery.ts';
import { parseDeliveryId, type DeliveryId, type EventId, type TargetId } from '../../src/domain/ids.ts';
import { findDeliveries, findDeliveriesOfEvent } from '../../src/store/deliveries.ts';
import { eventsOfType, findSettled, findSettledAmong, type SettledDelivery } from '../../src/store/replay.ts';
import type { Store } from '../../src/store/store.ts';
import type { NamedId } from './options.ts';

export interface Search {
  /** Registered ones only: what is owed to a target that is gone would never be sent. */
  readonly targetIds: readonly TargetId[];
  readonly state: SettledDelivery['state'];
  readonly type: string | null;
  /** Bounds of ids, made from times. */
  readonly from: string | null;
  readonly before: string | null;
}

export interface VisitOptions {
  readonly limit: number;
  readonly signal: AbortSignal;
}

/** `more`: the limit was reached, and there are others that fit. */
export type VisitEnd = 'all' | 'more' | 'interrupted';

export type Pages = AsyncIterable<readonly SettledDelivery[]> | Iterable<readonly SettledDelivery[]>;

const PAGE = 1_000;
const TARGETS_AT_ONCE = 100;

/** Every settled delivery that fits; over more than 100 targets, oldest first within each hundred of them. */
export async function* searchAll(store: Store, search: Search): AsyncGenerator<readonly SettledDelivery[]> {
  for (const targetIds of chunks(search.targetIds, TARGETS_AT_ONCE)) {
    let after = search.from;
    for (let more = true; more; ) {
      const page: readonly SettledDelivery[] = await findSettled(store, { targetIds, state: search.state, after, before: search.before, limit: PAGE });
      yield await ofType(store, page, search.type);
      after = page.at(-1)?.id ?? after;
      more = page.length === PAGE;
    }
  }
}

/** Hands page after page to `visit`, until nothing is left, the limit is reached or the person has had enough. */
export async function visitPages(pages: Pages, { limit, signal }: VisitOptions, visit: (page: readonly SettledDelivery[]) => Promise<void>): Promise<VisitEnd> {
  let left = limit;
  for await (const page of pages) {
    const taken = page.slice(0, left);
    if (taken.length > 0) await visit(taken);
    if (signal.aborted) return 'interrupted';
    if (taken.length < page.length) return 'more';
    left -= taken.length;
  }
  return 'all';
}

export interface NamedSearch {
  readonly pages: readonly (readonly SettledDelivery[])[];
  /** Ids that a person named and that do not fit, each with the reason. */
  readonly misfits: readonly Misfit[];
}

export interface Misfit {
  readonly id: string;
  readonly why: string;
}

interface Known {
  readonly id: DeliveryId;
  readonly state: DeliveryState;
}

/** The deliveries named by their ids or by those of their events, as far as they fit. */
export async function searchNamed(store: Store, ids: readonly NamedId[], search: Search): Promise<NamedSearch> {
  const known = await findNamed(store, ids);
  const settled: SettledDelivery[] = [];
  for (const page of chunks([...new Set([...known.values()].flat().map(({ id }) => id))].toSorted(), PAGE)) {
    settled.push(...(await ofType(store, (await findSettledAmong(store, page)).filter((delivery) => fits(delivery, search)), search.type)));
  }
  const fitting = new Set(settled.map(({ id }) => id));
  const misfits = [...known].filter(([, found]) => !found.some(({ id }) => fitting.has(id))).map(([id, found]) => ({ id, why: misfitOf(found, search) }));
  return { pages: [...chunks(settled.toSorted(byId), PAGE)], misfits };
}

async function findNamed(store: Store, ids: readonly NamedId[]): Promise<ReadonlyMap<string, readonly Known[]>> {
  const known = new Map<string, readonly Known[]>();
  for (const named of ids) known.set(named.id, named.kind === 'event' ? await findDeliveriesOfEvent(store, named.id) : await findDeliveries(store, [named.id]));
  return known;
}

const fits = ({ id, state, targetId }: SettledDelivery, search: Search): boolean =>
  state === search.state && search.targetIds.includes(targetId) && (search.from === null || id > search.from) && (search.before === null || id < search.before);

function misfitOf(found: readonly Known[], { state, targetIds }: Search): string {
  if (found.length === 0) return 'nothing is known about it';
  const right = found.filter((delivery) => delivery.state === state);
  if (right.length === 0) return `it is ${[...new Set(found.map((delivery) => delivery.state))].join(' and ')}, not ${state}`;
  const reachable = right.some(({ id }) => targetIds.some((targetId) => targetId === parseDeliveryId(id)?.targetId));
  return reachable ? 'it is of another type or time' : 'its target is another one, or gone';
}

async function ofType(store: Store, page: readonly SettledDelivery[], type: string | null): Promise<readonly SettledDelivery[]> {
  if (type === null || type === '*' || page.length === 0) return page;
  const eventIds: ReadonlySet<EventId> = await eventsOfType(store, [...new Set(page.map(({ eventId }) => eventId))], type);
  return page.filter(({ eventId }) => eventIds.has(eventId));
}

const byId = (a: SettledDelivery, b: SettledDelivery): number => (a.id < b.id ? -1 : 1);

export function* chunks<T>(items: readonly T[], size: number): Generator<readonly T[]> {
  for (let start = 0; start < items.length; start += size) yield items.slice(start, start + size);
}
