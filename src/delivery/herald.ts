/**
 * Stores what operators are told of a target as a normal event, durably and before the change it tells of is written down: a
 * crash in between repeats it under the same key, and what is there already is left as it is.
 */
import type { HookEvent } from '../domain/event.ts';
import { newEventId } from '../domain/ids.ts';
import { ownEvent } from '../domain/own-event.ts';
import { newsBodyOf, newsKeyOf, newsTypeOf, type TargetNews } from '../domain/target-news.ts';
import type { Persist } from '../runtime/persist.ts';
import { insertEvents } from '../store/events.ts';
import type { Store } from '../store/store.ts';
import type { TargetBook } from '../store/target-book.ts';

export interface HeraldDeps {
  readonly store: Store;
  readonly persist: Persist;
  readonly targets: Pick<TargetBook, 'routesOf'>;
}

export type Tell = (news: TargetNews) => Promise<void>;

export function createHerald({ store, persist, targets }: HeraldDeps): Tell {
  return async (news) => {
    const event = eventOf(news, targets);
    await persist('target news', () => insertEvents(store, [event]));
  };
}

function eventOf(news: TargetNews, targets: HeraldDeps['targets']): HookEvent {
  const [type, body] = [newsTypeOf(news.kind), Buffer.from(JSON.stringify(newsBodyOf(news)))];
  return ownEvent({ id: newEventId(news.at.getTime()), idempotencyKey: newsKeyOf(news), type, body, targetIds: targets.routesOf({ type, body }), at: news.at });
}
