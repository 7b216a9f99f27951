/** Signed events, posted as any sender would: one, or many in a batch. */
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

export async function post(url: string, options: PostOptions = {}): Promise<Answer> {
  const response = await send(`${url}/api/v1/webhooks/ingest`, options);
  return { status: response.status, headers: response.headers, body: (await response.json()) as Answer['body'] };
}

export interface BatchItem {
  readonly event?: { readonly id: string; readonly status: string; readonly duplicate: boolean };
  readonly problem?: { readonly code: string; readonly detail: string };
}

export interface BatchAnswer {
  readonly status: number;
  readonly body: { readonly accepted: number; readonly refused: number; readonly items: readonly BatchItem[] };
}

export async function postBatch(url: string, { ndjson = false, ...options }: PostOptions & { readonly ndjson?: boolean }): Promise<BatchAnswer> {
  const headers = ndjson ? { 'Content-Type': 'application/x-ndjson' } : {};
  const response = await send(`${url}/api/v1/webhooks/ingest/batch`, { ...options, headers: { ...headers, ...options.headers } });
  return { status: response.status, body: (await response.json()) as BatchAnswer['body'] };
}

function send(url: string, { key = randomUUID(), body = '{"type":"order.created"}', scheme = 'x', headers = {}, secret = INGEST_SECRET }: PostOptions): Promise<Response> {
  const bytes = Buffer.from(body);
  const all = { ...signedHeaders(secret, key, bytes, Date.now(), scheme), ...headers };
  const present = Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return fetch(url, { method: 'POST', headers: Object.fromEntries(present), body: bytes });
}
