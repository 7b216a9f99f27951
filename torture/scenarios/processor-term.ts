/** Processors that are told to end, by turns, while another goes on: nothing is repeated, everything is given back, and its targets are served by the other at once. */
import { now } from '../ledger.ts';
import { GRACE_MS, type Program } from '../program.ts';
import { between } from '../random.ts';
import type { Scenario, Stage } from '../scenario.ts';
import { UNLIMITED_TARGETS } from '../targets.ts';

const ENDINGS = 10;
const RATE = 200;
/** From a lane's release to the next request at its target: one that is owed several each second. */
const SERVED_WITHIN_MS = 1_000;

export const processorTerm: Scenario = {
  name: 'processor-term',
  summary: `SIGTERM of one of two processors under load, ${ENDINGS} times: no duplicate, exit 0 within its grace, lanes given back, token saved, targets served again within 1 s`,
  fleet: { nodes: 1, processors: 2, targets: UNLIMITED_TARGETS },

  async run(stage) {
    stage.load({ rate: RATE });
    for (let ending = 0; ending < ENDINGS; ending += 1) {
      await stage.sleep(between(stage.random, 1_500, 3_000));
      const processor = stage.fleet.processors[ending % 2];
      if (processor !== undefined) await endAndLook(stage, processor);
    }
    stage.healed();
  },
};

async function endAndLook(stage: Stage, processor: Program): Promise<void> {
  const toldAtMs = now();
  const wall = new Date();
  const { code, signal, tookMs } = await processor.stop();
  stage.note(`${processor.name} took ${tookMs.toFixed(0)} ms to end`);
  stage.expect(code === 0, `${processor.name} to exit 0, got ${signal ?? `code ${code ?? 1}`}`);
  stage.expect(tookMs < GRACE_MS, `${processor.name} to end within ${GRACE_MS} ms, got ${tookMs.toFixed(0)}`);
  await expectNothingHeld(stage, processor, wall);
  for (const { fields, atMs } of processor.said('lane.released', toldAtMs)) await expectServed(stage, String(fields['targetId']), atMs);
  await stage.fleet.start(processor);
}

/** In the database, by what the processor wrote on its way out. */
async function expectNothingHeld(stage: Stage, { name }: Program, toldAt: Date): Promise<void> {
  const { sessions, lanes, resumeTokens } = stage.fleet.store;
  const [session] = await sessions.find({ member: name }).sort({ _id: -1 }).limit(1).toArray();
  const held = session === undefined ? 0 : await lanes.countDocuments({ owner: session._id });
  const token = await resumeTokens.findOne({ _id: name });
  stage.expect(session?.endedBy === 'itself', `${name}'s session to be ended by itself, got ${session?.endedBy ?? 'still live'}`);
  stage.expect(held === 0, `${name} to hold no lane, got ${held}`);
  stage.expect(token !== null && token.savedAt >= toldAt, `${name}'s token to be saved at its end, got ${token?.savedAt.toISOString() ?? 'none'}`);
}

async function expectServed(stage: Stage, targetId: string, releasedAtMs: number): Promise<void> {
  const next = (): number | null => stage.fleet.receiver.received.find((request) => request.targetId === targetId && request.atMs > releasedAtMs)?.atMs ?? null;
  const afterMs = (await stage.until(`a request to ${targetId} after its release`, next)) - releasedAtMs;
  stage.note(`${targetId} served again ${afterMs.toFixed(0)} ms after its release`);
  stage.expect(afterMs <= SERVED_WITHIN_MS, `${targetId} to be served within ${SERVED_WITHIN_MS} ms of its release, got ${afterMs.toFixed(0)}`);
}
