/**
 * A target's health, kept by the owner of its lane: hears of every result, moves the breaker by the rules of the domain, makes
 * the lane obey at once, and writes down what must outlive this owner, guarded by its term. All is well: a few sums, and nothing
 * is written. What changes meanwhile is written with the next write, so however many attempts fail together, few writes follow.
 *
 *   result → breaker → lane shut or opened, now → operators told (an event, durably) → lane document
 */
import { wordOf, type Outcome } from '../domain/attempt.ts';
import { afterResult, isHopeless, isWell, isWorthStoring, resultOf, switchedOff, switchedOn, type BreakerState, type Health } from '../domain/breaker.ts';
import { assertNever } from '../domain/assert-never.ts';
import { ResultWindow } from '../domain/result-window.ts';
import type { Target } from '../domain/target.ts';
import type { NewsKind, TargetNews } from '../domain/target-news.ts';
import type { Clock } from '../runtime/clock.ts';
import type { ServerClock } from '../runtime/server-clock.ts';
import type { Telemetry } from '../runtime/telemetry.ts';

/** What a lane does for its target's health. */
export interface Obedient {
  breakFor(ms: number): void;
  mend(places: number | null): void;
  probeAgain(): void;
}

export interface HealthDeps {
  readonly clock: Clock;
  readonly serverClock: ServerClock;
  readonly telemetry: Telemetry;
  /** As it is now; null when it is gone. */
  readonly target: () => Target | null;
  /** Whether our lease is: else a failure may be our own, as when a process that was suspended finds every deadline passed. */
  readonly isTrusted: () => boolean;
  readonly tell: (news: TargetNews) => Promise<void>;
  readonly storeHealth: (health: Health) => Promise<void>;
  readonly storeHold: (until: Date) => Promise<void>;
  /** Resolves once the target is disabled, here as in the database. */
  readonly disable: (target: Target, reason: string) => Promise<void>;
}

export class HealthKeeper {
  readonly #deps: HealthDeps;
  readonly #window = new ResultWindow();
  readonly #news: TargetNews[] = [];
  #lane: Obedient | null = null;
  #known: Health;
  #stored: Health;
  #storedAtMs = -Infinity;
  #holdUntilMs = -Infinity;
  #storedHoldUntilMs = -Infinity;
  #isStale = false;
  #saving: Promise<void> | null = null;
  #disabling: Promise<void> | null = null;

  constructor(stored: Health, deps: HealthDeps) {
    this.#deps = deps;
    this.#known = stored;
    this.#stored = stored;
  }

  /** It was decided to disable the target, and the database has not said yet that it is. */
  get isDisabling(): boolean {
    return this.#disabling !== null;
  }

