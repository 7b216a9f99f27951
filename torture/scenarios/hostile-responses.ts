/**
 * A hundred thousand answers that do harm, of every quick kind that there is, beside one healthy target: memory is flat, nothing of it
 * reaches the healthy one, and each is written down. Kinds that count as failures open their breakers and are met now and then only, so
 * the others are owed more. Five minutes at most: a slow machine suffers fewer of them, and says how many.
 */
import { usageOf } from '../../bench/lab/processes.ts';
import type { TargetId } from '../../src/domain/ids.ts';
import { newSecret } from '../../src/domain/signing.ts';
import { registerTarget } from '../../src/store/targets.ts';
import { HostileReceiver, QUICK_HARMS } from '../hostile-receiver.ts';
import { now } from '../ledger.ts';
import type { Program } from '../program.ts';
import type { Scenario, Stage } from '../scenario.ts';
import { seedParked, unseed } from '../seed.ts';
import { calmTarget, typeAmong } from '../targets.ts';

const ANSWERS = 100_000;
/** So many kinds, at least, are no failures: their status had come. */
const HARMLESS_KINDS = 8;
const EACH = ANSWERS / HARMLESS_KINDS;
const RATE = 20;
const WITHIN_MS = 300_000;
/** After so many, what grows grows by leaking: pools, caches and the optimiser have what they need. */
const WARM_AFTER = ANSWERS / 5;
const LEAST_ANSWERS = 2 * WARM_AFTER;
const MOST_GROWTH_MIB = 64;

const idOf = (harm: string): TargetId => `tgt_${harm}` as TargetId;
const HOSTILE: readonly TargetId[] = QUICK_HARMS.map(idOf);

export const hostileResponses: Scenario = {
  name: 'hostile-responses',
  summary: `${ANSWERS} answers of ${QUICK_HARMS.length} hostile kinds in ${WITHIN_MS / 1_000} s at most, beside a healthy target: memory grows by ${MOST_GROWTH_MIB} MiB at most after the first fifth`,
  fleet: { nodes: 1, processors: 0, targets: [calmTarget('healthy')] },

  async run(stage) {
    const receiver = await HostileReceiver.start();
    try {
      await seed(stage, receiver);
      const processor = await stage.fleet.addProcessor();
      stage.load({ rate: RATE, typeOf: typeAmong(['healthy']) });
      await suffer(stage, processor);
    } finally {
      await receiver.stop();
    }
  },
};

/** One target for each kind, owed its share. They want no type, so that the load is none of theirs. */
async function seed(stage: Stage, receiver: HostileReceiver): Promise<void> {
  const { fleet: { store }, signal } = stage;
  for (const harm of QUICK_HARMS) {
    await registerTarget(store, { id: idOf(harm), url: receiver.urlOf(harm), eventTypes: [`${harm}.thing`], secrets: null, freshSecret: newSecret(), limits: { ratePerSecond: 0, concurrency: 0 }, timeoutMs: 5_000, retry: { scheduleMs: [], maxAttempts: 1 } });
    await seedParked(store, idOf(harm), EACH, signal);
  }
  stage.note(`${EACH * QUICK_HARMS.length} seeded`);
}

async function suffer(stage: Stage, processor: Program): Promise<void> {
  const { store } = stage.fleet;
  const total = EACH * QUICK_HARMS.length;
  const left = (): Promise<number> => store.deliveries.countDocuments({ targetId: { $in: [...HOSTILE] }, state: 'ready' });
  const untilMs = now() + WITHIN_MS;
  await stage.until('the first fifth', async () => (total - (await left()) >= WARM_AFTER ? true : null), WITHIN_MS);
  const warmMiB = await peakRssMiB(processor);
  let open = await left();
  for (; total - open < ANSWERS && now() < untilMs; open = await left()) await stage.sleep(500);
  const peakMiB = await peakRssMiB(processor);
  stage.note(`${total - open} hostile answers; memory ${warmMiB.toFixed(0)} MiB after ${WARM_AFTER}, ${peakMiB.toFixed(0)} MiB at most`);
  stage.expect(total - open >= LEAST_ANSWERS, `${LEAST_ANSWERS} hostile answers at least, got ${total - open}`);
  stage.expect(peakMiB - warmMiB <= MOST_GROWTH_MIB, `memory to grow by ${MOST_GROWTH_MIB} MiB at most, got ${(peakMiB - warmMiB).toFixed(0)} MiB`);
  await takeBack(stage);
}

/** The receivers' ledger knows nothing of these, so they must not be there when the ledgers are compared. */
async function takeBack({ fleet: { store } }: Stage): Promise<void> {
  await store.targets.updateMany({ _id: { $in: [...HOSTILE] } }, { $set: { status: 'disabled', statusReason: 'the scenario is over' }, $inc: { version: 1 } });
  await unseed(store, HOSTILE);
}

const peakRssMiB = async ({ pid }: Program): Promise<number> => (await usageOf({ processor: pid }))['processor']?.peakRssMiB ?? Infinity;
