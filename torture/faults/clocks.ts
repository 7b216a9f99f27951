/** What happens to the wall clocks of our programs. Whether something is due or expired is the server's to judge, so nothing may come of it. */
import { withOneOf, type Fault } from '../fault.ts';
import { between, pick } from '../random.ts';

const OFFSETS_S = [-600, -240, -30, -2, 2, 30, 240, 600] as const;

const clockStep: Fault = {
  name: 'clock-step',
  summary: 'The wall clock of a processor or server jumps by 2 s to 10 min, ahead or back, and returns 3 to 15 s later',
  duplicates: 'none: leases hang on the monotonic clock, due times on the server\'s; a server 10 min off refuses signatures as too old until its clock is back',
  needs: { clocks: true },
  locks: [],
  inject: (stage, random) => withOneOf([...stage.fleet.processors, ...stage.fleet.servers], random, async (program) => {
    const offset = pick(random, OFFSETS_S);
    stage.note(`${program.name}'s clock jumps by ${offset} s`);
    program.setClock(offset);
    await stage.sleep(between(random, 3_000, 15_000));
    program.setClock(0);
  }),
};

export const CLOCK_FAULTS: readonly Fault[] = [clockStep];
