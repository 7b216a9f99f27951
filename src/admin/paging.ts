/** Pages by key: so many after the one that came last. Nothing is skipped or told twice, whatever is added meanwhile. */
import type { JsonSchema } from '../http/operation.ts';
import { Problem } from '../http/problem.ts';
import { createQueryReader, type QueryReader } from '../http/query.ts';

const DEFAULT_LIMIT = 50;
const MOST = 100;

export const PAGE_QUERY: Readonly<Record<string, JsonSchema>> = {
  limit: { type: 'integer', minimum: 1, maximum: MOST, default: DEFAULT_LIMIT },
  after: { type: 'string', maxLength: 255, description: 'Where the page before ended, as it told' },
};

export interface PageQuery<Id> {
  readonly limit: number;
  readonly after: Id | null;
}

/** Reads which page is asked for, of things with such ids, and what else the query may tell: `more`. The reader throws Problem `invalid_query`. */
export function createPageReader<Id extends string, More extends object = object>(isId: (text: string) => text is Id, more: Readonly<Record<string, JsonSchema>> = {}): QueryReader<PageQuery<Id> & More> {
  const read = createQueryReader<Partial<PageQuery<string>> & More>({ ...more, ...PAGE_QUERY });
  return (context) => {
    const query = read(context);
    const { limit = DEFAULT_LIMIT, after = null } = query;
    if (after !== null && !isId(after)) throw new Problem('invalid_query', 'after: expected where the page before ended, as it told, got something else');
    return { ...query, limit, after };
  };
}

/** One page of what was found, and where it ends: null on the last. `find` is asked for one more than fits, which tells whether another follows. */
export async function pageOf<Item, Id>({ limit }: PageQuery<Id>, find: (limit: number) => Promise<readonly Item[]>, idOf: (item: Item) => Id): Promise<{ readonly page: readonly Item[]; readonly after: Id | null }> {
  const found = await find(limit + 1);
  const page = found.slice(0, limit);
  const last = page.at(-1);
  return { page, after: found.length > limit && last !== undefined ? idOf(last) : null };
}
