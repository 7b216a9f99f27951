/**
 * What happens to MongoDB. Processors keep what they have in memory and write it once they can, so none of these may repeat
 * anything: a lease that nobody could renew is not held against its holder (design section 6 c).
 */
import type { MongoNode } from '../../tools/local-mongo.ts';
import type { Fault } from '../fault.ts';
import { killStreams, primaryOf, stepDown } from '../nodes.ts';
import { between, pick } from '../random.ts';
import type { Stage } from '../scenario.ts';

const NONE = 'none: results are kept and written once a primary is back';

/** A fault that may take the primary away: over once every node runs and one is primary. A fault that failed leaves no node down. */
const trouble = ({ fleet }: Stage, fault: () => Promise<void>): Promise<void> => fleet.troubling(async () => {
  try {
    await fault();
  } finally {
    await Promise.all(fleet.mongo.nodes.map((node) => node.start())); // Does nothing to one that runs.
  }
  await fleet.mongo.waitForPrimary();
});

const mongodKill: Fault = {
  name: 'mongod-kill',
  summary: 'SIGKILL of a node, in a set of three as often as not the primary, and a start 0 to 4 s later',
  duplicates: NONE,
  needs: {},
  locks: ['database'],
  inject: (stage, random) => trouble(stage, async () => {
    const node = await chooseNode(stage, random() < 0.5, random);
    await node.kill();
    await stage.sleep(between(random, 0, 4_000));
    await node.start();
  }),
};

const mongodFreeze: Fault = {
  name: 'mongod-freeze',
  summary: 'SIGSTOP of a node, in a set of three as often as not the primary, and SIGCONT 1 to 8 s later',
  duplicates: NONE,
  needs: {},
  locks: ['database'],
  inject: (stage, random) => trouble(stage, async () => {
    const node = await chooseNode(stage, random() < 0.5, random);
    node.pause();
    try {
      await stage.sleep(between(random, 1_000, 8_000));
    } finally {
      node.resume();
    }
  }),
};

const stepDownFault: Fault = {
  name: 'step-down',
  summary: 'The primary steps down (replSetStepDown)',
  duplicates: NONE,
  needs: { nodes: 3 },
  locks: ['database'],
  inject: (stage) => trouble(stage, async () => {
    const primary = await primaryOf(stage.fleet.mongo);
    if (primary !== null) await stepDown(primary);
  }),
};

const majorityLost: Fault = {
  name: 'majority-lost',
  summary: 'Two of three nodes are killed (SIGKILL), and started 2 to 8 s later',
  duplicates: NONE,
  needs: { nodes: 3 },
  locks: ['database'],
  inject: (stage, random) => trouble(stage, async () => {
    const spared = pick(random, stage.fleet.mongo.nodes);
    const killed = stage.fleet.mongo.nodes.filter((node) => node !== spared);
    await Promise.all(killed.map((node) => node.kill()));
    await stage.sleep(between(random, 2_000, 8_000));
    await Promise.all(killed.map((node) => node.start()));
  }),
};

const killCursors: Fault = {
  name: 'kill-cursors',
  summary: 'The change streams\' operations and cursors are killed (killOp, killCursors), 1 to 5 times',
  duplicates: 'none: the streams open again where they were, and what is in memory is not offered twice',
  needs: {},
  locks: ['database'],
  async inject(stage, random) {
    for (let left = between(random, 1, 5); left > 0; left -= 1) {
      const primary = await primaryOf(stage.fleet.mongo);
      if (primary !== null) stage.note(`${await killStreams(primary)} stream operations and cursors killed`);
      await stage.sleep(between(random, 100, 1_500));
    }
  },
};

const scheduleDrop: Fault = {
  name: 'schedule-drop',
  summary: 'The collection of timers is dropped, its indexes with it',
  duplicates: 'none: the deliveries themselves say when they are due, and the sweep finds them',
  needs: {},
  locks: ['database'],
  async inject({ fleet: { store } }) {
    await store.schedule.drop().catch(() => undefined); // It may not be there yet.
  },
};

export const DATABASE_FAULTS: readonly Fault[] = [mongodKill, mongodFreeze, stepDownFault, majorityLost, killCursors, scheduleDrop];

/** Any node, or the primary when that is wanted and known. */
async function chooseNode({ fleet: { mongo } }: Stage, wantsPrimary: boolean, random: () => number): Promise<MongoNode> {
  const any = pick(random, mongo.nodes);
  return wantsPrimary ? ((await primaryOf(mongo)) ?? any) : any;
}
