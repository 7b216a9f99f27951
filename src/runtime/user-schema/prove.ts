/**
 * Proves that a user's schema can be compiled in a moment, in a thread that is ended otherwise, before it is accepted. Validators
 * cannot leave their thread, so each server compiles an accepted schema once more for itself, when its first event comes:
 * that takes no longer than what was proven, and what it runs on is bounded (limits.ts). Validating in the thread instead would
 * cost each event two copies and a turn there, behind the events of every other source.
 */
import { Worker } from 'node:worker_threads';
import type { Clock } from '../clock.ts';
import { messageOf } from '../errors.ts';
import type { SchemaFault } from '../schema.ts';
import { schemaFault } from './limits.ts';
import type { WorkerAnswer } from './worker.ts';

/** Answers what is wrong with a schema, or null. */
export type ProveSchema = (schema: Readonly<Record<string, unknown>>) => Promise<SchemaFault | null>;

const COMPILE_MS = 250;
/** Starting the thread is no fault of the schema. */
const START_MS = 15_000;
/** The `--import tsx` that programs are started with does nothing in a thread, so it registers itself there by its own call. */
const BOOTSTRAP = "import('tsx/esm/api').then(({ register }) => { register(); return import(require('node:worker_threads').workerData); })";
const LARGEST_HEAP_MIB = 128;
const MAX_CHARACTERS = 500;

/** One at a time, so that many changes at once cost one thread. */
export function createSchemaProof(clock: Clock, compileMs: number = COMPILE_MS): ProveSchema {
  let last: Promise<unknown> = Promise.resolve();
  return async (schema) => {
    const fault = schemaFault(schema);
    if (fault !== null) return fault;
    const proof = last.then(() => compileApart(clock, schema, compileMs));
    last = proof.catch(() => undefined);
    return proof;
  };
}

/** @throws Error when the thread cannot be started */
async function compileApart(clock: Clock, schema: object, compileMs: number): Promise<SchemaFault | null> {
  const worker = new Worker(BOOTSTRAP, { eval: true, execArgv: [], workerData: new URL('./worker.ts', import.meta.url).href, resourceLimits: { maxOldGenerationSizeMb: LARGEST_HEAP_MIB } });
  let callOff = (): void => undefined;
  try {
    return await new Promise<SchemaFault | null>((resolve, reject) => {
      callOff = clock.after(START_MS, () => reject(new Error(`Expected a thread within ${START_MS} ms, got none`)));
      worker.on('error', (error) => resolve(fault(`cannot be compiled: ${messageOf(error)}`)));
      worker.on('message', (answer: WorkerAnswer) => {
        callOff();
        if (answer.kind === 'refused') resolve(fault(`is no schema that can be used: ${answer.message}`));
        else if (answer.kind === 'compiled') resolve(null);
        else {
          callOff = clock.after(compileMs, () => resolve(fault(`takes longer than ${compileMs} ms to be compiled`)));
          worker.postMessage(schema);
        }
      });
    });
  } finally {
    callOff();
    await worker.terminate();
  }
}

const fault = (message: string): SchemaFault => ({ pointer: '', message: message.slice(0, MAX_CHARACTERS) });
