/** The system's clock, one of whose two times a test can move on. */
import { systemClock, type Clock } from '../../src/runtime/clock.ts';

export interface JumpingClock {
  readonly clock: Clock;
  readonly jump: (ms: number) => void;
}

export function jumpingClock(time: 'monotonic' | 'now' = 'monotonic'): JumpingClock {
  let aheadMs = 0;
  return { clock: { ...systemClock, [time]: () => systemClock[time]() + aheadMs }, jump: (ms) => (aheadMs += ms) };
}
