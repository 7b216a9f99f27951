/**
 * Who an event is owed to: by its type, and where one of those targets has a filter, by its body. What was found for a type is
 * remembered: types repeat from event to event, and a thousand targets would be asked for each. Built anew whenever targets
 * change. A body is parsed once an event, and only when somebody's filter asks for it.
 */
import type { IncomingEvent } from './event.ts';
import { compileFilter, type Accepts } from './filter.ts';
import type { TargetId } from './ids.ts';
import { targetsOfType, type Target } from './target.ts';

export type Routing = (event: Pick<IncomingEvent, 'type' | 'body'>) => readonly TargetId[];

interface Route {
  readonly id: TargetId;
  /** Null: whatever is in it. */
  readonly accepts: Accepts | null;
}

/** Of one type: the ids when none of its targets looks into bodies, else each with its filter. */
type Routes = { readonly ids: readonly TargetId[] } | { readonly routes: readonly Route[] };

/** Types are the producers' words, so there may be any number of them. */
const MOST_REMEMBERED = 10_000;

export function createRouting(targets: readonly Target[]): Routing {
  const known = new Map<string | null, Routes>();
  const filters = new Map(targets.flatMap(({ id, filter }) => (filter === null ? [] : [[id, compileFilter(filter)] as const])));

  function find(type: string | null): Routes {
    const ids = targetsOfType(targets, type).map(({ id }) => id);
    return ids.some((id) => filters.has(id)) ? { routes: ids.map((id) => ({ id, accepts: filters.get(id) ?? null })) } : { ids };
  }

  function routesOf(type: string | null): Routes {
    const remembered = known.get(type);
    if (remembered !== undefined) return remembered;
    if (known.size >= MOST_REMEMBERED) known.clear();
    const found = find(type);
    known.set(type, found);
    return found;
  }

  return ({ type, body }) => {
    const routes = routesOf(type);
    return 'ids' in routes ? routes.ids : accepting(routes.routes, body);
  };
}

function accepting(routes: readonly Route[], bytes: Uint8Array): readonly TargetId[] {
  const body = parse(bytes);
  return routes.filter(({ accepts }) => accepts === null || (body !== NOT_JSON && accepts(body))).map(({ id }) => id);
}

/** No filter accepts what it cannot look into, not even one that says `not`. */
const NOT_JSON = Symbol('not JSON');

function parse(body: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8'));
  } catch {
    return NOT_JSON;
  }
}
