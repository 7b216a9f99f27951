/**
 * All targets, in memory, as the database last told. Refreshed when the change stream says that targets have changed; each
 * listener hears of every refresh.
 */
import type { TargetId } from '../domain/ids.ts';
import type { Target } from '../domain/target.ts';
import type { Store } from './store.ts';
import { listTargets } from './targets.ts';

export class TargetBook {
  readonly #store: Store;
  readonly #listeners = new Set<() => void>();
  #targets: ReadonlyMap<TargetId, Target> = new Map();

  constructor(store: Store) {
    this.#store = store;
  }

  all(): readonly Target[] {
    return [...this.#targets.values()];
  }

  get(id: TargetId): Target | null {
    return this.#targets.get(id) ?? null;
  }

  onRefresh(listener: () => void): void {
    this.#listeners.add(listener);
  }

  async refresh(): Promise<void> {
    const targets = await listTargets(this.#store);
    this.#targets = new Map(targets.map((target) => [target.id, target]));
    for (const listener of this.#listeners) listener();
  }
}
