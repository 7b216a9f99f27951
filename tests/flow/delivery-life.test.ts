/**
 * The delivery life as a model: random interleavings of owner changes, late results, parking, sweeps, replays and crashes at
 * any step, played against the real store. A longer run: npm run model. What it catches: docs/decisions/0006.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkModel, playKnown } from '../model/check.ts';
import { useMongo } from '../support/mongo.ts';

const { mongo } = useMongo();

const FAR = 1_000_000;
const WITHIN_MS = 20_000;

test('in whatever order things happen, no promise is broken, and one healthy processor puts everything right', async () => {
  const seed = Math.floor(Math.random() * 0x7fff_ffff);
  const { runs, failure } = await checkModel({ uri: mongo().uri, runs: FAR, seed, withinMs: WITHIN_MS });
  assert.equal(failure, null, `npm run model -- --seed ${failure?.seed ?? seed} --path ${failure?.path ?? ''}\n${failure?.script ?? ''}\n${failure?.law ?? ''}`);
  assert.ok(runs >= 10, `expected at least 10 interleavings in ${WITHIN_MS} ms, got ${runs}`);
});

test('an event is marked again when its replay crashed before it had moved anything, however long ago it was settled', () =>
  playKnown(mongo().uri, [[
    { do: 'ingest', to: 'patient' }, { do: 'settle', answer: 200 }, { do: 'muchLater' },
    { do: 'replay', pick: 0, forced: true }, { do: 'run', pick: 2, steps: 2 }, { do: 'crashReplay', pick: 0 },
  ]]));

test('marks that a crash has lost are made up for, however long nobody was there', () =>
  playKnown(mongo().uri, [[
    { do: 'ingest', to: 'patient' }, { do: 'muchLater' }, { do: 'replay', pick: 0, forced: true }, { do: 'settle', answer: 200 }, { do: 'crash', who: 'a' }, { do: 'muchLater' },
  ]]));

test('a mark that comes after a replay does not outlive what was replayed', () =>
  playKnown(mongo().uri, [[
    { do: 'ingest', to: 'hasty' }, { do: 'settle', answer: 500 }, { do: 'replay', pick: 0, forced: false }, { do: 'run', pick: 2, steps: 12 },
    { do: 'mark' }, { do: 'step', pick: 2, answer: 200 }, { do: 'settle', answer: 200 }, { do: 'crash', who: 'a' },
  ]]));

test('a failure that comes late, from a processor that has lost its lanes, changes nothing', () =>
  playKnown(mongo().uri, [[
    { do: 'ingest', to: 'patient' }, { do: 'hurry' }, { do: 'expire', who: 'a' }, { do: 'hurry' },
    { do: 'answer', pick: 1, answer: 500 }, { do: 'hurry' }, { do: 'answer', pick: 0, answer: 500 }, { do: 'hurry' },
  ]]));
