/** Tools that do one of several things: the first word says which, the rest are its options. */
import { usageError } from './tool-error.ts';

/** @throws ToolError (exit 2) when the first word is none of these; null when only help is asked for */
export function firstWord<Word extends string>(argv: readonly string[], words: readonly Word[]): Word | null {
  const [first] = argv;
  if (first === undefined || first === '--help' || first === '-h') return null;
  const found = words.find((word) => word === first);
  if (found === undefined) throw usageError(`expected ${words.join(', ')} first, got ${JSON.stringify(first)}`);
  return found;
}
