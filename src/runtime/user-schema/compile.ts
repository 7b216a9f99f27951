/**
 * A user's schema → its validator, each by an Ajv of its own: one that is shared would remember every schema it has ever seen.
 * Stops at the first fault, as ours do (decision 0001); of alternatives each one's first is told.
 */
import { Ajv, type ErrorObject } from 'ajv';
import type { SchemaFault, Validator } from '../schema.ts';

const MAX_FAULTS = 10;
/** Pointers and messages hold names from the body, which may be long. */
const MAX_CHARACTERS = 256;

const OPTIONS = {
  strictSchema: true, strictNumbers: true, strictTypes: false, strictTuples: false, strictRequired: false,
  allErrors: false, coerceTypes: false, useDefaults: false, ownProperties: true, verbose: false, addUsedSchema: false, logger: false,
} as const;

/** @param proven whether it is known to be a schema: it is not checked again then @throws Error when it is none */
export function compileUserSchema(schema: object, { proven }: { readonly proven: boolean }): Validator<unknown> {
  const validate = new Ajv({ ...OPTIONS, validateSchema: !proven, meta: !proven }).compile(schema);
  return (value) => (validate(value) ? { ok: true, value } : { ok: false, faults: (validate.errors ?? []).slice(0, MAX_FAULTS).map(toFault) });
}

const toFault = ({ instancePath, message }: ErrorObject): SchemaFault => ({ pointer: instancePath.slice(0, MAX_CHARACTERS), message: (message ?? 'is not valid').slice(0, MAX_CHARACTERS) });
