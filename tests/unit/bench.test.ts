/** The bench's own arithmetic: a figure is only as good as the plan behind it and the proof before it. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ratioOf, type Run } from '../../bench/figures/compare.ts';
import { FIGURES, type Figures } from '../../bench/figures/figures.ts';
import { latenciesOf, merged, percentileMs } from '../../bench/figures/latency.ts';
import { breachesOf, readLimits } from '../../bench/figures/limits.ts';
import { passageOf, perSecond } from '../../bench/figures/passage.ts';
import { seriesOf } from '../../bench/figures/series.ts';
import type { Arrivals, LoadReport } from '../../bench/lab/calls.ts';
import { createBodies, typeName } from '../../bench/lab/body.ts';
import { plannedTimes, typesOf } from '../../bench/lab/schedule.ts';
import { readPlan } from '../../bench/options.ts';
import { escaped, plot } from '../../bench/report/plot.ts';
import { WORKLOADS } from '../../bench/workloads.ts';
import { seededRandom } from '../../torture/random.ts';

const load = (count: number): LoadReport => ({
  ids: Array.from({ length: count }, (_, index) => `evt_${index}`), types: new Uint16Array(count),
  intendedAtMs: Float64Array.from({ length: count }, (_, index) => index * 10), ackedAtMs: Float64Array.from({ length: count }, (_, index) => index * 10 + 2),
});

const arrived = (ids: readonly string[], { statuses = ids.map(() => 200), targets = ids.map(() => 0) }: { readonly statuses?: readonly number[]; readonly targets?: readonly number[] } = {}): Arrivals => ({
  ids, targets: Uint16Array.from(targets), attempts: Uint8Array.from(ids, () => 1), statuses: Uint16Array.from(statuses), atMs: Float64Array.from(ids, (_, row) => row * 10 + 5), connections: 1,
});

describe('the proof of a load', () => {
  test('takes one in which every accepted event came to its target', () => {
    const passage = passageOf(load(3), arrived(['evt_0', 'evt_1', 'evt_2']));
    assert.deepEqual([passage.events, passage.requests, passage.duplicates, [...passage.deliveredAtMs]], [3, 3, 0, [5, 15, 25]]);
    assert.equal(perSecond(passage, passage.deliveredAtMs), 120);
  });

  const refused: readonly (readonly [what: string, arrivals: Arrivals, says: RegExp])[] = [
    ['an event that is missing', arrived(['evt_0', 'evt_2']), /all 3 accepted events to be delivered, 1 were not, such as evt_1/],
    ['an event that was only ever refused', arrived(['evt_0', 'evt_1', 'evt_2'], { statuses: [200, 503, 200] }), /1 were not, such as evt_1/],
    ['an event that nobody accepted', arrived(['evt_0', 'evt_1', 'evt_2', 'evt_9']), /1 others, such as evt_9/],
    ['an event at another target than its own', arrived(['evt_0', 'evt_1', 'evt_2'], { targets: [0, 4, 0] }), /evt_1 at target 4/],
  ];
  for (const [what, arrivals, says] of refused) test(`refuses ${what}`, () => assert.throws(() => passageOf(load(3), arrivals), says));

  test('refuses two events with one id', () => {
    assert.throws(() => passageOf({ ...load(2), ids: ['evt_0', 'evt_0'] }, arrived(['evt_0'])), /an id of its own for each of 2 events, got 1/);
  });

  test('counts what comes after a success as a duplicate, and a retry as none', () => {
    const { duplicates, requests } = passageOf(load(2), arrived(['evt_0', 'evt_1', 'evt_1', 'evt_0'], { statuses: [503, 200, 200, 200] }));
    assert.deepEqual([duplicates, requests], [1, 4]);
  });

  test('excuses what was never to arrive, and ignores another load', () => {
    const some = { ...load(2), types: Uint16Array.from([0, 7]) };
    assert.equal(passageOf(some, arrived(['evt_0', 'other'], { targets: [0, 3] }), { excused: (type) => type === 7, ignored: new Set(['other']) }).requests, 1);
  });
});

describe('the plan of an open loop', () => {
  test('has as many events as rate and time make, at rising whole milliseconds', () => {
    for (const schedule of ['fixed', 'poisson'] as const) {
      const times = plannedTimes({ kind: 'open', perSecond: 400, seconds: 5, schedule }, seededRandom(1));
      assert.equal(times.length, 2_000);
      assert.ok(times.every((atMs, index) => Number.isInteger(atMs) && atMs >= (times[index - 1] ?? 0)), schedule);
      assert.ok(Math.abs((times.at(-1) ?? 0) - 5_000) < 400, `${schedule}: the last one at about the end, got ${times.at(-1) ?? NaN}`);
    }
  });

  test('shares types evenly, or most to the first', () => {
    const even = typesOf(30, { types: [4, 5, 6], share: 'even' }, seededRandom(1));
    assert.deepEqual([...even.slice(0, 4)], [4, 5, 6, 4]);
    const zipf = typesOf(10_000, { types: Array.from({ length: 100 }, (_, type) => type), share: 'zipf' }, seededRandom(1));
    const of = (type: number): number => zipf.filter((one) => one === type).length;
    assert.ok(of(0) > 1.8 * of(1) && of(1) > of(20) && of(99) < of(20), `got ${of(0)}, ${of(1)}, ${of(20)} and ${of(99)}`);
  });

  test('makes bodies of exactly the length asked for, each with its number and type', () => {
    const body = createBodies(955)(42, 7);
    const parsed = JSON.parse(body.toString('utf8')) as { readonly type: string; readonly data: { readonly order: string } };
    assert.deepEqual([body.length, parsed.type, parsed.data.order], [955, typeName(7), '000000042']);
    assert.throws(() => createBodies(10), /at least \d+ bytes, got 10/);
  });
});

describe('figures', () => {
  test('latencies keep their tail when histograms are added up', () => {
    const from = new Float64Array(100);
    const fast = latenciesOf(from, Float64Array.from(from, () => 1));
    const slow = latenciesOf(from, Float64Array.from(from, (_, index) => (index === 0 ? 500 : 1)));
    const all = merged([fast, slow]);
    assert.ok(Math.abs(percentileMs(all, 50) - 1) < 0.01);
    assert.ok(Math.abs(percentileMs(all, 100) - 500) < 1);
    assert.equal(all.totalCount, 200);
  });

  test('a moment that is not known counts in no latency', () => {
    assert.equal(latenciesOf(new Float64Array(2), Float64Array.from([NaN, 3])).totalCount, 1);
  });

  test('a series tells what waits, and ends with nothing waiting', () => {
    const waiting = seriesOf(passageOf(load(200), arrived(load(200).ids))).find(({ name }) => name === 'waiting');
    assert.ok((waiting?.values.length ?? 0) > 5);
    assert.equal(waiting?.values.at(-1), 0);
  });

  const runOf = (variant: string, pair: number, deliveredPerSecond: number): Run => {
    const figures: Figures = { deliveredPerSecond };
    return { variant, pair, calibration: { computeMs: 1, flushMs: 1 }, result: { events: 1, figures, latencies: {}, series: [], cpuPerThousand: {}, peakRssMiB: {}, counts: null } };
  };

  test('a ratio compares the two runs of each pair, and tells the middle, the least and the most', () => {
    const runs = [runOf('a', 0, 200), runOf('b', 0, 100), runOf('b', 1, 100), runOf('a', 1, 150), runOf('a', 2, 900)];
    const ratio = ratioOf(runs, { figure: 'deliveredPerSecond', of: 'a', to: 'b' });
    assert.deepEqual([ratio?.pairs, ratio?.median, ratio?.min, ratio?.max], [2, 1.75, 1.5, 2]);
    assert.equal(ratioOf(runs, { figure: 'deliveredPerSecond', of: 'a', to: 'c' }), null);
  });

  test('a count above its limit is told, and a limit on nothing is a fault', () => {
    const run = runOf('hooktail', 0, 50);
    assert.deepEqual(breachesOf('peak', run, { peak: { deliveredPerSecond: 49 } }), ['peak, hooktail: deliveredPerSecond: expected at most 49, got 50.0000']);
    assert.deepEqual(breachesOf('peak', run, { peak: { deliveredPerSecond: 51 } }), []);
    assert.throws(() => breachesOf('peak', run, { peak: { nothing: 1 } }), /expected the name of a count of peak, got nothing/);
  });

  test('limits are for workloads that there are', () => {
    for (const name of Object.keys(readLimits())) assert.ok(WORKLOADS.some((workload) => workload.name === name), name);
  });
});

describe('workloads', () => {
  test('have codes and names of their own, and ratios of variants that they have', () => {
    for (const key of ['code', 'name'] as const) assert.equal(new Set(WORKLOADS.map((workload) => workload[key])).size, WORKLOADS.length);
    for (const { variants, ratios } of WORKLOADS) {
      for (const { figure, of, to } of ratios) assert.ok(figure in FIGURES && [of, to].every((name) => variants.some((variant) => variant.name === name)), `${of} ${to}`);
    }
  });

  test('are chosen by name or code, the peak without one', () => {
    const names = (...argv: readonly string[]): readonly string[] | undefined => readPlan(argv)?.workloads.map(({ workload }) => workload.name);
    assert.deepEqual(names(), ['peak']);
    assert.deepEqual(names('w7', 'idle', '--pairs', '2'), ['catch-up', 'idle']);
    assert.equal(names('all')?.length, WORKLOADS.length);
    assert.equal(readPlan(['--help']), null);
    assert.throws(() => readPlan(['fastest']), /Workload: expected .* got "fastest"/);
    assert.throws(() => readPlan(['peak', '--only', 'kafka']), /--only: expected some of hooktail, .* got kafka/);
  });
});

describe('a plot', () => {
  test('places lines between its axes, and lets no text become markup', () => {
    const svg = plot([{ name: '<b>', x: [0, 1, 2], y: [1, 10, 100] }], { title: 'a & b', x: { label: 's', scale: 'linear' }, y: { label: 'ms', scale: 'log' } });
    assert.match(svg, /points="64\.0,256\.0 344\.0,142\.0 624\.0,28\.0"/);
    assert.match(svg, /a &amp; b/);
    assert.ok(!svg.includes('<b>'));
    assert.equal(escaped('"<>&'), '&quot;&lt;&gt;&amp;');
  });
});
