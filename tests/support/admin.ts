/** The admin API, as those who run the system use it. */
import type { JsonSchema } from '../../src/http/operation.ts';

export interface AdminAnswer {
  readonly status: number;
  readonly etag: string | null;
  readonly headers: Headers;
  /** Whatever came; each test knows what it asked for. */
  readonly body: Readonly<Record<string, unknown>> & { readonly id: string; readonly version: number; readonly code: string; readonly status: string; readonly errors?: readonly { readonly pointer: string }[] };
}

export interface AdminRequest {
  readonly body?: unknown;
  readonly ifMatch?: string;
  readonly token?: string;
}

/** @param line method and path below the root of the API; a path alone is read */
export async function admin(url: string, line: string, { body, ifMatch, token }: AdminRequest = {}): Promise<AdminAnswer> {
  const [method = '', path = ''] = line.startsWith('/') ? ['GET', line] : line.split(' ');
  const headers = { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...(ifMatch === undefined ? {} : { 'if-match': ifMatch }), ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) };
  const response = await fetch(`${url}/api/v1${path}`, { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
  return { status: response.status, etag: response.headers.get('etag'), headers: response.headers, body: (await response.json()) as AdminAnswer['body'] };
}

/** Makes a target that is sent to as fast as it goes. @throws when it is refused */
export async function makeTarget(url: string, fields: JsonSchema): Promise<AdminAnswer['body']> {
  const { status, body } = await admin(url, 'POST /targets', { body: { ratePerSecond: 0, concurrency: 0, ...fields } });
  if (status !== 201) throw new Error(`Expected a target, got ${status} ${JSON.stringify(body)}`);
  return body;
}
