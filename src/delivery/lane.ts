/**
 * A lane: the one place in the fleet that sends to a target. Whatever wants to start there takes a turn, quick retries before
 * the rest, and every turn passes the same four doors in the same order:
 *
 *   gate (session trusted, target active, not held) → pacer (a place in the lane, the rate) → slot (the processor's) → spacing
 *
 * The gate is looked at once more at the very end, since a wait lies between. One pump walks turn after turn through the
 * doors, so starts never overtake each other. `drain()` ends it: what has not started is forgotten here and still owed there.
 */
import type { DeliveryJob } from '../domain/delivery.ts';
import type { DeliveryId, TargetId } from '../domain/ids.ts';
import type { Allowance } from './budget.ts';
import { Fifo } from './fifo.ts';
import type { Gate } from './gate.ts';
import type { Pacer } from './pacer.ts';
import type { Slots } from './slots.ts';
import type { Spacing } from './spacing.ts';

/** A turn that has come. Both must be given back, each exactly once. */
export interface Turn {
  readonly leaveLane: () => void;
  readonly giveSlotBack: () => void;
}

/** Thrown to whoever waits for a turn when the lane is drained. */
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
}

interface TurnRequest {
  readonly resolve: (turn: Turn) => void;
  readonly reject: (error: Error) => void;
}

export class Lane {
  readonly targetId: TargetId;
  readonly #deps: LaneDeps;
  readonly #known = new Set<DeliveryId>();
  readonly #running = new Set<Promise<void>>();
  readonly #urgent = new Fifo<TurnRequest>();
  readonly #waiting = new Fifo<TurnRequest>();
  readonly #draining = new AbortController();
  #pumping = false;
  #wasFull = false;
  #holding = false;
  #callBelow = -1;

  constructor(targetId: TargetId, deps: LaneDeps) {
    this.targetId = targetId;
    this.#deps = deps;
  }

  get room(): number {
    return this.#deps.allowance.room;
  }

  get size(): number {
    return this.#known.size;
  }

  /** Whether it may start nothing now, for a reason that may last. */
  get isShut(): boolean {
    return this.#deps.gate.isShut();
  }

  has(id: DeliveryId): boolean {
    return this.#known.has(id);
  }

  /** Takes a job if there is room; it will be seen through unless the lane is drained first. */
  offer(job: DeliveryJob): 'taken' | 'known' | 'full' {
    if (this.#known.has(job.claim.id)) return 'known';
    if (this.#draining.signal.aborted || this.#deps.gate.isShut() || !this.#deps.allowance.take(job)) {
      this.#wasFull = true;
      return 'full';
    }
    this.#known.add(job.claim.id);
    const running = this.#see(job).finally(() => this.#running.delete(running));
    this.#running.add(running);
    return 'taken';
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
  takeTurn(urgent: boolean): Promise<Turn> {
    return new Promise((resolve, reject) => {
      (urgent ? this.#urgent : this.#waiting).push({ resolve, reject });
      if (!this.#pumping) void this.#pump();
    });
  }

  /** Starts nothing for so long. What came meanwhile is parked, so somebody must be told when the hold ends. */
  hold(ms: number): void {
    const { gate, onRoom } = this.#deps;
    gate.hold(ms);
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
    this.#deps.gate.poke();
    if (this.#wasFull && !this.#deps.gate.isShut()) this.#deps.onRoom();
  }

  async drain(): Promise<void> {
    this.#draining.abort();
    this.#deps.gate.poke();
    this.#deps.pacer.close();
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  async #pump(): Promise<void> {
    this.#pumping = true;
    while (this.#urgent.length + this.#waiting.length > 0) {
      const turn = this.#turnNow() ?? (await this.#nextTurn());
      const request = this.#urgent.shift() ?? this.#waiting.shift();
      if (turn === null) request?.reject(new LaneDrained('The lane is drained'));
      else request?.resolve(turn);
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
    spacing.noteStart();
    return { leaveLane, giveSlotBack };
  }

  /** Walks through the doors; null once the lane is drained. */
  async #nextTurn(): Promise<Turn | null> {
    const { gate, pacer, slots, spacing } = this.#deps;
    const { signal } = this.#draining;
    const isDraining = (): boolean => signal.aborted;
    while (!isDraining()) {
      await gate.opened(signal);
      const leaveLane = await pacer.begin().catch(() => null);
      if (leaveLane === null) return null;
      const giveSlotBack = await slots.acquire(this.targetId);
      await spacing.wait(signal);
      if (gate.isOpen() && !isDraining()) {
        spacing.noteStart();
        return { leaveLane, giveSlotBack };
      }
      leaveLane();
      giveSlotBack();
    }
    return null;
  }
}
