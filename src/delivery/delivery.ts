/**
 * The delivery stage, put together: lanes on their pacers, the sender, settling, marks. It is given targets and sessions by
 * the processor and knows nothing of streams.
 */
import type { Health } from '../domain/breaker.ts';
import type { DeliveryId, TargetId } from '../domain/ids.ts';
import { faultOf } from '../domain/signing-secret.ts';
import type { Target } from '../domain/target.ts';
import type { UrlRules } from '../domain/target-url.ts';
import type { Clock } from '../runtime/clock.ts';
import { createPersist } from '../runtime/persist.ts';
import type { Random } from '../runtime/random.ts';
import type { ServerClock } from '../runtime/server-clock.ts';
import type { Telemetry } from '../runtime/telemetry.ts';
import type { EventHead } from '../store/events.ts';
import { holdLane, storeHealth } from '../store/lanes.ts';
import type { Store } from '../store/store.ts';
import type { TargetBook } from '../store/target-book.ts';
import { disableTarget } from '../store/targets.ts';
import { allowanceOf, MemoryBudget } from './budget.ts';
import { createCourier } from './courier.ts';
import { Gate } from './gate.ts';
import type { LookupAll } from './guard.ts';
import { HealthKeeper } from './health.ts';
import { createHerald } from './herald.ts';
import { Lane } from './lane.ts';
import { createPacer } from './limited-pacer.ts';
import { createMarker } from './mark.ts';
import { paceOf } from './pacer.ts';
import { createPark } from './park.ts';
import { createSender } from './sender.ts';
import { createSettler } from './settle.ts';
import { Slots } from './slots.ts';
import { Spacing } from './spacing.ts';

export interface DeliveryDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly serverClock: ServerClock;
  readonly random: Random;
  readonly telemetry: Telemetry;
  readonly targets: TargetBook;
  /** Whether a send may start, as far as the session goes. */
  readonly isTrusted: () => boolean;
  readonly onTimer: (dueAt: Date) => void;
  /** Whether an own lane knows this delivery. */
  readonly isInMemory: (targetId: TargetId, id: DeliveryId) => boolean;
  /** Aborted when the process gives up on what is not written. */
  readonly giveUp: AbortSignal;
}

export interface DeliveryOptions {
  readonly globalConcurrency: number;
  readonly urlRules: UrlRules;
  readonly lookup?: LookupAll | undefined;
}

export interface OpenLaneOptions {
  readonly term: number;
  /** As the last owner wrote it down. */
  readonly health: Health;
  readonly onForgotten: (id: DeliveryId) => void;
  readonly onRoom: () => void;
}

export interface DeliveryStage {
  readonly openLane: (targetId: TargetId, options: OpenLaneOptions) => Lane;
  readonly park: ReturnType<typeof createPark>;
  readonly recheck: (events: readonly EventHead[]) => void;
  readonly slotsInUse: () => number;
  /** Cuts every attempt under way; none of them uses up an attempt. */
  abortAttempts(): void;
  /** Writes the marks that are held back. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

export function createDelivery(deps: DeliveryDeps, options: DeliveryOptions): DeliveryStage {
  const { store, clock, serverClock, random, telemetry, targets, isTrusted, onTimer, giveUp } = deps;
  const persist = createPersist({ clock, telemetry, signal: giveUp });
  const marker = createMarker({ store, clock, persist, isInMemory: deps.isInMemory });
  const sender = createSender(clock, options.urlRules.addressFault, { ...options.urlRules, lookup: options.lookup });
  const slots = new Slots(options.globalConcurrency);
  const budget = new MemoryBudget();
  const deliver = createCourier({
    clock, serverClock, random, telemetry, sender, marker,
    settler: createSettler({ store, clock, persist, slots: options.globalConcurrency, onTimer, onWritten: (count, tookMs) => telemetry.emit('write.finished', { write: 'results', count, tookMs }) }),
    targetOf: ({ claim }) => signable(targets.get(claim.targetId)),
  });
  const tell = createHerald({ store, persist, targets });

  function keepHealth(targetId: TargetId, { term, health }: OpenLaneOptions): HealthKeeper {
    return new HealthKeeper(health, {
      clock, serverClock, telemetry, tell, isTrusted,
      target: () => targets.get(targetId),
      storeHealth: (known) => persist('target health', () => storeHealth(store, targetId, term, known)),
      storeHold: (until) => persist('lane hold', () => holdLane(store, targetId, until)),
      disable: async ({ id }, reason) => {
        await persist('target disabled', () => disableTarget(store, id, reason));
        await persist('targets read', () => targets.refresh());
      },
    });
  }

  function openLane(targetId: TargetId, options: OpenLaneOptions): Lane {
    const { limits } = requireTarget(targetId);
    const { onForgotten, onRoom } = options;
    const health = keepHealth(targetId, options);
    const gate = new Gate({ clock, isTrusted, isActive: () => !health.isDisabling && targets.get(targetId)?.status === 'active' });
    const pacer = createPacer(limits);
    const spacing = new Spacing(clock, paceOf(limits));
    const lane: Lane = new Lane(targetId, { slots, gate, pacer, spacing, allowance: allowanceOf(limits, budget), deliver: (job) => deliver(job, lane, health), onForgotten, onRoom, onPoke: () => health.look() });
    health.rule(lane);
    return lane;
  }

  function requireTarget(targetId: TargetId): Target {
    const target = targets.get(targetId);
    if (target === null) throw new Error(`Expected target ${targetId} before its lane is opened, got none`);
    return target;
  }

  return {
    openLane,
    park: createPark({ store, serverClock, telemetry, marker }),
    recheck: (events) => {
      for (const { id: eventId, targetIds } of events) marker.note({ eventId, targetIds, progress: null });
    },
    slotsInUse: () => slots.inUse,
    abortAttempts: () => sender.abortAll(),
    flush: () => marker.flush(),
    close: () => sender.close(),
  };
}

/** Its lane is shut when a secret does not open; this is for the moment in which that comes out. */
const signable = (target: Target | null): Target | null => (target !== null && faultOf(target.secrets) === null ? target : null);
