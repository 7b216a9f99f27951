/**
 * Stored tokens, looked up by digest and remembered for a second, so that a busy caller costs one read a second, and a revoked token
 * is refused within one. Requests for the same token share a read. Bounded, since anybody may ask with a token of their own making.
 */
import type { AdminToken } from '../domain/admin-token.ts';
import type { TokenId } from '../domain/ids.ts';
import type { Clock } from '../runtime/clock.ts';
import { messageOf } from '../runtime/errors.ts';
import type { Telemetry } from '../runtime/telemetry.ts';

/** What it asks of the database. */
export interface TokenStore {
  readonly findLive: (hash: string) => Promise<AdminToken | null>;
  readonly anyLive: () => Promise<boolean>;
  readonly noteUse: (id: TokenId) => Promise<void>;
}

/** Counted from before the read begins: an answer is never used later than this after a token was revoked. */
const KEPT_MS = 1_000;
const MOST_KEPT = 1_000;
const NOTE_EVERY_MS = 60_000;

interface Kept<Value> {
  readonly askedAtMs: number;
  readonly value: Promise<Value>;
}

export class TokenCache {
  readonly #store: TokenStore;
  readonly #clock: Clock;
  readonly #telemetry: Telemetry;
  readonly #tokens = new Map<string, Kept<AdminToken | null>>();
  readonly #notedAtMs = new Map<TokenId, number>();
  #any: Kept<boolean> | null = null;

  constructor({ store, clock, telemetry }: { readonly store: TokenStore; readonly clock: Clock; readonly telemetry: Telemetry }) {
    this.#store = store;
    this.#clock = clock;
    this.#telemetry = telemetry;
  }

  /** The live token of this digest. @throws what the database throws */
  find(hash: string): Promise<AdminToken | null> {
    const kept = this.#tokens.get(hash);
    if (kept !== undefined && this.#isFresh(kept)) return kept.value;
    this.#tokens.delete(hash);
    const oldest = this.#tokens.size >= MOST_KEPT ? this.#tokens.keys().next() : null;
    if (oldest?.done === false) this.#tokens.delete(oldest.value);
    const asked = { askedAtMs: this.#clock.monotonic(), value: this.#store.findLive(hash) };
    this.#tokens.set(hash, asked);
    asked.value.catch(() => this.#tokens.get(hash) === asked && this.#tokens.delete(hash));
    return asked.value;
  }

  /** Whether any token is live at all. @throws what the database throws */
  anyLive(): Promise<boolean> {
    if (this.#any !== null && this.#isFresh(this.#any)) return this.#any.value;
    const asked = (this.#any = { askedAtMs: this.#clock.monotonic(), value: this.#store.anyLive() });
    asked.value.catch(() => this.#any === asked && (this.#any = null));
    return asked.value;
  }

  /** Once a minute at most, in the background: nobody waits for it, and it may be lost. */
  noteUse(id: TokenId): void {
    const nowMs = this.#clock.monotonic();
    if (nowMs - (this.#notedAtMs.get(id) ?? -Infinity) < NOTE_EVERY_MS) return;
    if (this.#notedAtMs.size >= MOST_KEPT) this.#notedAtMs.clear();
    this.#notedAtMs.set(id, nowMs);
    this.#store.noteUse(id).catch((error: unknown) => this.#telemetry.emit('loop.failed', { loop: 'token use', error: messageOf(error) }));
  }

  readonly #isFresh = ({ askedAtMs }: Kept<unknown>): boolean => this.#clock.monotonic() - askedAtMs < KEPT_MS;
}
