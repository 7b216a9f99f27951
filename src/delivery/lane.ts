/**
 * A lane: the one place in the fleet that sends to a target. Whatever wants to start there takes a turn (turn-queue.ts), and
 * every turn passes the same four doors in the same order:
 *
 *   gate (trusted, active, not held, not broken) → pacer (a place in the lane, the rate) → spacing → slot (the processor's)
 *
 * The gate is looked at once more at the very end, since a wait lies between. One pump walks turn after turn through the
 * doors, so starts never overtake each other. `drain()` ends it: what has not started is forgotten here and still owed there.
 * So it is when the breaker opens: what waits would hold memory for up to a quarter of an hour, and the sweep parks it.
 */
import type { DeliveryJob } from '../domain/delivery.ts';
import type { DeliveryId, TargetId } from '../domain/ids.ts';
import type { Allowance } from './budget.ts';
import type { Gate } from './gate.ts';
import type { Pacer } from './pacer.ts';
import type { Slots } from './slots.ts';
import type { Spacing } from './spacing.ts';
import { TurnQueue, type TurnWish } from './turn-queue.ts';

/** A turn that has come. Place and slot must be given back, each exactly once. */
export interface Turn {
  readonly leaveLane: () => void;
  readonly giveSlotBack: () => void;
  /** The one try by which an open breaker finds out whether the receiver is back. */
  readonly isProbe: boolean;
}

/** Thrown to whoever waits for a turn when the lane is drained, or its breaker opens: there will be none. */
export class LaneDrained extends Error {
  override readonly name = 'LaneDrained';
}

export interface LaneDeps {
  readonly slots: Slots;
  readonly gate: Gate;
  readonly pacer: Pacer;
  readonly spacing: Spacing;
  readonly allowance: Allowance;
  /**
   * Sees one job through, to its written result. Resolves with whether the id may be forgotten at once (nothing was written)
   * or is forgotten later by `forget`, once its event is marked.
   */
  readonly deliver: (job: DeliveryJob, lane: Lane) => Promise<'forget' | 'marking'>;
  readonly onForgotten: (id: DeliveryId) => void;
  readonly onRoom: () => void;
  /** The lane was poked: the target may have been switched on or off. */
  readonly onPoke: () => void;
}

interface TurnRequest {
  readonly resolve: (turn: Turn) => void;
  readonly reject: (error: Error) => void;
}

export class Lane {
  readonly targetId: TargetId;
  readonly #deps: LaneDeps;
  readonly #known = new Set<DeliveryId>();
  readonly #knownRetries = new Set<DeliveryId>();
  readonly #running = new Set<Promise<void>>();
  readonly #turns = new TurnQueue<TurnRequest>();
  readonly #draining = new AbortController();
  readonly #isAwaited = (): boolean => this.#turns.length > 0 && !this.#draining.signal.aborted;
  #pumping = false;
  #wasFull = false;
  #wasShut: boolean;
  #holding = false;
  #callBelow = -1;

  constructor(targetId: TargetId, deps: LaneDeps) {
    this.targetId = targetId;
    this.#deps = deps;
    this.#wasShut = deps.gate.isShut();
  }

