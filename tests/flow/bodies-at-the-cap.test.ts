/** Bodies as large and as odd as ingest takes: through every buffer on the way, and out as they came in. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { usageOf } from '../../bench/lab/processes.ts';
import { sendMany } from '../../tools/send/load.ts';
import { answer } from '../../tools/sink/sink.ts';
import { useMongo } from '../support/mongo.ts';
import { post } from '../support/post.ts';
import { INGEST_SECRET, type World } from '../support/world.ts';

const { inWorld } = useMongo();

const hashOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** Parts that parsing and writing again would change, and bytes of every length of UTF-8. */
const ODD = String.raw`"control":"\u0000\u0001\u001f\u007f","lone":"\ud800","pair":"\ud83d\ude00","slash":"\/","same":1,"same":2,"big":123456789012345678901234567890,"small":-0.0e-7,` + '"text":"\u007f\u0080ÿ߿ࠀ�\u2028🪝"\t,\r\n ';
/** As deep as is allowed: 64 levels with the object around it. */
const DEEP = `"deep":${'['.repeat(63)}${']'.repeat(63)}`;

/** An event of exactly so many bytes, another one for each index; the filling is three bytes a character where it can be. */
function bodyOf(index: number, bytes: number): Buffer {
  const head = `{ "type":"order.created", "index":${index}, ${ODD}${DEEP}, "filling":"`;
  const left = bytes - Buffer.byteLength(head) - 2;
  assert.ok(left >= 0, `an event of this kind has at least ${Buffer.byteLength(head) + 2} bytes`);
  return Buffer.from(`${head}${'x'.repeat(left % 3)}${'€'.repeat(Math.floor(left / 3))}"}`);
}

interface Arrivals {
  readonly hashes: Map<string, readonly string[]>;
  /** Takes in what the receiver has, and lets go of the bodies. */
  readonly note: (world: World, id: string | null, body: Buffer) => void;
}

function arrivals(): Arrivals {
  const hashes = new Map<string, readonly string[]>();
  return {
    hashes,
    note(world, id, body) {
      hashes.set(id ?? '', [...(hashes.get(id ?? '') ?? []), hashOf(body)]);
      world.sink.clear();
    },
  };
}

interface Load {
  readonly count: number;
  readonly bytes: number;
  readonly concurrency: number;
  /** The most that either program may ever hold, in MiB. */
  readonly mostMiB: number;
}

/** As a sender does: what was not confirmed in time is sent again under the same key. Answers the hashes by event. */
async function sendUntilAccepted(url: string, { count, bytes, concurrency }: Omit<Load, 'mostMiB'>): Promise<ReadonlyMap<string, string>> {
  const sent = new Map<string, string>();
  for (let left = Array.from({ length: count }, (_, index) => index); left.length > 0; ) {
    const indexes = left;
    const indexOf = (position: number): number => indexes[position] ?? 0;
    const { accepted, failures } = await sendMany({ url, secret: INGEST_SECRET, count: indexes.length, concurrency, bodyOf: (position) => bodyOf(indexOf(position), bytes), keyOf: (position) => String(indexOf(position)) });
    for (const { id, key } of accepted) sent.set(id, hashOf(bodyOf(Number(key), bytes)));
    assert.deepEqual(failures.filter(({ status }) => status !== 503), []);
    left = failures.map(({ key }) => Number(key));
  }
  return sent;
}

/** Sends them through programs of their own; each must arrive once, as it was sent. */
async function allArrive({ count, bytes, concurrency, mostMiB }: Load): Promise<void> {
  const { hashes, note } = arrivals();
  const worlds: World[] = [];
  await inWorld({ env: { INGEST_MAX_BODY_BYTES: String(bytes) }, behaviour: ({ id, body }) => (worlds.forEach((world) => note(world, id, body)), answer(200)) }, async (world) => {
    worlds.push(world);
    const [server, processor] = [await world.child('server'), await world.child('processor')];
    const { url } = JSON.parse(await server.line('"event":"server.started"')) as { url: string };
    const sent = await sendUntilAccepted(url, { count, bytes, concurrency });
    const { status, body } = await post(url, { body: bodyOf(0, bytes + 1) });
    assert.deepEqual([status, body.code], [413, 'body_too_large']);
    await world.settled(count, 60_000);
    assert.deepEqual(hashes, new Map([...sent].map(([id, hash]) => [id, [hash]])));
    const used = await usageOf({ server: server.pid, processor: processor.pid });
    for (const [name, { peakRssMiB }] of Object.entries(used)) assert.ok(peakRssMiB <= mostMiB, `the ${name} held ${Math.round(peakRssMiB)} MiB`);
    assert.ok(!processor.output().includes('stream.closed'), processor.output());
  });
}

test('1,000 events of 256 KiB, the default cap, arrive once and byte for byte, in bounded memory; one byte more is refused', () =>
  allArrive({ count: 1_000, bytes: 262_144, concurrency: 20, mostMiB: 320 }));

test('so do events of 8 MiB, the highest cap there is: their change events stay under the 16 MiB of MongoDB', () =>
  allArrive({ count: 6, bytes: 8_388_608, concurrency: 2, mostMiB: 400 }));
