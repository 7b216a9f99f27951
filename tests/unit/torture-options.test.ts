/** The options of the torture run: what they make, what they refuse, and that a failed run can be repeated by what is printed. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { helpText } from '../../tools/cli/help.ts';
import { commandFor, readOrder, TORTURE_HELP, type TortureOrder } from '../../torture/options.ts';

const KNOWN = { scenarios: ['one', 'two'], faults: ['kill', 'stop'] };

function runOf(...argv: readonly string[]): TortureOrder {
  const order = readOrder(argv, KNOWN);
  if (order.kind !== 'run') throw new Error(`Expected an order to run, got ${order.kind}`);
  return order;
}

test('without options it is one mixed run of one minute on one node, under a random seed', () => {
  const { seed, ...order } = runOf();
  assert.ok(Number.isSafeInteger(seed) && seed >= 0, `seed ${seed}`);
  assert.deepEqual(order, { kind: 'run', runs: 1, scenarios: ['mixed'], mixed: { minutes: 1, nodes: 1, processors: 3, rate: 200, faults: null }, keepDir: null, json: false });
});

test('scenarios are named one by one, or all at once', () => {
  assert.deepEqual(runOf('--scenario', 'two,one').scenarios, ['two', 'one']);
  assert.deepEqual(runOf('--scenario', 'all').scenarios, KNOWN.scenarios);
});

test('what is not known is refused with what there is', () => {
  assert.throws(() => runOf('--scenario', 'three'), /expected some of one, two, mixed, got three/);
  assert.throws(() => runOf('--faults', 'kill,flood'), /expected some of kill, stop, got flood/);
  assert.throws(() => runOf('--nodes', '2'), /--nodes: expected 1 or 3/);
  assert.throws(() => runOf('--minutes', '0'), /--minutes: expected minutes from 0.1/);
  assert.throws(() => runOf('--faults', ','), /--faults: expected names/);
});

test('the printed command repeats a run alone, up to the largest seed that is drawn', () => {
  const given = runOf('--seed', '2147483647', '--minutes', '0.5', '--nodes', '3', '--processors', '2', '--rate', '50', '--faults', 'kill');
  const command = commandFor('mixed', given.seed, given.mixed);
  assert.deepEqual(runOf(...command.replace('npm run torture -- ', '').split(' ')), given);
  assert.equal(commandFor('one', 9, given.mixed), 'npm run torture -- --scenario one --seed 9');
});

test('help and list are asked for, and the help names every option', () => {
  assert.deepEqual(readOrder(['--help'], KNOWN), { kind: 'help' });
  assert.deepEqual(readOrder(['--list'], KNOWN), { kind: 'list' });
  const text = helpText(TORTURE_HELP);
  for (const name of ['seed', 'minutes', 'nodes', 'processors', 'rate', 'faults', 'scenario', 'runs', 'keep', 'json', 'list', 'help']) assert.match(text, new RegExp(`--${name} `));
});
