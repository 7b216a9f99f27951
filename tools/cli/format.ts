/** How tools write times, sizes and foreign text for people. Pure. */

/** `0.42 ms`, `4.2 ms`, `42 ms`, `4.2 s`, `7 min`, `3.5 h`. */
export function formatMs(ms: number): string {
  if (ms < 1_000) return `${digits(ms)} ms`;
  if (ms < 120_000) return `${digits(ms / 1_000)} s`;
  return ms < 7_200_000 ? `${digits(ms / 60_000)} min` : `${digits(ms / 3_600_000)} h`;
}

export const formatBytes = (bytes: number): string => (bytes < 1_000 ? `${bytes} B` : bytes < 1_000_000 ? `${digits(bytes / 1_000)} kB` : `${digits(bytes / 1_000_000)} MB`);

/** Local time of day with milliseconds. */
export function formatTime(at: Date): string {
  const [hours, minutes, seconds] = [at.getHours(), at.getMinutes(), at.getSeconds()].map((part) => String(part).padStart(2, '0'));
  return `${hours}:${minutes}:${seconds}.${String(at.getMilliseconds()).padStart(3, '0')}`;
}

/** Text from outside, safe for a terminal: no control characters, and no longer than `most`. */
export function printable(text: string, most = 120): string {
  const clean = text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '?');
  return clean.length <= most ? clean : `${clean.slice(0, most - 1)}…`;
}

/** Two digits are enough to compare with, and more of them hide the size. */
const digits = (value: number): string => (value >= 10 || Number.isInteger(value) ? value.toFixed(0) : value >= 1 ? value.toFixed(1) : value.toFixed(2));
