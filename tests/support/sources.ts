/** Sources over the API, and requests to them as their producers would send them. */
import { createHmac, randomUUID } from 'node:crypto';
import { signedHeaders } from '../../tools/send/sign.ts';
import type { Answer } from './post.ts';

export interface SourceAnswer {
  readonly status: number;
  readonly etag: string | null;
  readonly body: {
    readonly name: string; readonly version: number; readonly secretCount: number; readonly secrets?: readonly string[]; readonly code: string; readonly detail: string;
    readonly errors?: readonly { readonly pointer: string; readonly message: string }[]; readonly sources: readonly { readonly name: string }[]; readonly after: string | null;
  };
}

export async function askSources(url: string, method: string, path = '', body?: unknown, headers: Readonly<Record<string, string>> = {}): Promise<SourceAnswer> {
  const response = await fetch(`${url}/api/v1/sources${path}`, { method, headers: { 'content-type': 'application/json', ...headers }, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
  const text = await response.text();
  return { status: response.status, etag: response.headers.get('etag'), body: (text === '' ? {} : JSON.parse(text)) as SourceAnswer['body'] };
}

/** Posts to a source; `headers` are all there are, but for the content type. */
export async function postTo(url: string, path: string, body: string, headers: Readonly<Record<string, string>>): Promise<Answer & { readonly text: string }> {
  const response = await fetch(`${url}/api/v1/webhooks/ingest/${path}`, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body });
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, body: (text === '' ? {} : JSON.parse(text)) as Answer['body'] };
}

export function ours(secret: string, body: string, key: string = randomUUID()): Readonly<Record<string, string>> {
  const { 'Content-Type': _, ...headers } = signedHeaders(secret, key, Buffer.from(body), Date.now(), 'x');
  return headers;
}

const hmac = (secret: string, text: string, encoding: 'hex' | 'base64' = 'hex'): string => createHmac('sha256', secret).update(text).digest(encoding);
const nowS = (): number => Math.floor(Date.now() / 1_000);

/** As each provider signs. */
export const providers = {
  github: (secret: string, body: string, delivery: string = randomUUID(), event = 'push') => ({ 'X-Hub-Signature-256': `sha256=${hmac(secret, body)}`, 'X-GitHub-Delivery': delivery, 'X-GitHub-Event': event }),
  stripe: (secret: string, body: string, timestamp: number = nowS()) => ({ 'Stripe-Signature': `t=${timestamp},v1=${hmac(secret, `${timestamp}.${body}`)}` }),
  shopify: (secret: string, body: string, id: string = randomUUID()) => ({ 'X-Shopify-Hmac-Sha256': hmac(secret, body, 'base64'), 'X-Shopify-Webhook-Id': id, 'X-Shopify-Event-Id': 'one-action', 'X-Shopify-Topic': 'orders/create' }),
  slack: (secret: string, body: string, timestamp: number = nowS()) => ({ 'X-Slack-Request-Timestamp': String(timestamp), 'X-Slack-Signature': `v0=${hmac(secret, `v0:${timestamp}:${body}`)}` }),
} as const;
