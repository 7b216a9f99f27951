/**
 * A source: one producer, or one kind of them, with secrets, a signature scheme and limits of its own. What producers of the
 * known kinds (GitHub, Stripe, Shopify, Slack) do is written down once, here; any other HMAC of the body is described.
 */
import { assertNever } from './assert-never.ts';
import { OWN_SOURCE } from './own-event.ts';

/** Where something stands in a request. A path is names joined by dots, such as `data.event_type`. */
export type Place = { readonly in: 'header'; readonly name: string } | { readonly in: 'body'; readonly path: string };

/** An HMAC-SHA256 in a header, over a text that the body is part of. */
export interface HmacForm {
  readonly header: string;
  /** Before each signature: `sha256=`; empty for none. The header may hold several parts, separated by commas. */
  readonly prefix: string;
  readonly encoding: 'hex' | 'base64';
  /** What is signed: visible ASCII in which `{body}` stands once and, where there is a timestamp, `{timestamp}` once. */
  readonly content: string;
  /** Where the unix seconds stand; null when nothing tells when a request was signed. */
  readonly timestamp: { readonly header: string; readonly prefix: string } | null;
}

export const PRESETS = ['github', 'stripe', 'shopify', 'slack'] as const;
export type Preset = (typeof PRESETS)[number];

export type SourceScheme =
  | { readonly kind: 'hooktail' }
  | { readonly kind: 'standard-webhooks' }
  | ({ readonly kind: 'hmac-body' } & HmacForm)
  | { readonly kind: Preset };

export interface SourceLimits {
  /** Requests per second; 0 means no limit. May be a fraction. */
  readonly ratePerSecond: number;
  /** Requests at once after a pause; 0: what comes in a second, and one at least. */
  readonly burst: number;
}

export interface Source {
  readonly name: string;
  /** Newest first; each of them may sign. */
  readonly secrets: readonly string[];
  readonly scheme: SourceScheme;
  /** Null: where the scheme has its own. */
  readonly idempotency: Place | null;
  /** Null: where the preset has it, else `type` or `data.event_type` in the body. */
  readonly eventType: Place | null;
  /** JSON Schema (draft 7) that bodies must fit; null for none. */
  readonly schema: Readonly<Record<string, unknown>> | null;
  readonly limits: SourceLimits;
  /** Null: what the server takes. */
  readonly maxBodyBytes: number | null;
  readonly description: string;
  readonly version: number;
  readonly createdAt: Date;
}

const SOURCE_NAME = /^[a-z0-9-]{1,40}$/;
/** `default` is what the environment configures, `batch` is a route, and `hooktail` is the source of this product's own events. */
const TAKEN: readonly string[] = ['default', 'batch', OWN_SOURCE];

export const isSourceName = (text: string): boolean => SOURCE_NAME.test(text) && !TAKEN.includes(text);

/** What a source of a known kind does, written as anybody could describe it. */
interface PresetForm {
  readonly hmac: HmacForm;
  readonly idempotency: Place;
  readonly eventType: Place;
}

/**
 * From the providers' own pages. Shopify's key is the id of the webhook and not that of the event: one action of a merchant may
 * be told under several topics with one event id, and all but the first would be refused as another body under a used key.
 */
const PRESET_FORMS: Readonly<Record<Preset, PresetForm>> = {
  github: {
    hmac: { header: 'X-Hub-Signature-256', prefix: 'sha256=', encoding: 'hex', content: '{body}', timestamp: null },
    idempotency: { in: 'header', name: 'X-GitHub-Delivery' },
    eventType: { in: 'header', name: 'X-GitHub-Event' },
  },
  stripe: {
    hmac: { header: 'Stripe-Signature', prefix: 'v1=', encoding: 'hex', content: '{timestamp}.{body}', timestamp: { header: 'Stripe-Signature', prefix: 't=' } },
    idempotency: { in: 'body', path: 'id' },
    eventType: { in: 'body', path: 'type' },
  },
  shopify: {
    hmac: { header: 'X-Shopify-Hmac-Sha256', prefix: '', encoding: 'base64', content: '{body}', timestamp: null },
    idempotency: { in: 'header', name: 'X-Shopify-Webhook-Id' },
    eventType: { in: 'header', name: 'X-Shopify-Topic' },
  },
  slack: {
    hmac: { header: 'X-Slack-Signature', prefix: 'v0=', encoding: 'hex', content: 'v0:{timestamp}:{body}', timestamp: { header: 'X-Slack-Request-Timestamp', prefix: '' } },
    idempotency: { in: 'body', path: 'event_id' },
    eventType: { in: 'body', path: 'event.type' },
  },
};

/** A source with nothing left to be looked up. */
export interface ExpandedSource {
  readonly scheme: { readonly kind: 'hooktail' } | { readonly kind: 'standard-webhooks' } | { readonly kind: 'hmac'; readonly form: HmacForm };
  /** Null: the scheme signs its key. */
  readonly idempotency: Place | null;
  readonly eventType: Place | null;
  /** Whether the key alone tells an event: a provider's id does, even where a repeat differs in a counter (Stripe's `pending_webhooks`). */
  readonly keyTellsAll: boolean;
}

export function expandSource({ scheme, idempotency, eventType }: Pick<Source, 'scheme' | 'idempotency' | 'eventType'>): ExpandedSource {
  switch (scheme.kind) {
    case 'hooktail':
    case 'standard-webhooks':
      return { scheme: { kind: scheme.kind }, idempotency: null, eventType, keyTellsAll: false };
    case 'hmac-body':
      return { scheme: { kind: 'hmac', form: scheme }, idempotency, eventType, keyTellsAll: false };
    case 'github':
    case 'stripe':
    case 'shopify':
    case 'slack': {
      const form = PRESET_FORMS[scheme.kind];
      return { scheme: { kind: 'hmac', form: form.hmac }, idempotency: idempotency ?? form.idempotency, eventType: eventType ?? form.eventType, keyTellsAll: idempotency === null };
    }
    default:
      return assertNever(scheme);
  }
}

/** What makes a source unusable, in words; null for one that can be used. Its fields have the right types already. */
export function sourceFault({ scheme, idempotency }: Pick<Source, 'scheme' | 'idempotency'>): { readonly pointer: string; readonly message: string } | null {
  if (scheme.kind === 'hooktail' || scheme.kind === 'standard-webhooks') return idempotency === null ? null : { pointer: '/idempotency', message: 'must be null: this scheme signs its own key' };
  if (scheme.kind !== 'hmac-body') return null;
  if (idempotency === null) return { pointer: '/idempotency', message: 'must say where the key stands: an HMAC of the body has none of its own' };
  const content = contentFault(scheme);
  return content === null ? null : { pointer: '/scheme/content', message: content };
}

const countOf = (text: string, part: string): number => text.split(part).length - 1;

function contentFault({ content, timestamp }: HmacForm): string | null {
  if (countOf(content, '{body}') !== 1) return 'must hold {body} exactly once';
  const timestamps = countOf(content, '{timestamp}');
  if (timestamp === null) return timestamps === 0 ? null : 'must not hold {timestamp} when no timestamp is told';
  return timestamps === 1 ? null : 'must hold {timestamp} exactly once: one that is not signed proves nothing';
}
