/** What stands in a log line is what is listed, and no secret gets into it by way of another's words. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { newSecret, standardSignature } from '../../src/domain/signing.ts';
import type { DeliveryId, TargetId } from '../../src/domain/ids.ts';
import { writtenFields } from '../../src/runtime/log-fields.ts';
import { logTelemetry, type LogFormat } from '../../src/runtime/logger.ts';
import { createTelemetry, type Telemetry } from '../../src/runtime/telemetry.ts';

function logging(format: LogFormat): { readonly telemetry: Telemetry; readonly text: () => string } {
  const lines: string[] = [];
  const telemetry = createTelemetry();
  logTelemetry(telemetry, { level: 'debug', format, name: 'test', write: (line) => void lines.push(line) });
  return { telemetry, text: () => lines.join('\n') };
}

const SIGNATURE = standardSignature([Buffer.from('a key of some length, for signing')], 'evt_1', '1700000000', Buffer.from('{}'));
const SECRETS = [newSecret(), newSecret(), SIGNATURE, SIGNATURE.replace('v1,', 'v1='), 'Bearer a-token-of-some-length', 'bearer abc.def-ghi', 'Basic dXNlcjpwYXNz', 'a'.repeat(64), 'DEADBEEF'.repeat(8)];

describe('a line', () => {
  test('leaves out fields that are not listed, and values that are no plain ones', () => {
    assert.deepEqual(writtenFields({ count: 1, body: '{"card":1}', authorization: 'x', headers: { a: 1 }, secrets: ['x'], status: { a: 1 }, __proto__x: 1, constructor: 1, error: null }), { count: 1, error: null });
  });

  for (const format of ['json', 'pretty'] as const) {
    test(`of ${format} holds no secret, token or signature, wherever in a text it stands`, () => {
      for (const secret of SECRETS) {
        const { telemetry, text } = logging(format);
        telemetry.emit('process.failed', { error: `refused ${secret}: it is "${secret}"` });
        telemetry.emit('delivery.settled', { deliveryId: 'evt_1/tgt_a' as DeliveryId, targetId: 'tgt_a' as TargetId, verdict: 'dead', delayMs: null, reason: secret });
        telemetry.emit('event.accepted', { requestId: null, eventId: 'evt_1' as never, type: secret, duplicate: false });
        const core = secret.replace(/^(?:whsec_|v1[,=]|bearer |basic )/i, '');
        assert.ok(!text().includes(core), text());
        assert.match(text(), /refused (?:[^ ]+ )?[^ ]*\*\*\*/);
      }
    });

    test(`of ${format} tells where a target is, without user name and query`, () => {
      const { telemetry, text } = logging(format);
      telemetry.emit('target.registered', { targetId: 'tgt_a' as TargetId, url: 'https://user:hunter2@receiver.example:8443/hooks?key=hunter3#hunter4' });
      assert.match(text(), /https:\/\/receiver\.example:8443\/hooks\?\*\*\*/);
      assert.doesNotMatch(text(), /hunter|user/);
    });
  }

  test('tells an address without secrets as it was given', () => {
    for (const url of ['http://127.0.0.1:8000', 'https://receiver.example/hooks', 'http://[::1]:8000']) assert.deepEqual(writtenFields({ url }), { url });
  });

  test('of a delivery names its event as well', () => {
    const { telemetry, text } = logging('json');
    telemetry.emit('delivery.resultDropped', { deliveryId: 'evt_7/tgt_a' as DeliveryId, targetId: 'tgt_a' as TargetId });
    const { eventId, deliveryId, targetId } = JSON.parse(text()) as Readonly<Record<string, string>>;
    assert.deepEqual([eventId, deliveryId, targetId], ['evt_7', 'evt_7/tgt_a', 'tgt_a']);
  });

  test('is bounded, and stays one line of JSON, whatever an error says', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 5_000 }), (error) => {
      const { telemetry, text } = logging('json');
      telemetry.emit('process.failed', { error });
      assert.ok((JSON.parse(text()) as { readonly error: string }).error.length <= 2_000);
      assert.equal(text().split('\n').length, 1);
    }), { numRuns: 200 });
  });
});
