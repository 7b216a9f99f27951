/**
 * All targets, in memory, as the database last told; each listener hears of every refresh. Whoever has a change stream refreshes
 * when it says that targets have changed, anybody else by asking now and then whether they have.
 */
import type { TargetId } from '../domain/ids.ts';
import { createRouting, type Routing } from '../domain/routing.ts';
import type { Target } from '../domain/target.ts';
import type { Store } from './store.ts';
import { listTargets, targetVersions } from './targets.ts';

export class TargetBook {
  readonly #store: Store;
  readonly #listeners = new Set<() => void>();
  #targets: ReadonlyMap<TargetId, Target> = new Map();
  #list: readonly Target[] = [];
  #routing: Routing = createRouting([]);

  constructor(store: Store) {
    this.#store = store;
  }

  all(): readonly Target[] {
    return this.#list;
  }

  get(id: TargetId): Target | null {
    return this.#targets.get(id) ?? null;
  }

  /** The targets that this event is owed to. */
  routesOf(event: Parameters<Routing>[0]): readonly TargetId[] {
    return this.#routing(event);
  }

  onRefresh(listener: () => void): void {
    this.#listeners.add(listener);
  }

  async refresh(): Promise<void> {
    this.#list = await listTargets(this.#store);
    this.#targets = new Map(this.#list.map((target) => [target.id, target]));
    this.#routing = createRouting(this.#list);
    for (const listener of this.#listeners) listener();
  }

  /** Reads all only when a version tells of a change. */
  async refreshIfChanged(): Promise<void> {
    const versions = await targetVersions(this.#store);
    const isSame = versions.size === this.#targets.size && [...versions].every(([id, version]) => this.#targets.get(id)?.version === version);
    if (!isSame) await this.refresh();
  }
}
