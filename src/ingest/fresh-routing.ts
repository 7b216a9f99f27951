/** Who events are owed to, by targets that were never older than a second when the question came up (fresh.ts). */
import type { Routing } from '../domain/routing.ts';
import type { Clock } from '../runtime/clock.ts';
import type { TargetBook } from '../store/target-book.ts';
import { createFresh } from './fresh.ts';

export interface FreshRouting {
  /** At once when what is known is fresh enough. @throws Error when nobody tells in time */
  routing(): Routing | Promise<Routing>;
}

export function createFreshRouting(clock: Clock, book: Pick<TargetBook, 'refreshIfChanged' | 'routesOf'>): FreshRouting {
  const value: Routing = (event) => book.routesOf(event);
  return { routing: createFresh({ clock, refreshIfChanged: () => book.refreshIfChanged(), value, what: 'targets' }) };
}
