/** One signed event, posted as any sender would. */
import { randomUUID } from 'node:crypto';
import { signedHeaders, type SignatureScheme } from '../../tools/send/sign.ts';
import { INGEST_SECRET } from './world.ts';

export interface PostOptions {
  readonly key?: string;
  readonly body?: string | Uint8Array;
  readonly scheme?: SignatureScheme;
  /** On top of the signed ones; undefined takes one away. */
  readonly headers?: Readonly<Record<string, string | undefined>>;
  readonly secret?: string;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: { readonly id: string; readonly status: string; readonly duplicate: boolean; readonly code: string; readonly detail: string };
}

export async function post(url: string, { key = randomUUID(), body = '{"type":"order.created"}', scheme = 'x', headers = {}, secret = INGEST_SECRET }: PostOptions = {}): Promise<Answer> {
  const bytes = Buffer.from(body);
  const all = { ...signedHeaders(secret, key, bytes, Date.now(), scheme), ...headers };
  const present = Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined);
  const response = await fetch(`${url}/api/v1/webhooks/ingest`, { method: 'POST', headers: Object.fromEntries(present), body: bytes });
  return { status: response.status, headers: response.headers, body: (await response.json()) as Answer['body'] };
}
