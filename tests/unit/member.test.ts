/** The name a processor goes by: a dead one of the same name is replaced, a living one on this host never. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { chooseMember, type MemberChoice } from '../../src/streams/member.ts';
import type { Store } from '../../src/store/store.ts';

interface Holder {
  readonly member: string;
  readonly host?: string;
  readonly pid: number;
}

const OWN_PID = 100;

/** A store in which these sessions live; nothing but reading them is possible. */
function storeWith(holders: readonly Holder[]): Store {
  const documents = holders.map(({ member, host = 'here', pid }, index) => ({ _id: `ses_${index}`, member, host, pid, until: new Date(0), live: true }));
  const cursor = { sort: () => cursor, toArray: () => Promise.resolve(documents) };
  return { sessions: { find: () => cursor } } as unknown as Store;
}

const choose = (holders: readonly Holder[], wanted: string | null, alive: readonly number[]): Promise<MemberChoice> =>
  chooseMember(storeWith(holders), { wanted, fallback: 'box', host: 'here', pid: OWN_PID, isAlive: (pid) => alive.includes(pid) });

describe('without a name in the configuration', () => {
  const cases: readonly (readonly [what: string, holders: readonly Holder[], alive: readonly number[], expected: { readonly member: string; readonly replaces: readonly string[] }])[] = [
    ['the default name is taken when nobody has it', [], [], { member: 'box', replaces: [] }],
    ['one that died here is replaced', [{ member: 'box', pid: 1 }], [], { member: 'box', replaces: ['ses_0'] }],
    ['one that lives here is left alone', [{ member: 'box', pid: 1 }], [1], { member: 'box-2', replaces: [] }],
    ['the first free number is taken', [{ member: 'box', pid: 1 }, { member: 'box-2', pid: 2 }, { member: 'box-4', pid: 4 }], [1, 2, 4], { member: 'box-3', replaces: [] }],
    ['a numbered one that died is replaced', [{ member: 'box', pid: 1 }, { member: 'box-2', pid: 2 }], [1], { member: 'box-2', replaces: ['ses_1'] }],
    ['a process id is of its host: what lives there says nothing of here', [{ member: 'box', host: 'there', pid: 1 }], [1], { member: 'box', replaces: ['ses_0'] }],
    ['an earlier session of this very process is replaced', [{ member: 'box', pid: OWN_PID }], [OWN_PID], { member: 'box', replaces: ['ses_0'] }],
  ];
  for (const [what, holders, alive, expected] of cases) test(what, async () => assert.deepEqual(await choose(holders, null, alive), expected));
});

describe('with a name in the configuration', () => {
  test('it is taken, and a dead holder replaced', async () => {
    assert.deepEqual(await choose([{ member: 'blue', pid: 1 }, { member: 'green', pid: 2 }], 'blue', [2]), { member: 'blue', replaces: ['ses_0'] });
  });

  test('it is refused when a living process here has it, with the fix', async () => {
    await assert.rejects(choose([{ member: 'blue', pid: 7 }], 'blue', [7]), { name: 'FatalError', code: 'processor_name_taken', message: /process 7 on this host/, fix: /PROCESSOR_NAME/ });
  });
});

test('whether a process lives is asked of the system: this one does, and so does one that may not be signalled', async () => {
  const own = { wanted: 'blue', fallback: 'box', host: 'here', pid: OWN_PID };
  for (const pid of [process.pid, 1]) await assert.rejects(chooseMember(storeWith([{ member: 'blue', pid }]), own), { code: 'processor_name_taken' });
  assert.equal((await chooseMember(storeWith([{ member: 'blue', pid: 2 ** 30 }]), own)).member, 'blue');
});
