/**
 * One interleaving: the database, the log of its changes, the processors and replays that are alive, and what the script can do
 * to them. After each write the laws are checked; the first that is broken ends the interleaving.
 */
import { setImmediate } from 'node:timers/promises';
import { deliveryIdOf, newEventId, type DeliveryId, type EventId, type SessionId, type TargetId, type TimerId } from '../../src/domain/ids.ts';
import { LEASE_MS } from '../../src/domain/lease.ts';
import { insertEvents } from '../../src/store/events.ts';
import { findSettledAmong, replayDeliveries } from '../../src/store/replay.ts';
import { endExpiredSessions } from '../../src/store/sessions.ts';
import { DURABLE, type EventDocument, type Store } from '../../src/store/store.ts';
import type { TargetBook } from '../../src/store/target-book.ts';
import type { Settlement } from '../../src/store/deliveries.ts';
import { HASTY, PATIENT, type Member } from './ground.ts';
import { checkStep, EMPTY_LOOK, LawBroken, lookAt, type Look } from './laws.ts';
import { ModelProcessor, type SettleWatch } from './processor.ts';
import { Ledger } from './receiver.ts';
import { steppedStore } from './stepped-store.ts';
import { Steps } from './steps.ts';
import { StreamLog, timeAt, tokenAt } from './stream.ts';

interface Replay {
  readonly actor: string;
  readonly eventId: EventId;
  readonly read: Map<DeliveryId, number>;
}

/** Well in the past by the server's clock, so that whatever is planned for the near future is due. */
const BEHIND_MS = 3_600_000;
/** Whichever leases have run out by the server's clock. */
const WHENEVER = new Date(Date.UTC(9999, 0));

export class ModelWorld {
  readonly steps = new Steps();
  readonly ledger = new Ledger();
  readonly log = new StreamLog();
  readonly alive = new Map<Member, ModelProcessor>();
  look: Look = EMPTY_LOOK;
  /** Timers that were flipped, as the server counted them. */
  flipped = 0;
  readonly store: Store;
  readonly #targets: TargetBook;
  readonly #wallStartMs = Date.now() - BEHIND_MS;
  readonly #lives = new Map<Member, number>();
  /** Of the lives before. */
  readonly #sessions = new Map<Member, readonly SessionId[]>();
  readonly #replays = new Map<string, Replay>();
  readonly #gone = new Set<EventId>();
  readonly #events: EventId[] = [];
  /** Results that are being written: whether their delivery was seen settled meanwhile. */
  readonly #writing = new Map<Settlement, boolean>();
  #fault: LawBroken | null = null;
  #replayCount = 0;

  constructor(store: Store, targets: TargetBook) {
    this.store = store;
    this.#targets = targets;
  }

