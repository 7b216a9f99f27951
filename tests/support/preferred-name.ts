/** A processor name that is sure to be preferred, so that a test can say who owns what. */
import { newSessionId, type TargetId } from '../../src/domain/ids.ts';
import { preferredOwner } from '../../src/domain/lease.ts';

/** A name under which a processor is preferred for all of these targets beside `rival`. */
export function preferredName(rival: string, ...targets: readonly TargetId[]): string {
  const sessions = (name: string): Parameters<typeof preferredOwner>[1] => [name, rival].map((member) => ({ id: newSessionId(0), member }));
  for (let number = 1; ; number += 1) {
    const name = `name-${number}`;
    if (targets.every((target) => preferredOwner(target, sessions(name))?.member === name)) return name;
  }
}
