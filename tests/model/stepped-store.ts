/**
 * The real store, with every statement a step. Nothing of a statement is changed but one thing: marks and tokens are written as
 * durably as the rest. Readers at majority see a quick write up to 100 ms late, and then the same script would not always give
 * the same order; what a lost quick write leaves behind is what a crash before it leaves behind.
 */
import { DURABLE, type Store } from '../../src/store/store.ts';
import type { Steps } from './steps.ts';

const WRITES: ReadonlySet<string | symbol> = new Set(['insertOne', 'insertMany', 'updateOne', 'updateMany', 'bulkWrite', 'findOneAndUpdate', 'deleteOne', 'deleteMany', 'replaceOne']);
const COMMANDS = ['insert', 'update'] as const;
const QUICK_WRITES: ReadonlySet<string | symbol> = new Set(['updateOne', 'updateMany']);
const READS: ReadonlySet<string | symbol> = new Set(['findOne', 'countDocuments']);
const CURSORS: ReadonlySet<string | symbol> = new Set(['find', 'aggregate']);

const durably = ([filter, update, options]: readonly unknown[]): unknown[] => [filter, update, { ...(options as object | undefined), writeConcern: DURABLE }];

type Method = (...values: readonly unknown[]) => unknown;

export interface SteppedStoreDeps {
  readonly store: Store;
  readonly steps: Steps;
  readonly actor: string;
  /** After each write, before its writer hears of it. */
  readonly onWritten: (label: string, result: unknown) => Promise<void>;
}

export function steppedStore({ store, steps, actor, onWritten }: SteppedStoreDeps): Store {
  const step = (label: string, statement: () => unknown, isWrite: boolean): Promise<unknown> =>
    steps.wait({ actor, label, act: async () => {
      try {
        const result = await statement();
        if (isWrite) await onWritten(label, result);
        return result;
      } catch (error) {
        if (isWrite) await onWritten(label, null);
        throw error;
      }
    } });

  function wrapCursor<Cursor extends object>(cursor: Cursor, label: string): Cursor {
    return new Proxy(cursor, { get(target, key) {
      const method = Reflect.get(target, key, target) as Method;
      if (key === 'toArray') return () => step(label, () => method.call(target), false);
      return (...values: readonly unknown[]) => wrapCursor(method.apply(target, [...values]) as Cursor, label);
    } });
  }

  function wrapCollection<Collection extends object>(collection: Collection, name: string): Collection {
    return new Proxy(collection, { get(target, key) {
      const value: unknown = Reflect.get(target, key, target);
      const label = `${name}.${String(key)}`;
      const call = (values: readonly unknown[]): unknown => (value as Method).apply(target, QUICK_WRITES.has(key) ? durably(values) : [...values]);
      if (CURSORS.has(key)) return (...values: readonly unknown[]) => wrapCursor(call(values) as object, label);
      if (WRITES.has(key) || READS.has(key)) return (...values: readonly unknown[]) => step(label, () => call(values), WRITES.has(key));
      throw new Error(`Expected only statements that are steps, got ${label}`);
    } });
  }

  /** Inserts and some updates are commands of the database itself; whatever else is asked of it is no step. */
  function wrapDatabase<Database extends object>(database: Database): Database {
    return new Proxy(database, { get(target, key) {
      const value: unknown = Reflect.get(target, key, target);
      if (typeof value !== 'function') return value;
      const call = (values: readonly unknown[]): unknown => (value as Method).apply(target, [...values]);
      return (...values: readonly unknown[]) => {
        const command = key === 'command' ? (values[0] as Readonly<Record<string, unknown>>) : {};
        const verb = COMMANDS.find((name) => name in command);
        return verb === undefined ? call(values) : step(`${String(command[verb])}.${verb}`, () => call(values), true);
      };
    } });
  }

  const { db, vault, ...collections } = store;
  const wrapped = Object.fromEntries(Object.entries(collections).map(([name, collection]) => [name, wrapCollection(collection as object, name)]));
  return { db: wrapDatabase(db), vault, ...wrapped } as unknown as Store;
}
