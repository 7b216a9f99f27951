/** The sources of this server by name, as they stood less than a second ago, each made ready when its first request comes. */
import type { Source } from '../domain/source.ts';
import { Problem } from '../http/problem.ts';
import { atMost } from '../runtime/at-most.ts';
import type { Clock } from '../runtime/clock.ts';
import { createValidators } from '../runtime/user-schema/validators.ts';
import type { SourceBook } from '../store/source-book.ts';
import { createFresh } from './fresh.ts';
import { createLiveSource, type LiveSource } from './live-source.ts';

export interface SourceDesk {
  /** Null when there is none of this name. @throws Problem `unavailable` when the database does not tell in time */
  find(name: string): Promise<LiveSource | null>;
}

/** What is left of the 2.5 s in which a sender hears is for the event. */
const WAIT_AT_MOST_MS = 1_000;
const RETRY_AFTER_S = 5;

export function createSourceDesk(clock: Clock, book: Pick<SourceBook, 'get' | 'refreshIfChanged'>): SourceDesk {
  const fresh = createFresh({ clock, refreshIfChanged: () => book.refreshIfChanged(), value: book, what: 'sources' });
  const validators = createValidators();
  /** Those that are gone, or have changed, go with their objects. */
  const ready = new WeakMap<Source, LiveSource>();

  async function wait(told: Promise<unknown>): Promise<void> {
    const answers: unknown[] = [];
    await atMost(clock, WAIT_AT_MOST_MS, told.then((answer) => answers.push(answer)));
    if (answers.length === 0) throw new Problem('unavailable', 'The database did not tell which sources there are. Send it again with the same key', { retryAfterS: RETRY_AFTER_S });
  }

  return {
    async find(name) {
      const known = fresh();
      if (known instanceof Promise) await wait(known);
      const source = book.get(name);
      if (source === null) return null;
      const live = ready.get(source) ?? createLiveSource(source, validators);
      ready.set(source, live);
      return live;
    },
  };
}
