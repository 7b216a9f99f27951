/**
 * A good producer, at a rate of its own: an event is offered when its time has come, whether or not the ones before it were
 * answered, and the same event under the same key again and again until it is answered 202 or the run gives up. Whatever was
 * never acknowledged may be stored or not; if it is, it must be delivered too.
 */
import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { Fifo } from '../src/delivery/fifo.ts';
import type { Random } from '../src/runtime/random.ts';
import { createApi, type Api } from '../tools/send/api.ts';
import { signedHeaders } from '../tools/send/sign.ts';
import { now, type Offer } from './ledger.ts';
import { typeOf } from './targets.ts';

export interface LoadOrder {
  /** Events in all; without it, until `stop()`. */
  readonly count?: number;
  /** Events per second. */
  readonly rate: number;
  /** The type of an event, from a number drawn in [0, 1). */
  readonly typeOf?: (drawn: number) => string;
  /** How far the producer's wall clock is ahead of the true one. */
  readonly clockOffsetMs?: () => number;
}

export interface Load {
  /** Offers no more; resolves once everything offered is acknowledged, or given up after so long. */
  stop(giveUpMs?: number): Promise<void>;
  /** Resolves once `count` events are acknowledged. */
  readonly finished: Promise<void>;
}

export interface SenderOptions {
  readonly urls: readonly string[];
  readonly secret: string;
  readonly random: Random;
  readonly signal: AbortSignal;
}

/** Requests at once; the rest wait their turn, oldest first, so that an outage does not end in a storm. */
const CONNECTIONS = 64;
const REQUEST_TIMEOUT_MS = 10_000;
const FIRST_PAUSE_MS = 100;
/** As our `Retry-After` asks for. */
const LONGEST_PAUSE_MS = 5_000;
/** More than this many unanswered, and the producer waits as well: its own memory has an end too. */
const MOST_OPEN = 5_000;
const GIVE_UP_MS = 60_000;

type OpenOffer = { -readonly [Key in keyof Offer]: Offer[Key] };

/** All loads of one run: they share one ledger and one row of numbers. */
export class Sender {
  readonly offers: OpenOffer[] = [];
  /** Refusals by code: what the producer was told instead of 202. */
  readonly refusals = new Map<string, number>();
  readonly #options: SenderOptions;
  readonly #apis: readonly Api[];
  readonly #waiting = new Fifo<() => void>();
  #open = 0;
  #underWay = 0;

  constructor(options: SenderOptions) {
    this.#options = options;
    this.#apis = options.urls.map((url) => createApi({ url, connections: CONNECTIONS, timeoutMs: REQUEST_TIMEOUT_MS }));
  }

  start(order: LoadOrder): Load {
    const stopping = new AbortController();
    const givingUp = new AbortController();
    const signal = AbortSignal.any([stopping.signal, this.#options.signal]);
    const giveUp = AbortSignal.any([givingUp.signal, this.#options.signal]);
    setMaxListeners(0, signal, giveUp); // Every event that waits listens.
    const finished = this.#offerAll(order, signal, giveUp);
    finished.catch(() => undefined); // Told to whoever waits for it.
    return {
      finished,
      async stop(giveUpMs = GIVE_UP_MS) {
        stopping.abort();
        const timer = setTimeout(() => givingUp.abort(), giveUpMs);
        await finished.finally(() => clearTimeout(timer));
      },
    };
  }

  close(): void {
    for (const api of this.#apis) api.close();
  }

  async #offerAll({ count = Infinity, rate, typeOf: chooseType = (drawn) => typeOf(drawn, rate), clockOffsetMs = () => 0 }: LoadOrder, signal: AbortSignal, giveUp: AbortSignal): Promise<void> {
    const startedAtMs = now();
    const offered: Promise<void>[] = [];
    const isOver = (): boolean => signal.aborted;
    for (let index = 0; index < count && !isOver(); index += 1) {
      const dueInMs = startedAtMs + (index / rate) * 1_000 - now();
      if (dueInMs > 1 || index % 64 === 0) await sleep(Math.max(0, dueInMs), undefined, { signal }).catch(() => undefined);
      while (this.#open >= MOST_OPEN && !isOver()) await sleep(20, undefined, { signal }).catch(() => undefined);
      if (!isOver()) offered.push(this.#offer(chooseType(this.#options.random()), clockOffsetMs, giveUp));
    }
    await Promise.all(offered);
  }

  async #offer(type: string, clockOffsetMs: () => number, giveUp: AbortSignal): Promise<void> {
    const number = this.offers.length;
    const offer: OpenOffer = { number, key: `event-${number}`, type, accepted: null, tries: 0 };
    this.offers.push(offer);
    this.#open += 1;
    const body = Buffer.from(JSON.stringify({ type, data: { number } }));
    for (let pauseMs = FIRST_PAUSE_MS; !giveUp.aborted && !(await this.#post(offer, body, () => Date.now() + clockOffsetMs())); pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
      await sleep(pauseMs * (0.5 + Math.random()), undefined, { signal: giveUp }).catch(() => undefined);
    }
    this.#open -= 1;
  }

  /** Signed anew each time, as the timestamp is part of the signature. Answers whether the event is acknowledged. */
  async #post(offer: OpenOffer, body: Buffer, clock: () => number): Promise<boolean> {
    const api = this.#apis[(offer.number + offer.tries) % this.#apis.length];
    offer.tries += 1;
    const done = await this.#turn();
    const result = await api?.ingest(signedHeaders(this.#options.secret, offer.key, body, clock()), body);
    done();
    if (result?.kind === 'ok') offer.accepted = { id: result.value.id, atMs: now() };
    else this.#noteRefusal(result?.code ?? 'none');
    return offer.accepted !== null;
  }

  /** Waits for one of the requests under way to end; the answer ends this one. */
  async #turn(): Promise<() => void> {
    if (this.#underWay >= CONNECTIONS) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#underWay += 1;
    return () => {
      const next = this.#waiting.shift();
      if (next === undefined) this.#underWay -= 1;
      else next();
    };
  }

  #noteRefusal(code: string): void {
    this.refusals.set(code, (this.refusals.get(code) ?? 0) + 1);
  }
}
