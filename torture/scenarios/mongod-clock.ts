/**
 * The clock of MongoDB itself is set ten minutes forward, again and again: at once every lease looks expired, and whoever renews
 * first ends the other's session. What that one had in hand comes again; nothing is lost, and it goes on at once. Timers that
 * wait fall due early: the database's clock is the one that counts.
 */
import { SLOTS } from '../fleet.ts';
import { now } from '../ledger.ts';
import { lanesOf, servedAgain, servedWords, untilShared } from '../owners.ts';
import type { Program } from '../program.ts';
import type { Scenario, Stage } from '../scenario.ts';
import { UNLIMITED_TARGETS } from '../targets.ts';

const JUMPS = 3;
const JUMP_SECONDS = 600;
const RATE = 50;
/** A processor ends others only after 15 s of its own unbroken renewal. */
const UNBROKEN_MS = 17_000;
/** Two that renew at the same moment would both have renewed before either looks for the expired. */
const APART_MS = 2_000;
const SERVED_WITHIN_MS = 20_000;

export const mongodClock: Scenario = {
  name: 'mongod-clock',
  summary: `The clock of mongod jumps ${JUMP_SECONDS / 60} minutes forward, ${JUMPS} times: all leases expire at once, everything flows again within ${SERVED_WITHIN_MS / 1_000} s`,
  fleet: { nodes: 1, processors: 1, targets: UNLIMITED_TARGETS, clocks: true, databaseClock: true },
  healingMs: 120_000,

  async run(stage) {
    stage.load({ rate: RATE });
    await stage.sleep(APART_MS);
    await stage.fleet.addProcessor();
    let worstMs = 0;
    for (let jump = 1; jump <= JUMPS; jump += 1) {
      await untilShared(stage, stage.fleet.up);
      await stage.sleep(UNBROKEN_MS);
      worstMs = Math.max(worstMs, await jumpTo(stage, jump * JUMP_SECONDS));
    }
    stage.expect(worstMs <= SERVED_WITHIN_MS, `every target to be served again within ${SERVED_WITHIN_MS / 1_000} s, got ${(worstMs / 1_000).toFixed(1)} s`);
  },
};

/** One jump; answers how long the slowest target of those that lost their owner was not served. */
async function jumpTo(stage: Stage, seconds: number): Promise<number> {
  const { fleet } = stage;
  const lanes = new Map(await Promise.all(fleet.up.map(async (processor) => [processor, await lanesOf(fleet.store, processor)] as const)));
  stage.allowDuplicates(fleet.up.length * SLOTS, 'each processor may lose its lanes with so much in hand');
  const atMs = now();
  await fleet.setDatabaseClock(seconds);
  const loser: Program = await stage.until('a session to be ended by the jump', () => fleet.up.find((processor) => processor.said('session.lost', atMs).length > 0) ?? null);
  const served = await servedAgain(stage, { targetIds: lanes.get(loser) ?? [], atMs, heirs: fleet.up });
  stage.note(`+${seconds} s: ${loser.name} lost its session; served again: ${servedWords(served)}`);
  return served[0]?.ms ?? 0;
}
