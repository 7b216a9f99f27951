/**
 * The name a processor goes by in the fleet. Starting under a name ends the session before it, which is what makes a restart
 * take over at once; so two living processes must never share one. A process of the same name on the same host that still
 * lives is not replaced: an own second name is taken when none was asked for, and refused when one was.
 */
import type { SessionId } from '../domain/ids.ts';
import { FatalError } from '../runtime/errors.ts';
import { liveSessions, type SessionInfo } from '../store/sessions.ts';
import type { Store } from '../store/store.ts';

export interface MemberOptions {
  /** From the configuration; null for the default name. */
  readonly wanted: string | null;
  readonly fallback: string;
  readonly host: string;
  readonly pid: number;
  readonly isAlive?: (pid: number) => boolean;
}

export interface MemberChoice {
  readonly member: string;
  /** Sessions of that name whose process is not alive here: they are replaced. */
  readonly replaces: readonly SessionId[];
}

/** @throws FatalError `processor_name_taken` */
export async function chooseMember(store: Store, { wanted, fallback, host, pid, isAlive = processLives }: MemberOptions): Promise<MemberChoice> {
  const sessions = await liveSessions(store);
  const holderOf = (name: string): SessionInfo | undefined => sessions.find((session) => session.member === name && session.host === host && session.pid !== pid && isAlive(session.pid));
  const choose = (member: string): MemberChoice => ({ member, replaces: sessions.filter((session) => session.member === member).map(({ id }) => id) });
  if (wanted === null) return choose(firstFree(fallback, (name) => holderOf(name) === undefined));
  const holder = holderOf(wanted);
  if (holder === undefined) return choose(wanted);
  throw new FatalError('processor_name_taken', `PROCESSOR_NAME ${wanted} is in use by process ${holder.pid} on this host`, { fix: 'give each processor its own PROCESSOR_NAME, or none' });
}

function firstFree(name: string, isFree: (name: string) => boolean): string {
  for (let number = 2, candidate = name; ; number += 1) {
    if (isFree(candidate)) return candidate;
    candidate = `${name}-${number}`;
  }
}

function processLives(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
