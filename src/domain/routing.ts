/**
 * Who an event is owed to, by its type. What was found for a type is remembered: types repeat from event to event, and a
 * thousand targets would be asked for each. Built anew whenever targets change.
 */
import type { TargetId } from './ids.ts';
import { resolveTargets, type Target } from './target.ts';

export type Routing = (type: string | null) => readonly TargetId[];

/** Types are the producers' words, so there may be any number of them. */
const MOST_REMEMBERED = 10_000;

export function createRouting(targets: readonly Target[]): Routing {
  const known = new Map<string | null, readonly TargetId[]>();
  return (type) => {
    const remembered = known.get(type);
    if (remembered !== undefined) return remembered;
    if (known.size >= MOST_REMEMBERED) known.clear();
    const found = resolveTargets(targets, type);
    known.set(type, found);
    return found;
  };
}
