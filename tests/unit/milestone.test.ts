/** What a stream that never runs dry may claim to have told. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Timestamp } from 'mongodb';
import type { StreamPosition } from '../../src/store/change-stream.ts';
import { createMilestone } from '../../src/streams/milestone.ts';
import { FakeClock, settled } from '../support/fake-clock.ts';

const at = (seconds: number): StreamPosition => ({ token: null, clusterTime: new Timestamp({ t: seconds, i: 1 }) });

test('everything up to the moment of asking is told once the position has come to the time that was answered, and not before', async () => {
  const clock = new FakeClock();
  const asked: number[] = [];
  const milestone = createMilestone(clock, () => (asked.push(clock.monotonic()), Promise.resolve(at(100).clusterTime)));
  assert.equal(milestone.passed(at(90)), null, 'this asks');
  await settled();
  await clock.advance(500);
  assert.equal(milestone.passed(at(99)), null);
  assert.equal(milestone.passed(at(100)), asked[0]);
  assert.equal(milestone.passed(at(101)), null, 'said once');
});

test('the server is asked once a second at most, again when it did not answer, and not while its answer has yet to be passed', async () => {
  const clock = new FakeClock();
  let asked = 0;
  const milestone = createMilestone(clock, () => ((asked += 1), asked === 1 ? Promise.reject(new Error('away')) : Promise.resolve(at(100).clusterTime)));
  for (let reads = 0; reads < 10; reads += 1) {
    milestone.passed(at(1));
    await clock.advance(100);
  }
  assert.equal(asked, 1);
  milestone.passed(at(1));
  await clock.advance(5_000);
  milestone.passed(at(1));
  assert.equal(asked, 2, 'what was answered has not been passed, so there is nothing new to ask');
});
