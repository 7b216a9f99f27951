/** What an acknowledgement and a settled delivery hang on is in the journals of a majority before anybody acts on it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { firstClaim } from '../../src/domain/delivery.ts';
import { deliveryIdOf, newEventId, newSessionId } from '../../src/domain/ids.ts';
import { endOrphans, insertFirstResults, parkDeliveries, settleOpenDeliveries, type Settlement } from '../../src/store/deliveries.ts';
import { holdLane, listLanes, releaseLane, takeLane } from '../../src/store/lanes.ts';
import { fireTimers, writeTimers } from '../../src/store/schedule.ts';
import { endExpiredSessions, endSession, renewSession, startSession } from '../../src/store/sessions.ts';
import { answer } from '../../tools/sink/sink.ts';
import { useMongo } from '../support/mongo.ts';
import { post } from '../support/post.ts';
import { ONE } from '../support/replay.ts';
import { writesOf } from '../support/writes.ts';

const { mongo, inWorld } = useMongo();

interface Concern {
  readonly w?: unknown;
  readonly j?: unknown;
}

const isDurable = (concern: Concern | undefined): boolean => concern?.w === 'majority' && concern.j === true;

interface Profiled {
  readonly ns: string;
  readonly command: { readonly insert?: string; readonly findAndModify?: string; readonly writeConcern?: Concern };
}

/** The server's profile tells the strength of inserts and of findAndModify; of updates it keeps only the statement. */
test('running programs store events, results, parking, timers, lanes and sessions with a majority and its journals', () =>
  inWorld({ env: { RETRY_SCHEDULE: '100ms' }, behaviour: ({ seen }) => (seen === 1 ? answer(503, { headers: { 'retry-after': '1' } }) : answer(200)) }, async (world) => {
    await world.db.command({ profile: 2 });
    const server = await world.server();
    const processor = await world.processor();
    await post(server.url);
    await processor.told.until('lane.held');
    await post(server.url); // Comes while the lane is held, so it is parked.
    await processor.told.until('delivery.parked');
    await world.settled(2);
    await world.db.command({ profile: 0 });

    const writes = await world.db.collection<Profiled>('system.profile').find({ $or: [{ 'command.insert': { $exists: true } }, { 'command.findAndModify': { $exists: true } }] }).toArray();
    for (const name of ['events', 'deliveries', 'schedule', 'lanes', 'sessions']) {
      const own = writes.filter(({ ns }) => ns === `${world.db.databaseName}.${name}`).map(({ command }) => command);
      assert.ok(own.length > 0, `nothing was stored in ${name}`);
      for (const { writeConcern } of own) assert.ok(isDurable(writeConcern), `${name} with ${JSON.stringify(writeConcern)}`);
    }
  }));

test('no statement on deliveries, timers, lanes and sessions asks for less', () =>
  inWorld({}, async ({ db }) => {
    const eventId = newEventId(Date.now());
    const claim = firstClaim(deliveryIdOf(eventId, ONE), eventId, ONE);
    const settlement = (attemptCount: number): Settlement => ({ claim: { ...claim, stored: attemptCount > 0, attemptCount }, attempts: [], to: { state: 'waiting', wakeAt: new Date() } });
    const timer = { deliveryId: claim.id, targetId: ONE, generation: 0, attempt: 2, dueAt: new Date() };
    const session = newSessionId(Date.now());
    const writes = await writesOf({ uri: mongo().uri, databaseName: db.databaseName }, async (store) => {
      await insertFirstResults(store, [settlement(0)]);
      await settleOpenDeliveries(store, [settlement(1)]);
      await parkDeliveries(store, [claim], new Date());
      await endOrphans(store, [claim.id]);
      await writeTimers(store, [timer]);
      await fireTimers(store, [timer]);
      await startSession(store, { id: session, member: 'one', host: 'here', pid: 1 });
      await renewSession(store, session);
      const [lane] = await listLanes(store, [ONE]);
      assert.ok(lane);
      const taken = await takeLane(store, lane, session);
      await holdLane(store, ONE, new Date());
      await releaseLane(store, ONE, session, taken?.term ?? 0);
      await endExpiredSessions(store, new Date());
      await endSession(store, session);
    });
    assert.equal(writes.length, 14);
    for (const { commandName, command } of writes) assert.ok(isDurable(command['writeConcern'] as Concern | undefined), `${commandName} on ${String(command[commandName])} with ${JSON.stringify(command['writeConcern'])}`);
  }));
