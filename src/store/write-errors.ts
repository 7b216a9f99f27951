/**
 * What MongoDB's errors mean to us. Codes are from the server's error_codes.yml; which of them pass by themselves is the
 * driver's own list of retryable write errors (mongodb/node-mongodb-native src/error.ts).
 */
import { MongoBulkWriteError, MongoError, MongoNetworkError, MongoServerError, MongoServerSelectionError, MongoWriteConcernError } from 'mongodb';

const DUPLICATE_KEY = 11_000;

/** What a reply says of one document that was not written. */
export interface WriteFault {
  readonly index: number;
  readonly code: number;
  readonly errmsg?: string;
}

export const isDuplicateReply = ({ code }: WriteFault): boolean => code === DUPLICATE_KEY;

/** The server refused a document for another reason than that its key exists. */
export class WriteRefusedError extends Error {
  override readonly name = 'WriteRefusedError';
  readonly code: number;

  constructor({ code, errmsg = 'without a reason' }: WriteFault) {
    super(`MongoDB refused a document (${code}): ${errmsg}`);
    this.code = code;
  }
}

/** Whether a write was refused because its key exists already. */
export const isDuplicateKey = (error: unknown): boolean => error instanceof MongoServerError && error.code === DUPLICATE_KEY;

/** Whether waiting can help: no primary, a cut connection, a server on its way down or out of its role. */
export function isTransient(error: unknown): boolean {
  if (error instanceof MongoNetworkError || error instanceof MongoServerSelectionError) return true;
  if (error instanceof MongoWriteConcernError || (error instanceof MongoBulkWriteError && error.result.getWriteConcernError() !== undefined)) return true;
  if (error instanceof WriteRefusedError) return TRANSIENT_CODES.has(error.code);
  if (error instanceof MongoServerError) return error.hasErrorLabel('RetryableWriteError') || TRANSIENT_CODES.has(Number(error.code));
  return error instanceof MongoError && /pool|closed|interrupted|timed out/i.test(error.message);
}

/** Whether another primary, or the same one by another connection, may take it at once: nobody has waited for anything in vain yet. */
export function isWorthRepeating(error: unknown): boolean {
  if (error instanceof MongoServerSelectionError || error instanceof MongoWriteConcernError) return false;
  return error instanceof MongoNetworkError || (error instanceof MongoServerError && TRANSIENT_CODES.has(Number(error.code)));
}

/** Not primary, shutting down, stepped down, interrupted, write concern timeout. */
const TRANSIENT_CODES: ReadonlySet<number> = new Set([43, 64, 89, 91, 133, 189, 234, 262, 317, 358, 9001, 10_107, 11_600, 11_602, 13_388, 13_435, 13_436]);
