/**
 * How much a lane may hold in memory. A limited lane holds what it can send in five seconds; the others share one budget of
 * bodies, each at most three times what is free just now (as in slots.ts), so that a lane that stands still cannot crowd out
 * the rest. What does not fit waits in the database.
 */
import type { DeliveryJob } from '../domain/delivery.ts';
import type { TargetLimits } from '../domain/target.ts';

/** What a queued delivery costs besides its body. */
const OVERHEAD_BYTES = 1_024;
const SECONDS_AHEAD = 5;
const LEAST_IDS = 10;

export const SHARED_BUDGET_BYTES = 64 * 1_048_576;

/** Bytes that all unlimited lanes together may hold. */
export class MemoryBudget {
  leftBytes: number;

  constructor(totalBytes: number = SHARED_BUDGET_BYTES) {
    this.leftBytes = totalBytes;
  }
}

const costOf = ({ content }: DeliveryJob): number => content.body.byteLength + OVERHEAD_BYTES;

/** One lane's share: a count for a limited lane, the shared budget for an unlimited one. */
export interface Allowance {
  readonly room: number;
  /** Room enough that filling up again is worth a read. */
  readonly isRoomy: boolean;
  take(job: DeliveryJob): boolean;
  giveBack(job: DeliveryJob): void;
}

export function allowanceOf({ ratePerSecond }: TargetLimits, shared: MemoryBudget): Allowance {
  if (ratePerSecond === 0) return sharedAllowance(shared);
  const most = Math.max(LEAST_IDS, Math.ceil(ratePerSecond * SECONDS_AHEAD));
  let held = 0;
  return {
    get room() {
      return most - held;
    },
    get isRoomy() {
      return held <= most / 2;
    },
    take() {
      if (held >= most) return false;
      held += 1;
      return true;
    },
    giveBack() {
      held -= 1;
    },
  };
}

const ROOMY_IDS = 500;
const SHARE_OF_FREE = 3;
/** A delivery of middling size, to tell room in ids. */
const MIDDLING_BYTES = 2 * OVERHEAD_BYTES;

function sharedAllowance(shared: MemoryBudget): Allowance {
  let heldBytes = 0;
  const room = (): number => Math.max(0, Math.floor(Math.min(shared.leftBytes, SHARE_OF_FREE * shared.leftBytes - heldBytes) / MIDDLING_BYTES));
  /** An empty lane may always take one, if it fits at all. */
  const allows = (cost: number): boolean => cost <= shared.leftBytes && (heldBytes === 0 || heldBytes + cost <= SHARE_OF_FREE * shared.leftBytes);
  return {
    get room() {
      return room();
    },
    get isRoomy() {
      return room() >= ROOMY_IDS || heldBytes === 0;
    },
    take(job) {
      const cost = costOf(job);
      if (!allows(cost)) return false;
      heldBytes += cost;
      shared.leftBytes -= cost;
      return true;
    },
    giveBack(job) {
      heldBytes -= costOf(job);
      shared.leftBytes += costOf(job);
    },
  };
}
