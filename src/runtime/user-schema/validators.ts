/** Validators of proven schemas, compiled when first asked for; those asked for last are kept. */
import { createHash } from 'node:crypto';
import type { Validator } from '../schema.ts';
import { compileUserSchema } from './compile.ts';

const MOST_KEPT = 500;

export interface Validators {
  /** @throws Error when the schema cannot be compiled after all */
  of(schema: object, hash: string): Validator<unknown>;
}

/** By which equal schemas share a validator. */
export const schemaHash = (schema: object): string => createHash('sha256').update(JSON.stringify(schema)).digest('base64');

export function createValidators(mostKept: number = MOST_KEPT): Validators {
  /** The one asked for longest ago first. */
  const kept = new Map<string, Validator<unknown>>();
  return {
    of(schema, hash) {
      const found = kept.get(hash);
      if (found !== undefined) kept.delete(hash);
      const validator = found ?? compileUserSchema(schema, { proven: true });
      kept.set(hash, validator);
      const [oldest] = kept.keys();
      if (kept.size > mostKept && oldest !== undefined) kept.delete(oldest);
      return validator;
    },
  };
}
