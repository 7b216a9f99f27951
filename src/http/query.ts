/** The query of a request, checked against the schemas that the route's `Operation` tells. Each name once, and none that is not told. */
import type { Context } from 'hono';
import { compileSchema } from '../runtime/schema.ts';
import type { JsonSchema } from './operation.ts';
import { Problem } from './problem.ts';

/** @throws Problem `invalid_query` */
export type QueryReader<T> = (context: Context) => T;

/** Compiled once, at start. `T` is the caller's word for what the schemas prove. */
export function createQueryReader<T>(parameters: Readonly<Record<string, JsonSchema>>): QueryReader<T> {
  const validate = compileSchema<T>({ type: 'object', properties: parameters, additionalProperties: false });
  const known = Object.keys(parameters).join(', ');
  return (context) => {
    const given = Object.entries(context.req.queries());
    const query: Record<string, unknown> = {};
    for (const [name, [text = '', ...more]] of given) {
      const schema = Object.hasOwn(parameters, name) ? parameters[name] : undefined;
      if (schema === undefined || more.length > 0) throw new Problem('invalid_query', `Expected each of ${known} once at most, got others`);
      query[name] = valueOf(text, schema);
    }
    const checked = validate(query);
    if (!checked.ok) throw new Problem('invalid_query', 'Expected a query of the documented shape', { errors: checked.faults });
    return checked.value;
  };
}

/** A text stays one unless a number was asked for. */
const valueOf = (text: string, { type }: JsonSchema): unknown => ((type === 'integer' || type === 'number') && /^-?\d{1,15}$/.test(text) ? Number(text) : text);
