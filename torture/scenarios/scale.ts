/**
 * A fleet that grows from one to three and shrinks again, with a target of 3/s that is always behind, so that its lane starts as
 * often as it may, and each newcomer named so that it must be handed that lane: the limit holds through every change of owner.
 */
import { preferredOwner, type LiveSession } from '../../src/domain/lease.ts';
import type { SessionId } from '../../src/domain/ids.ts';
import type { Program } from '../program.ts';
import type { Scenario, Stage } from '../scenario.ts';
import { TARGETS } from '../targets.ts';

const ROUNDS = 3;
const RATE = 100;
/** More than the limit lets through, so that there is no second in which it could do less. */
const LIMITED_SHARE = 0.045;
const BETWEEN_MS = 4_000;

export const scale: Scenario = {
  name: 'scale',
  summary: `1 → 3 → 1 processors under load, ${ROUNDS} times: no duplicate, and a target of 3/s never gets a fourth request in a second while its owner changes ${2 * 2 * ROUNDS} times`,
  fleet: { nodes: 1, processors: 1, targets: [TARGETS.plain, TARGETS.orders, TARGETS.limited] },
  healingMs: 120_000,

  async run(stage) {
    stage.load({ rate: RATE, typeOf: (drawn) => (drawn < LIMITED_SHARE ? 'limited.tick' : drawn < 0.5 ? 'order.placed' : 'note.made') });
    await stage.sleep(BETWEEN_MS);
    for (let round = 1; round <= ROUNDS; round += 1) await growAndShrink(stage, round);
    stage.healed();
  },
};

/** Each step waits for the lane to change hands, then lets the new owner work a while. */
async function growAndShrink(stage: Stage, round: number): Promise<void> {
  const joined: Program[] = [];
  for (const number of [2, 3]) {
    const processor = await stage.fleet.addProcessor(nextName(stage, `r${round}n${number}`));
    joined.push(processor);
    await untilOwned(stage, `${processor.name} to own the limited lane`, (owner) => owner === processor);
  }
  for (const processor of joined.toReversed()) {
    const { code, signal } = await processor.stop();
    stage.expect(code === 0, `${processor.name} to exit 0 when it leaves, got ${signal ?? `code ${code ?? 1}`}`);
    await untilOwned(stage, `another than ${processor.name} to own the limited lane`, (owner) => owner !== processor);
  }
}

async function untilOwned(stage: Stage, what: string, isWanted: (owner: Program) => boolean): Promise<void> {
  await stage.until(what, async () => {
    const owner = await stage.fleet.ownerOf(TARGETS.limited);
    return owner !== null && isWanted(owner) ? owner : null;
  });
  stage.note(`reached: ${what}`);
  await stage.sleep(BETWEEN_MS);
}

/** The first of such names that ranks above all that are there for the limited lane. */
function nextName({ fleet }: Stage, stem: string): string {
  const members = (names: readonly string[]): readonly LiveSession[] => names.map((member) => ({ id: member as SessionId, member }));
  const present = fleet.up.map(({ name }) => name);
  for (let number = 1; ; number += 1) {
    const name = `${stem}-${number}`;
    if (preferredOwner(TARGETS.limited.id, members([...present, name]))?.member === name) return name;
  }
}
