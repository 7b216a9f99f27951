/** How counts and spans of time are written on the status screen. Pure. */
import { formatMs } from '../cli/format.ts';
import type { Count } from '../../src/store/status.ts';

/** `1,234`, or `100,000+` where counting ended. */
export const countOf = ({ value, more }: Count): string => `${value.toLocaleString('en-US')}${more ? '+' : ''}`;

/** Whole seconds, and days where hours are many. */
export function spanOf(ms: number): string {
  if (ms >= 172_800_000) return `${(ms / 86_400_000).toFixed(0)} d`;
  return ms < 120_000 ? `${Math.round(ms / 1_000)} s` : formatMs(ms);
}
