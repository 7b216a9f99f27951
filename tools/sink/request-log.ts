/**
 * What a sink remembers: the last requests and the counts of all of them. Both are bounded, so a sink can run for days: the
 * oldest requests are dropped beyond `keep`, and the ids seen longest ago beyond `IDS_KNOWN` (such an id would count as new).
 */
import type { OpenRequest, SinkRequest } from './request.ts';

export interface SinkCounts {
  readonly received: number;
  readonly distinct: number;
  /** Came again after a 2xx had been given for their id. A retry after a failure is none. */
  readonly duplicates: number;
  readonly badSignatures: number;
}

const IDS_KNOWN = 1_000_000;

interface Visits {
  seen: number;
  succeeded: boolean;
}

export class RequestLog {
  readonly #keep: number;
  readonly #visits = new Map<string, Visits>();
  readonly #requests: OpenRequest[] = [];
  #counts = { received: 0, distinct: 0, duplicates: 0, badSignatures: 0 };

  constructor(keep: number) {
    this.#keep = keep;
  }

  /** The same array for as long as the sink lives, oldest first. */
  get requests(): readonly SinkRequest[] {
    return this.#requests;
  }

  get counts(): SinkCounts {
    return { ...this.#counts };
  }

  /** Counts a visit of this id; answers which one it is, from 1. */
  visit(id: string | null): number {
    this.#counts.received += 1;
    if (id === null) return 1;
    const visits = this.#visits.get(id) ?? this.#firstVisit();
    visits.seen += 1;
    if (visits.succeeded) this.#counts.duplicates += 1;
    this.#visits.delete(id); // Set anew, it stands last: the map is in the order of the latest visits.
    this.#visits.set(id, visits);
    return visits.seen;
  }

  add(request: OpenRequest): void {
    if (request.verified === 'bad') this.#counts.badSignatures += 1;
    this.#requests.push(request);
    // Dropped by the tenth: taking one from the front of a long array costs as much as taking many.
    if (this.#requests.length > this.#keep + Math.floor(this.#keep / 10)) this.#requests.splice(0, this.#requests.length - this.#keep);
  }

  decided(request: OpenRequest, status: number | null): void {
    request.status = status;
    const visits = request.id === null ? undefined : this.#visits.get(request.id);
    if (visits !== undefined && status !== null && status >= 200 && status < 300) visits.succeeded = true;
  }

  clear(): void {
    this.#requests.length = 0;
    this.#visits.clear();
    this.#counts = { received: 0, distinct: 0, duplicates: 0, badSignatures: 0 };
  }

  #firstVisit(): Visits {
    this.#counts.distinct += 1;
    const [oldest] = this.#visits.size < IDS_KNOWN ? [] : this.#visits.keys();
    if (oldest !== undefined) this.#visits.delete(oldest);
    return { seen: 0, succeeded: false };
  }
}
