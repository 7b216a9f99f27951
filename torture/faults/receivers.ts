/** What happens to the receiver: it goes away, or takes its time. */
import type { Fault } from '../fault.ts';
import { between } from '../random.ts';

const NONE = 'none: a request that came to no answer is a failed attempt, and the next one has the next number';

const receiverDown: Fault = {
  name: 'receiver-down',
  summary: 'Its port is closed and every connection cut, for 0.5 to 6 s',
  duplicates: NONE,
  needs: {},
  locks: ['receiver'],
  async inject(stage, random) {
    const { receiver } = stage.fleet;
    await receiver.close();
    await stage.sleep(between(random, 500, 6_000));
    await receiver.reopen();
  },
};

const receiverSlow: Fault = {
  name: 'receiver-slow',
  summary: 'Every answer is held back by 0.1 to 1.5 s, for 2 to 8 s',
  duplicates: NONE,
  needs: {},
  locks: ['receiver'],
  async inject(stage, random) {
    const { receiver } = stage.fleet;
    await receiver.delay(between(random, 100, 1_500));
    await stage.sleep(between(random, 2_000, 8_000));
    await receiver.delay(0);
  },
};

export const RECEIVER_FAULTS: readonly Fault[] = [receiverDown, receiverSlow];
