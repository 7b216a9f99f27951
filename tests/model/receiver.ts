/**
 * The receiver, and its ledger: every request, what was said to it, and whether its sender was cut off from writing that down.
 * From the ledger follows how many requests may have been repeated.
 */
import type { DeliveryClaim } from '../../src/domain/delivery.ts';
import type { DeliveryId } from '../../src/domain/ids.ts';
import type { Answer } from './steps.ts';

export interface Request {
  /** Comes back as the excerpt of the answer, and so stands in the attempt that is written. */
  readonly name: string;
  readonly actor: string;
  readonly claim: DeliveryClaim;
  status: Answer | null;
  /** Not answered, or answered and not written down. */
  open: boolean;
  /** It was open when its sender crashed or lost the lane: it may be sent once more. */
  excused: boolean;
}

export class Ledger {
  readonly #requests: Request[] = [];

  all(): readonly Request[] {
    return this.#requests;
  }

  begin(actor: string, claim: DeliveryClaim): Request {
    const request: Request = { name: `r${this.#requests.length + 1}`, actor, claim, status: null, open: true, excused: false };
    this.#requests.push(request);
    return request;
  }

  /** The sender has written down, or dropped, what came of this claim. */
  close(actor: string, claim: DeliveryClaim): void {
    for (const request of this.#requests) if (request.actor === actor && request.claim === claim) request.open = false;
  }

  /** The sender crashed, or others may have its lanes. */
  excuse(actor: string): void {
    for (const request of this.#requests) if (request.actor === actor && request.open) request.excused = true;
  }

  byName(name: string | null): Request | undefined {
    return this.#requests.find((request) => request.name === name);
  }

  of(id: DeliveryId, generation: number): readonly Request[] {
    return this.#requests.filter(({ claim }) => claim.id === id && claim.generation === generation);
  }

  /** Requests that got a 2xx beyond the first of a generation, and the most there may be. */
  repeats(id: DeliveryId, generation: number): { readonly repeated: number; readonly allowed: number } {
    const requests = this.of(id, generation);
    return { repeated: Math.max(0, requests.filter(({ status }) => status === 200).length - 1), allowed: requests.filter(({ excused }) => excused).length };
  }
}
