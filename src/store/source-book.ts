/** All sources, in memory, as the database last told: read as a whole only when an edition tells of a change. */
import type { Source } from '../domain/source.ts';
import { editionOf, listSources, sourceEditions } from './sources.ts';
import type { Store } from './store.ts';

export class SourceBook {
  readonly #store: Store;
  #sources: ReadonlyMap<string, Source> = new Map();

  constructor(store: Store) {
    this.#store = store;
  }

  /** The same object as long as nothing about it has changed. */
  get(name: string): Source | null {
    return this.#sources.get(name) ?? null;
  }

  async refreshIfChanged(): Promise<void> {
    const editions = await sourceEditions(this.#store);
    if (editions.size === this.#sources.size && [...editions].every(([name, edition]) => this.#isKnown(name, edition))) return;
    const fresh = await listSources(this.#store);
    this.#sources = new Map(fresh.map((source) => [source.name, this.#isKnown(source.name, editionOf(source)) ? (this.#sources.get(source.name) ?? source) : source]));
  }

  #isKnown(name: string, edition: string): boolean {
    const known = this.#sources.get(name);
    return known !== undefined && editionOf(known) === edition;
  }
}
