/** What happens to processors: they are killed, ended, stopped for a while, joined and left by others, and their tokens damaged. */
import { withOneOf, withThis, type Fault } from '../fault.ts';
import { between, pick } from '../random.ts';

const IN_HAND = 'what it had in flight, or answered and not yet written: at most its slots';
const NONE = 'none: what runs is seen through and written before the lanes are given back';

const processorKill: Fault = {
  name: 'processor-kill',
  summary: 'SIGKILL, and a start 0 to 3 s later; now and then so late that another takes its lanes',
  duplicates: IN_HAND,
  needs: {},
  locks: [],
  inject: (stage, random) => withOneOf(stage.fleet.processors, random, async (processor) => {
    await processor.kill();
    await stage.sleep(random() < 0.15 ? between(random, 16_000, 20_000) : between(random, 0, 3_000));
    await stage.fleet.start(processor);
  }),
};

const processorTerm: Fault = {
  name: 'processor-term',
  summary: 'SIGTERM, and a start 0 to 2 s after its end, which must be an exit 0',
  duplicates: NONE,
  needs: {},
  locks: [],
  inject: (stage, random) => withOneOf(stage.fleet.processors, random, async (processor) => {
    const { code, signal } = await processor.stop();
    stage.expect(code === 0, `${processor.name} to exit 0 after SIGTERM, got ${signal ?? `code ${code ?? 1}`}`);
    await stage.sleep(between(random, 0, 2_000));
    await stage.fleet.start(processor);
  }),
};

const processorStop: Fault = {
  name: 'processor-stop',
  summary: 'SIGSTOP, and SIGCONT 1 to 30 s later, before or after its lease has passed',
  duplicates: 'after 6 s: its slots, since attempts ran out of time, or others took its lanes and sent what it had sent; none before',
  needs: { processors: 2 },
  locks: [],
  inject: (stage, random) => withOneOf(stage.fleet.processors, random, async (processor) => {
    await processor.freeze();
    await stage.sleep(random() < 0.4 ? between(random, 1_000, 5_000) : between(random, 5_000, 30_000));
    await processor.thaw();
  }),
};

const processorScale: Fault = {
  name: 'processor-scale',
  summary: 'One more processor joins, and leaves by SIGTERM 3 to 12 s later',
  duplicates: NONE,
  needs: {},
  locks: [],
  async inject(stage, random) {
    const processor = await stage.fleet.addProcessor();
    await stage.sleep(between(random, 3_000, 12_000));
    await withThis(processor, stage, async () => {
      const { code, signal } = await processor.stop();
      stage.expect(code === 0, `${processor.name} to exit 0 when it leaves, got ${signal ?? `code ${code ?? 1}`}`);
    });
  },
};

/** In forms that a server answers with different codes (reference: 280, 260, 50811, 9, 40647). */
const DAMAGED: readonly unknown[] = [{ _data: '82ABCDEF0011223344' }, { _data: 'not hexadecimal' }, {}, { _data: '' }, { other: true }];

const tokenCorrupt: Fault = {
  name: 'token-corrupt',
  summary: 'SIGKILL, rubbish in the place of its resume token, and a start',
  duplicates: `${IN_HAND}; the token itself costs a sweep, and none`,
  needs: {},
  locks: [],
  inject: (stage, random) => withOneOf(stage.fleet.processors, random, async (processor) => {
    await processor.kill();
    await stage.fleet.store.resumeTokens.updateOne({ _id: processor.name }, { $set: { token: pick(random, DAMAGED) } });
    await stage.fleet.start(processor);
  }),
};

export const PROCESSOR_FAULTS: readonly Fault[] = [processorKill, processorTerm, processorStop, processorScale, tokenCorrupt];
