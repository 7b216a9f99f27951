/** Cutting a batch into its events: whatever bytes an event has, they come out as they went in. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { MAX_ITEMS, splitBatch } from '../../src/ingest/batch-items.ts';

const texts = (items: readonly Uint8Array[]): readonly string[] => items.map((item) => Buffer.from(item).toString('utf8'));
const split = (text: string, type = 'application/json'): readonly string[] => texts(splitBatch(Buffer.from(text), type));
const space = fc.stringMatching(/^[ \t\n\r]{0,3}$/);

describe('a batch is cut', () => {
  test('into the very texts of its elements, whatever they hold and whatever stands around them', () => {
    fc.assert(fc.property(fc.array(fc.tuple(space, fc.json(), space), { minLength: 1, maxLength: 20 }), space, (parts, around) => {
      const items = parts.map(([, json]) => json.trim());
      assert.deepEqual(split(`${around}[${parts.map(([before, , after], index) => `${before}${items[index] ?? ''}${after}`).join(',')}]${around}`), items);
    }), { numRuns: 500 });
  });

  test('into its lines', () => {
    const line = fc.json().map((json) => json.trim()).filter((json) => json !== '' && !json.includes('\n'));
    fc.assert(fc.property(fc.array(line, { minLength: 1, maxLength: 20 }), fc.constantFrom('\n', '\r\n', '\n\n', ' \n'), (lines, newline) => {
      assert.deepEqual(split(lines.join(newline), 'application/x-ndjson'), lines);
    }), { numRuns: 300 });
  });

  test('without ever throwing anything but a refusal, nor answering more than there may be', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 400 }), fc.constantFrom('application/json', 'application/ndjson'), (body, type) => {
      try {
        assert.ok(splitBatch(body, type).length <= MAX_ITEMS);
      } catch (error) {
        assert.match(String((error as { readonly code?: unknown }).code), /^(invalid_json|batch_size)$/);
      }
    }), { numRuns: 500 });
  });

  test('in a time that grows with its length only', () => {
    const deep = `[${'['.repeat(1_000_000)}`;
    assert.throws(() => splitBatch(Buffer.from(deep), 'application/json'), /not closed/);
  });
});
