/**
 * How much a lane may hold in memory. A limited lane holds what it can send in five seconds; the others share one budget of
 * bodies. What does not fit waits in the database.
 */
import type { DeliveryJob } from '../domain/delivery.ts';
import type { TargetLimits } from '../domain/target.ts';

/** What a queued delivery costs besides its body. */
const OVERHEAD_BYTES = 1_024;
const SECONDS_AHEAD = 5;
const LEAST_IDS = 10;

export const SHARED_BUDGET_BYTES = 64 * 1_048_576;

/** The bodies in memory of all unlimited lanes together. */
export class MemoryBudget {
  #leftBytes: number;

  constructor(totalBytes: number = SHARED_BUDGET_BYTES) {
    this.#leftBytes = totalBytes;
  }

  /** How many more deliveries of a middling size fit; an estimate for paging. */
  get room(): number {
    return Math.max(0, Math.floor(this.#leftBytes / (2 * OVERHEAD_BYTES)));
  }

  take({ content }: DeliveryJob): boolean {
    const cost = content.body.byteLength + OVERHEAD_BYTES;
    if (cost > this.#leftBytes) return false;
    this.#leftBytes -= cost;
    return true;
  }

  giveBack({ content }: DeliveryJob): void {
    this.#leftBytes += content.body.byteLength + OVERHEAD_BYTES;
  }
}

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

function sharedAllowance(shared: MemoryBudget): Allowance {
  return {
    get room() {
      return shared.room;
    },
    get isRoomy() {
      return shared.room >= ROOMY_IDS;
    },
    take: (job) => shared.take(job),
    giveBack: (job) => shared.giveBack(job),
  };
}
