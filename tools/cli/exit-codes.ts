/** How a command line tool ends; the same numbers for every tool, so that scripts can tell the cases apart. */
export const EXIT = {
  done: 0,
  someFailed: 1,
  usage: 2,
  unreachable: 3,
  refused: 4,
  timedOut: 5,
  interrupted: 130,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];