  actors(): readonly string[] {
    return [...[...this.alive.values()].map(({ actor }) => actor), ...this.#replays.keys()];
  }

  eventAt(pick: number): EventId | undefined {
    return this.#events[pick % Math.max(1, this.#events.length)];
  }

  /** @throws LawBroken the first law that was broken */
  mustBeSound(): void {
    if (this.#fault !== null) throw this.#fault;
  }

  fail(law: string): void {
    this.#fault ??= new LawBroken(law);
  }

  /** T1; the change event comes to each reader in its own time. */
  async ingest(targetIds: readonly TargetId[]): Promise<void> {
    const id = newEventId(this.#wallStartMs);
    await insertEvents(this.store, [{ id, source: 'model', idempotencyKey: id, fingerprint: id, type: null, targetIds, body: Buffer.from('{}'), contentType: 'application/json', receivedAt: new Date(this.#wallStartMs) }]);
    await this.#lookAgain(null);
    this.#events.push(id);
    this.log.addEvent(this.look.events.get(id) as EventDocument);
  }

  async start(member: Member): Promise<void> {
    if (this.alive.has(member)) return;
    const life = (this.#lives.get(member) ?? 0) + 1;
    this.#lives.set(member, life);
    const actor = `${member}${life}`;
    const store = this.#storeOf(actor);
    const processor = new ModelProcessor({
      actor, member, store, steps: this.steps, targets: this.#targets, ledger: this.ledger,
      replaces: this.#sessions.get(member) ?? [],
      clock: this.steps.clockOf(actor, this.#wallStartMs),
      connection: this.log.connectionFor(actor, this.steps),
      watch: this.#watch(),
      onFault: (fault) => this.fail(fault),
    });
    this.alive.set(member, processor);
    processor.start();
    await setImmediate();
  }

  /** Gone, in the middle of whatever it did. Requests that are in the network reach the receiver or do not. */
  async crash(member: Member): Promise<void> {
    const processor = this.alive.get(member);
    if (processor === undefined) return;
    this.alive.delete(member);
    this.#sessions.set(member, [...(this.#sessions.get(member) ?? []), processor.session]);
    this.ledger.excuse(processor.actor);
    this.steps.end(processor.actor);
    // It had renewed until just now, by the time of this interleaving.
    await this.#endLeaseAt(member, this.#wallStartMs + this.steps.now() + LEASE_MS);
  }

  async #endLeaseAt(member: Member, untilMs: number): Promise<void> {
    await this.store.sessions.updateMany({ member, live: true }, { $set: { until: new Date(untilMs) } });
  }

  crashReplay(actor: string): void {
    this.#replays.delete(actor);
    this.steps.end(actor);
  }

  /** Its lease runs out, and others may have its lanes. It starts nothing more, and does not know why. */
  async expire(member: Member): Promise<void> {
    const processor = this.alive.get(member);
    if (processor !== undefined) {
      processor.trusted = false;
      this.ledger.excuse(processor.actor);
    }
    if (processor !== undefined) await this.#endLeaseAt(member, this.#wallStartMs + this.steps.now());
    await endExpiredSessions(this.store, WHENEVER);
    this.#tellOfLanes();
  }

  /** As its last owner left it. A lane that is held already goes by what its owner knows, and only the next one sees this. */
  async trip(targetId: TargetId): Promise<void> {
    await this.store.lanes.updateOne({ _id: targetId }, { $set: { breaker: { state: 'open', until: new Date(0), openings: 1, failures: 0, spells: 1 } } });
  }

  /** T8, as the tool does it: reads what is settled, then replays what it has read, at whatever time that comes. */
  async replay(eventId: EventId, forced: boolean): Promise<void> {
    this.#replayCount += 1;
    const actor = `replay${this.#replayCount}`;
    const replay: Replay = { actor, eventId, read: new Map() };
    this.#replays.set(actor, replay);
    const store = this.#storeOf(actor);
    const ids = [PATIENT, HASTY].map((targetId) => deliveryIdOf(eventId, targetId));
    const task = async (): Promise<void> => {
      const settled = (await findSettledAmong(store, ids)).filter(({ state }) => forced || state === 'dead');
      for (const { id, generation } of settled) replay.read.set(id, generation);
      if (settled.length > 0) await replayDeliveries(store, settled);
      this.#replays.delete(actor);
    };
    task().catch((error: unknown) => this.fail(`${actor}: ${String(error)}`));
    await setImmediate();
  }

  /** Retention takes an event that is settled, and that no replay has its hands on. */
  async prune(eventId: EventId): Promise<void> {
    const event = this.look.events.get(eventId);
    const own = event?.targetIds.map((targetId) => this.look.deliveries.get(deliveryIdOf(eventId, targetId))?.state) ?? [];
    const replayed = [...this.#replays.values()].some((replay) => replay.eventId === eventId && replay.read.size > 0);
    if (event?.settledAt !== undefined && !replayed && own.every((state) => state === 'dead' || state === 'delivered')) await this.remove(eventId);
  }

  /** Somebody deletes an event by hand. */
  async remove(eventId: EventId): Promise<void> {
    this.#gone.add(eventId);
    await this.store.events.deleteOne({ _id: eventId });
    await this.#lookAgain(null);
  }

  /** The stored place in the stream goes back by so many changes, or away. */
  async rewind(member: Member, by: number | null): Promise<void> {
    if (by === null) {
      await this.store.resumeTokens.deleteOne({ _id: member }, { writeConcern: DURABLE });
      return;
    }
    const index = Math.max(-1, this.log.length - 1 - by);
    await this.store.resumeTokens.updateOne({ _id: member, clusterTime: { $gt: timeAt(index) } }, { $set: { token: tokenAt(index), clusterTime: timeAt(index) } }, { writeConcern: DURABLE });
  }

  /** Lanes may be free: those that are alive look, each in its own time. */
  #tellOfLanes(): void {
    for (const processor of this.alive.values()) processor.take();
  }

  #storeOf(actor: string): Store {
    return steppedStore({ store: this.store, steps: this.steps, actor, onWritten: async (label, result) => {
      if (label === 'schedule.updateMany' && result !== null) this.flipped += (result as { readonly modifiedCount: number }).modifiedCount;
      if (label === 'lanes.updateOne') this.#tellOfLanes();
      await this.#lookAgain(actor);
    } });
  }

  async #lookAgain(writer: string | null): Promise<void> {
    const before = this.look;
    this.look = await lookAt(this.store);
    const replaying = (writer === null ? undefined : this.#replays.get(writer)?.read) ?? null;
    try {
      checkStep(before, this.look, { ledger: this.ledger, gone: this.#gone, replaying });
    } catch (error) {
      this.fail(error instanceof LawBroken ? error.message : String(error));
    }
    this.log.addDue([...this.look.timers].filter(([, state]) => state === 'due').map(([id]): TimerId => id).sort());
    for (const settlement of this.#writing.keys()) if (this.#isSettled(settlement)) this.#writing.set(settlement, true);
  }

  #isSettled({ claim }: Settlement): boolean {
    const state = this.look.deliveries.get(claim.id)?.state;
    return state === 'delivered' || state === 'dead';
  }

  /** A proven 2xx is accepted from whoever brings it, as long as the delivery is open. */
  #watch(): SettleWatch {
    return {
      begun: (settlement) => this.#writing.set(settlement, this.#isSettled(settlement)),
      ended: (settlement, result) => {
        if (result === 'late' && settlement.to.state === 'delivered' && this.#writing.get(settlement) === false) this.fail(`a 2xx of ${settlement.claim.id} was dropped, though nothing was settled yet`);
        this.#writing.delete(settlement);
      },
    };
  }
}
