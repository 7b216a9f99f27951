/**
 * Patterns over event types, as a target lists them. An event is wanted when one of them matches and none says no.
 *
 *   *              every type, and events without one
 *   order.paid     that type
 *   order.*        every type that begins with `order.`
 *   !order.debug   not that type, whatever the others say; `!order.*` likewise
 *
 * Types that begin with `hooktail.` are this product's own: only a pattern that begins with that too speaks of them.
 */

/** Types of the events that tell of this system itself. */
export const OWN_PREFIX = 'hooktail.';

export const MOST_PATTERNS = 100;
const MOST_CHARACTERS = 256;

export function wantedBy(patterns: readonly string[], type: string | null): boolean {
  let wanted = false;
  for (const pattern of patterns) {
    if (!pattern.startsWith('!')) wanted ||= matches(pattern, type);
    else if (matches(pattern.slice(1), type)) return false;
  }
  return wanted;
}

function matches(pattern: string, type: string | null): boolean {
  if (pattern === '*') return type === null || !type.startsWith(OWN_PREFIX);
  if (type === null) return false;
  return pattern.endsWith('.*') ? type.startsWith(pattern.slice(0, -1)) : pattern === type;
}

/** What is wrong with a pattern, in words; null when it can be used. A star anywhere else would match nothing and look as if it did. */
export function patternFault(pattern: string): string | null {
  const bare = pattern.startsWith('!') ? pattern.slice(1) : pattern;
  if (bare === '' || bare.startsWith('!')) return 'Expected *, a type, a prefix such as order.*, or one of the last two after a !';
  if (pattern === '!*') return 'Expected a type or a prefix after !, got *, which would leave nothing';
  if (pattern.length > MOST_CHARACTERS || !pattern.isWellFormed()) return `Expected at most ${MOST_CHARACTERS} characters of Unicode`;
  const stem = bare.endsWith('.*') ? bare.slice(0, -2) : bare;
  return bare === '*' || (stem !== '' && !stem.includes('*')) ? null : 'Expected * alone or as the last part, such as order.*';
}

/** Whether some pattern wants anything: without one, the rest has nothing to take from. */
export const wantsSomething = (patterns: readonly string[]): boolean => patterns.some((pattern) => !pattern.startsWith('!'));
