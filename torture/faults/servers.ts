/** What happens to servers. No delivery passes through one, so they can repeat none; what they must not do is forget an acknowledgement. */
import { withOneOf, type Fault } from '../fault.ts';
import { between } from '../random.ts';

const NONE = 'none: the producer repeats under the same key and gets the same id';

const serverKill: Fault = {
  name: 'server-kill',
  summary: 'SIGKILL, and a start 0 to 3 s later',
  duplicates: NONE,
  needs: {},
  locks: [],
  inject: (stage, random) => withOneOf(stage.fleet.servers, random, async (server) => {
    await server.kill();
    await stage.sleep(between(random, 0, 3_000));
    await stage.fleet.start(server);
  }),
};

const serverTerm: Fault = {
  name: 'server-term',
  summary: 'SIGTERM, and a start 0 to 1 s after its end, which must be an exit 0',
  duplicates: NONE,
  needs: {},
  locks: [],
  inject: (stage, random) => withOneOf(stage.fleet.servers, random, async (server) => {
    const { code, signal } = await server.stop();
    stage.expect(code === 0, `${server.name} to exit 0 after SIGTERM, got ${signal ?? `code ${code ?? 1}`}`);
    await stage.sleep(between(random, 0, 1_000));
    await stage.fleet.start(server);
  }),
};

export const SERVER_FAULTS: readonly Fault[] = [serverKill, serverTerm];
