/** The thread in which a user's schema is compiled for the first time, to be ended when that takes too long. */
import { parentPort } from 'node:worker_threads';
import { messageOf } from '../errors.ts';
import { compileUserSchema } from './compile.ts';

export type WorkerAnswer = { readonly kind: 'ready' } | { readonly kind: 'compiled' } | { readonly kind: 'refused'; readonly message: string };

const say = (answer: WorkerAnswer): void => parentPort?.postMessage(answer);

parentPort?.on('message', (schema: object) => {
  try {
    compileUserSchema(schema, { proven: false })({});
    say({ kind: 'compiled' });
  } catch (error) {
    say({ kind: 'refused', message: messageOf(error) });
  }
});
// What Ajv does once is not to be counted against the schema.
compileUserSchema({ type: 'object' }, { proven: false })({});
say({ kind: 'ready' });