  /** The lane obeys from now on, first of all to what its last owner wrote down. */
  rule(lane: Obedient): void {
    this.#lane = lane;
    const { breaker } = this.#known;
    if (breaker.kind === 'open') lane.breakFor(Math.max(0, breaker.untilMs - this.#deps.serverClock.now()));
    if (breaker.kind === 'recovering') lane.mend(breaker.places);
    this.look();
  }

  /** What an attempt came to. The answer resolves when all that follows from it is written; null: nothing does. Never rejects. */
  note(outcome: Outcome, isProbe: boolean): Promise<void> | null {
    const result = resultOf(outcome);
    if (result === null || (result === 'failure' && !this.#deps.isTrusted())) {
      if (isProbe) this.#lane?.probeAgain();
      return null;
    }
    const { kind } = this.#known.breaker;
    if (result !== 'unsent' && (kind === 'closed' || kind === 'recovering')) this.#window.note(result === 'failure', this.#deps.clock.monotonic());
    if (result === 'success' && isWell(this.#known)) return null;
    const [target, nowMs] = [this.#deps.target(), this.#deps.serverClock.now()];
    const seen = { result, isProbe, isBad: this.#window.isBad, nowMs, concurrency: target?.limits.concurrency ?? 1 };
    const saved = this.#moveTo(afterResult(this.#known, seen), wordOf(outcome));
    return isHopeless(this.#known, nowMs) ? this.disable(hopeless(this.#known)) : saved;
  }

  /** The receiver asked for a pause: resolves once that outlives us. Never rejects. */
  hold(ms: number): Promise<void> {
    this.#holdUntilMs = Math.max(this.#holdUntilMs, this.#deps.serverClock.now() + ms);
    return this.#save();
  }

  /** Disables the target, once however often it is asked for. Never rejects. */
  disable(reason: string): Promise<void> {
    this.#disabling ??= this.#disable(reason).catch(() => undefined).finally(() => (this.#disabling = null));
    return this.#disabling;
  }

  /** Has a person, or we, switched the target off or on? */
  look(): void {
    const status = this.#deps.target()?.status;
    const { breaker } = this.#known;
    if (status === undefined || status === 'deleted') return; // Nothing more is sent there, however it was doing.
    if (status === 'active') {
      if (breaker.kind === 'off') void this.#moveTo(switchedOn(this.#known), `switched on after it was ${breaker.why}`);
    } else if (breaker.kind !== 'off' || breaker.why !== status) void this.#moveTo(switchedOff(this.#known, status), '');
  }

  async #disable(reason: string): Promise<void> {
    const { target: current, telemetry, tell, disable } = this.#deps;
    const target = current();
    if (target === null || target.status === 'disabled' || target.status === 'deleted') return;
    telemetry.emit('target.disabled', { targetId: target.id, reason });
    await tell({ kind: 'disabled', target, reason, at: this.#now(), occasion: `version ${target.version}` });
    await disable(target, reason);
    this.look();
    await this.#saving;
  }

  #moveTo(next: Health, why: string): Promise<void> | null {
    const before = this.#known;
    this.#known = next;
    if (next.breaker !== before.breaker) {
      this.#obey(before.breaker, next.breaker);
      this.#announce(before, next, why);
    }
    const age = { sinceStoredMs: this.#deps.clock.monotonic() - this.#storedAtMs, nowMs: this.#deps.serverClock.now() };
    return isWorthStoring(this.#stored, next, age) ? this.#save() : null;
  }

  #obey(before: BreakerState, next: BreakerState): void {
    const { telemetry, serverClock, target } = this.#deps;
    const { id: targetId } = target() ?? {};
    if (next.kind !== before.kind) this.#window.clear();
    switch (next.kind) {
      case 'open': {
        const forMs = Math.max(0, next.untilMs - serverClock.now());
        if (targetId !== undefined) telemetry.emit('breaker.opened', { targetId, forMs, openings: next.openings });
        return this.#lane?.breakFor(forMs);
      }
      case 'recovering':
        if (targetId !== undefined && before.kind !== 'recovering') telemetry.emit('breaker.recovering', { targetId });
        return this.#lane?.mend(next.places);
      case 'closed':
        if (targetId !== undefined) telemetry.emit('breaker.closed', { targetId });
        return this.#lane?.mend(null);
      case 'off':
        return this.#lane?.mend(null);
      default:
        return assertNever(next);
    }
  }

  /** What operators are told of this step, if anything. */
  #announce({ breaker: before }: Health, { breaker: next, spells }: Health, why: string): void {
    const target = this.#deps.target();
    const kind = newsOf(before, next);
    if (target === null || kind === null) return;
    const [reason, occasion] = [reasonOf(kind, why), before.kind === 'off' ? `version ${target.version}` : `spell ${spells}`];
    this.#deps.telemetry.emit(`target.${kind}`, { targetId: target.id, reason });
    this.#news.push({ kind, target, reason, at: this.#now(), occasion });
  }

  #save(): Promise<void> {
    this.#isStale = true;
    // What fails here is given up on at the end of the process only, and the next owner finds out by itself.
    this.#saving ??= this.#saveAll().catch(() => undefined).finally(() => (this.#saving = null));
    return this.#saving;
  }

  async #saveAll(): Promise<void> {
    while (this.#isStale) {
      this.#isStale = false;
      const [health, holdUntilMs] = [this.#known, this.#holdUntilMs];
      const [isChanged, isHeld] = [health !== this.#stored, holdUntilMs > this.#storedHoldUntilMs];
      // As good as stored: each write is tried until it succeeds, so what comes meanwhile is compared with this.
      [this.#stored, this.#storedHoldUntilMs, this.#storedAtMs] = [health, holdUntilMs, this.#deps.clock.monotonic()];
      for (let news = this.#news.shift(); news !== undefined; news = this.#news.shift()) await this.#deps.tell(news);
      if (isHeld) await this.#deps.storeHold(new Date(holdUntilMs));
      if (isChanged) await this.#deps.storeHealth(health);
    }
  }

  #now(): Date {
    return new Date(this.#deps.serverClock.now());
  }
}

const isAnswering = ({ kind }: BreakerState): boolean => kind === 'closed' || kind === 'recovering';

function newsOf(before: BreakerState, next: BreakerState): Exclude<NewsKind, 'disabled'> | null {
  if (isAnswering(before)) return next.kind === 'open' ? 'failing' : null;
  if (!isAnswering(next)) return null;
  return before.kind === 'off' && before.why === 'paused' ? null : 'recovered';
}

const reasonOf = (kind: NewsKind, why: string): string => (kind === 'failing' ? `most attempts of the last minute failed, the last with ${why}` : why);

const hopeless = ({ failingSinceMs }: Health): string => `failing: no success since ${new Date(failingSinceMs ?? 0).toISOString()}`;
