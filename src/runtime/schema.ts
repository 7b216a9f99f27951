/**
 * The one Ajv instance, strict, with the first fault told the way people need it: where, and what was expected. Only the
 * first, since collecting all of them on hostile input costs without bound.
 * Schemas are written by us only; a schema is as trusted as code (ajv documentation, "Security considerations").
 */
import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';

const ajv = new Ajv({ strict: true, allowUnionTypes: true, allErrors: false, coerceTypes: false, ownProperties: true, verbose: true });

export interface SchemaFault {
  /** JSON Pointer (RFC 6901) to the value at fault; empty for the whole document. */
  readonly pointer: string;
  readonly message: string;
}

export type Validator<T> = (value: unknown) => { readonly ok: true; readonly value: T } | { readonly ok: false; readonly faults: readonly SchemaFault[] };

/** Compiles a schema once, at start. `T` is the caller's word for what the schema proves. */
export function compileSchema<T>(schema: object): Validator<T> {
  const validate: ValidateFunction<T> = ajv.compile<T>(schema);
  return (value) => (validate(value) ? { ok: true, value } : { ok: false, faults: (validate.errors ?? []).map(toFault) });
}

const toFault = ({ instancePath, message, params }: ErrorObject): SchemaFault => {
  const named: unknown = params['allowedValues'] ?? params['additionalProperty'];
  return { pointer: instancePath, message: `${message ?? 'is not valid'}${named === undefined ? '' : `: ${JSON.stringify(named)}`}` };
};