  /** None while it takes nothing, so that nobody reads for it in vain. */
  get room(): number {
    const { gate, allowance } = this.#deps;
    if (gate.isShut()) return 0;
    return gate.isProbing ? Math.max(0, Math.min(allowance.room, 1 - this.#turns.length)) : allowance.room;
  }

  get size(): number {
    return this.#known.size;
  }

  /** How many of those are retries. */
  get retries(): number {
    return this.#knownRetries.size;
  }

  has(id: DeliveryId): boolean {
    return this.#known.has(id);
  }

  /** Takes a job if there is room; it will be seen through unless the lane is drained first. */
  offer(job: DeliveryJob): 'taken' | 'known' | 'full' {
    if (this.#known.has(job.claim.id)) return 'known';
    if (this.#draining.signal.aborted || !this.#mayTake() || !this.#deps.allowance.take(job)) {
      this.#wasFull = true;
      return 'full';
    }
    this.#known.add(job.claim.id);
    if (job.claim.attemptCount > 0) this.#knownRetries.add(job.claim.id);
    const running = this.#see(job).finally(() => this.#running.delete(running));
    this.#running.add(running);
    return 'taken';
  }

  /** What one probe does not need stays where it is. */
  #mayTake(): boolean {
    const { gate } = this.#deps;
    return !gate.isShut() && !(gate.isProbing && this.#turns.length > 0);
  }

  /** Never rejects. */
  async #see(job: DeliveryJob): Promise<void> {
    const next = await this.#deps.deliver(job, this);
    if (next === 'forget') this.forget(job.claim.id);
    this.#deps.allowance.giveBack(job);
    if (this.#wasFull && this.#deps.allowance.isRoomy) {
      this.#wasFull = false;
      this.#deps.onRoom();
    }
  }

  forget(id: DeliveryId): void {
    if (!this.#known.delete(id)) return;
    this.#knownRetries.delete(id);
    this.#deps.onForgotten(id);
    this.#callWhenBelow();
  }

  /** Calls `onRoom` once it knows no more than `size` ids, at once when that is so already. */
  callBelow(size: number): void {
    this.#callBelow = size;
    this.#callWhenBelow();
  }

  #callWhenBelow(): void {
    if (this.#known.size > this.#callBelow) return;
    this.#callBelow = -1;
    this.#deps.onRoom();
  }

  /** Waits for a turn. @throws LaneDrained */
  takeTurn(wish: TurnWish): Promise<Turn> {
    return new Promise((resolve, reject) => {
      this.#turns.push({ resolve, reject }, wish);
      if (!this.#pumping) void this.#pump();
    });
  }

  /** Starts nothing for so long. What came meanwhile is parked, so somebody must be told when the hold ends. */
  hold(ms: number): void {
    this.#deps.gate.hold(ms);
    this.#tellOfEnd();
  }

  /** The breaker is open for so long: lets go of all that waits. Then one probe may start. */
  breakFor(ms: number): void {
    this.#deps.gate.breakFor(ms);
    for (let request = this.#turns.shift(); request !== undefined; request = this.#turns.shift()) request.reject(new LaneDrained('The breaker is open'));
    this.#deps.gate.poke();
    this.#tellOfEnd();
  }

  /** The breaker is closed, for so many attempts at once; null: as many as the lane has places. */
  mend(places: number | null): void {
    const { gate, pacer, onRoom } = this.#deps;
    pacer.allow(places ?? Infinity);
    if (!gate.isProbing) return;
    gate.mend();
    onRoom();
  }

  /** The probe came to nothing, for a reason of ours. */
  probeAgain(): void {
    this.#deps.gate.probeAgain();
    this.#deps.onRoom();
  }

  /** Whether a quick retry must not wait for its turn here. */
  get isShut(): boolean {
    return this.#deps.gate.isShut() || this.#deps.gate.isProbing;
  }

  #tellOfEnd(): void {
    const { gate, onRoom } = this.#deps;
    if (!this.#holding) void this.#afterHold(gate, onRoom);
  }

  /** Timers may fire a moment early, so the gate says when the hold is over. */
  async #afterHold(gate: Gate, onRoom: () => void): Promise<void> {
    this.#holding = true;
    await gate.holdOver(this.#draining.signal);
    this.#holding = false;
    if (!this.#draining.signal.aborted) onRoom();
  }

  poke(): void {
    const { gate, onPoke, onRoom } = this.#deps;
    onPoke();
    gate.poke();
    const wasShut = this.#wasShut;
    this.#wasShut = gate.isShut();
    if ((this.#wasFull || wasShut) && !this.#wasShut) onRoom();
  }

  async drain(): Promise<void> {
    this.#draining.abort();
    this.#deps.gate.poke();
    this.#deps.pacer.close();
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  async #pump(): Promise<void> {
    this.#pumping = true;
    while (this.#turns.length > 0) {
      const turn = this.#turnNow() ?? (await this.#nextTurn());
      if (turn !== null) this.#turns.shift()?.resolve(turn);
      else if (this.#draining.signal.aborted) this.#turns.shift()?.reject(new LaneDrained('The lane is drained'));
    }
    this.#pumping = false;
  }

  /** The usual case without a wait: every door stands open. Null when one does not. */
  #turnNow(): Turn | null {
    const { gate, pacer, slots, spacing } = this.#deps;
    if (this.#draining.signal.aborted || !gate.isOpen() || !spacing.isFree) return null;
    const leaveLane = pacer.beginNow();
    if (leaveLane === null) return null;
    const giveSlotBack = slots.acquireNow(this.targetId);
    if (giveSlotBack === null) {
      leaveLane();
      return null;
    }
    return this.#start(leaveLane, giveSlotBack);
  }

  #start(leaveLane: () => void, giveSlotBack: () => void): Turn {
    this.#deps.spacing.noteStart();
    return { leaveLane, giveSlotBack, isProbe: this.#deps.gate.noteStart() };
  }

  /** Walks through the doors; null once nobody waits any more, or the lane is drained. */
  async #nextTurn(): Promise<Turn | null> {
    const { gate, pacer, slots, spacing } = this.#deps;
    while (this.#isAwaited()) {
      await gate.opened(this.#isAwaited);
      if (!this.#isAwaited()) return null;
      const leaveLane = await pacer.begin().catch(() => null);
      if (leaveLane === null) return null;
      // Of a start that had not to wait the pacer knows nothing. What has passed here stays so: nothing starts but by this pump.
      await spacing.wait(this.#draining.signal);
      const giveSlotBack = await slots.acquire(this.targetId);
      if (gate.isOpen() && this.#isAwaited()) return this.#start(leaveLane, giveSlotBack);
      leaveLane();
      giveSlotBack();
    }
    return null;
  }
}
