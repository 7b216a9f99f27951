/**
 * What an error of a change stream means. The driver resumes one network failure by itself; everything else ends the stream
 * and is decided here. Codes: server error_codes.yml; the damaged-token codes were measured on 6.0.5.
 */
import { MongoError, MongoServerError } from 'mongodb';
import { isTransient } from './write-errors.ts';

/**
 * `passing`: open again from where we were. `historyLost`: the place to resume from is useless, now and for ever.
 * `fatal`: no waiting helps.
 */
export type StreamFault = 'passing' | 'historyLost' | 'fatal';

/** ChangeStreamHistoryLost, ChangeStreamFatalError, InvalidResumeToken. */
const DEAD_TOKEN_CODES: ReadonlySet<number> = new Set([286, 280, 260]);
/** Unauthorized, AuthenticationFailed, IllegalOperation (not a replica set), and its older code. */
const FATAL_CODES: ReadonlySet<number> = new Set([13, 18, 20, 40_573]);
/** CursorNotFound, CursorKilled, Interrupted, ExceededTimeLimit, BSONObjectTooLarge: of the stream, not of its token. */
const CURSOR_CODES: ReadonlySet<number> = new Set([43, 237, 11_601, 50, 262, 10_334]);

/**
 * @param resuming whether the error came while opening with a token that has not yet proved good. Damaged tokens fail with
 * many codes (50811, 9, 40647, …), so then every error that does not pass by itself counts as a dead token.
 */
export function streamFaultOf(error: unknown, resuming: boolean): StreamFault {
  const code = error instanceof MongoServerError ? Number(error.code) : NaN;
  if (DEAD_TOKEN_CODES.has(code)) return 'historyLost';
  if (FATAL_CODES.has(code)) return 'fatal';
  if (CURSOR_CODES.has(code) || isTransient(error)) return 'passing';
  return resuming && error instanceof MongoError ? 'historyLost' : 'passing';
}
