/**
 * What MongoDB's errors mean to us. Codes are from the server's error_codes.yml; which of them pass by themselves is the
 * driver's own list of retryable write errors (mongodb/node-mongodb-native src/error.ts).
 */
import { MongoBulkWriteError, MongoError, MongoNetworkError, MongoServerError, MongoServerSelectionError } from 'mongodb';

const DUPLICATE_KEY = 11_000;

/**
 * Waits for an unordered `insertMany` and answers the indexes that were refused because their key exists already.
 * Anything else that went wrong, a write concern not met included, is thrown.
 */
export async function duplicatesOf(insert: Promise<unknown>): Promise<readonly number[]> {
  try {
    await insert;
    return [];
  } catch (error) {
    if (!(error instanceof MongoBulkWriteError) || error.result.getWriteConcernError() !== undefined) throw error;
    const writeErrors = [error.writeErrors].flat();
    if (writeErrors.length === 0 || writeErrors.some(({ code }) => code !== DUPLICATE_KEY)) throw error;
    return writeErrors.map(({ index }) => index);
  }
}

/** Whether a write was refused because its key exists already. */
export const isDuplicateKey = (error: unknown): boolean => error instanceof MongoServerError && error.code === DUPLICATE_KEY;

/** Whether waiting can help: no primary, a cut connection, a server on its way down or out of its role. */
export function isTransient(error: unknown): boolean {
  if (error instanceof MongoNetworkError || error instanceof MongoServerSelectionError) return true;
  if (error instanceof MongoBulkWriteError && error.result.getWriteConcernError() !== undefined) return true;
  if (error instanceof MongoServerError) return error.hasErrorLabel('RetryableWriteError') || TRANSIENT_CODES.has(Number(error.code));
  return error instanceof MongoError && /pool|closed|interrupted|timed out/i.test(error.message);
}

/** Not primary, shutting down, stepped down, interrupted, write concern timeout. */
const TRANSIENT_CODES: ReadonlySet<number> = new Set([43, 64, 89, 91, 133, 189, 234, 262, 317, 358, 9001, 10_107, 11_600, 11_602, 13_388, 13_435, 13_436]);
