/**
 * Refusals: `application/problem+json` (RFC 9457) with a stable `code` beside the standard members. `detail` says what was
 * expected and what was got; it never repeats the body or a signature.
 */
export interface ProblemOptions {
  /** Seconds, sent as Retry-After. */
  readonly retryAfterS?: number;
  /** The methods that are allowed, for a 405 (RFC 9110 section 15.5.6). */
  readonly allow?: string;
  readonly errors?: readonly { readonly pointer: string; readonly message: string }[];
}

/** Every code there is, with its status and title. Codes never change their meaning. */
const PROBLEMS = {
  body_too_large: [413, 'The body is too large'],
  unsupported_media_type: [415, 'The content type is not supported'],
  unsupported_encoding: [415, 'The content encoding is not supported'],
  missing_signature: [401, 'The request is not signed'],
  missing_header: [400, 'A header is missing'],
  invalid_timestamp: [400, 'The timestamp is not readable'],
  invalid_idempotency_key: [400, 'The idempotency key is not usable'],
  timestamp_out_of_window: [401, 'The timestamp is too far from now'],
  invalid_signature: [401, 'The signature does not match'],
  incomplete_body: [400, 'The body did not arrive whole'],
  invalid_utf8: [400, 'The body is not UTF-8'],
  invalid_json: [400, 'The body is not JSON'],
  json_too_complex: [400, 'The JSON is too complex'],
  batch_size: [422, 'The batch has no usable size'],
  batch_unsupported: [422, 'The source takes no batches'],
  schema_mismatch: [422, 'The event does not have the expected shape'],
  idempotency_key_reused: [422, 'The idempotency key belongs to another event'],
  invalid_query: [400, 'The query is not usable'],
  invalid_target: [422, 'A target cannot be like that'],
  target_configured: [409, 'The target is kept by the configuration'],
  target_deleted: [409, 'The target is being deleted'],
  precondition_failed: [412, 'It has been changed since it was read'],
  precondition_required: [428, 'It is only changed by those who know it'],
  unauthorized: [401, 'A token is needed'],
  forbidden: [403, 'The token may not do this'],
  not_found: [404, 'There is nothing here'],
  last_secret: [409, 'It is the last secret'],
  too_many_secrets: [409, 'Too many secrets are live'],
  conflict: [409, 'Somebody else changed it'],
  method_not_allowed: [405, 'The method is not allowed here'],
  already_exists: [409, 'There is one of this name'],
  rate_limited: [429, 'Too many requests'],
  request_timeout: [408, 'The request took too long'],
  headers_too_large: [431, 'The headers are too large'],
  bad_request: [400, 'The request is not readable'],
  overloaded: [503, 'Too much is waiting to be stored'],
  unavailable: [503, 'The event could not be stored'],
  database_unavailable: [503, 'The database cannot be used now'],
  not_ready: [503, 'Not ready'],
  internal_error: [500, 'Something went wrong here'],
} as const satisfies Record<string, readonly [number, string]>;

export type ProblemCode = keyof typeof PROBLEMS;

/** All of them, for whoever describes what may be answered. */
export const PROBLEM_CODES: readonly { readonly code: ProblemCode; readonly status: number; readonly title: string }[] = Object.entries(PROBLEMS).map(([code, [status, title]]) => ({ code: code as ProblemCode, status, title }));

/** Thrown by a step that refuses; answered once, in the app. */
export class Problem extends Error {
  readonly code: ProblemCode;
  readonly detail: string;
  readonly options: ProblemOptions;

  constructor(code: ProblemCode, detail: string, options: ProblemOptions = {}) {
    super(detail);
    this.name = 'Problem';
    this.code = code;
    this.detail = detail;
    this.options = options;
  }

  get status(): number {
    return PROBLEMS[this.code][0];
  }
}

const DATABASE_RETRY_AFTER_S = 5;

/** The database could not be asked; it may be back in a moment. */
export const databaseUnavailable = (detail: string): Problem => new Problem('database_unavailable', detail, { retryAfterS: DATABASE_RETRY_AFTER_S });

export const PROBLEM_TYPE = 'application/problem+json';

export const problemFields = ({ code, detail, status, options }: Problem): Readonly<Record<string, unknown>> =>
  ({ type: 'about:blank', title: PROBLEMS[code][1], status, code, detail, ...(options.errors === undefined ? {} : { errors: options.errors }) });

export const problemBody = (problem: Problem): string => JSON.stringify(problemFields(problem));

export function problemResponse(problem: Problem): Response {
  const headers: Record<string, string> = { 'content-type': PROBLEM_TYPE };
  if (problem.options.retryAfterS !== undefined) headers['retry-after'] = String(problem.options.retryAfterS);
  if (problem.options.allow !== undefined) headers['allow'] = problem.options.allow;
  if (problem.status === 401) headers['www-authenticate'] = problem.code === 'unauthorized' ? 'Bearer' : 'Signature';
  return new Response(problemBody(problem), { status: problem.status, headers });
}
