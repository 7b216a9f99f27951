/**
 * A mongod that did not start, and why, in its own words.
 * A taken port is told apart: there another one can be tried.
 */
export const portTaken = 'portTaken';

export type StartErrorCode = typeof portTaken | 'failed';

export class MongodStartError extends Error {
  readonly code: StartErrorCode;

  constructor(message: string, code: StartErrorCode) {
    super(message);
    this.name = 'MongodStartError';
    this.code = code;
  }
}

const linesShown = 5;

/** The errors of a mongod log, one JSON object a line; without any, its last lines, which is where a wrong option is told in plain text. */
export function readFailure(log: string): string {
  const lines = log.trimEnd().split('\n');
  const errors = lines.filter((line) => /"s":"[EF]"/.test(line) || line.includes('"error":'));
  return (errors.length > 0 ? errors : lines).slice(-linesShown).map(shorten).join('\n');
}

function shorten(line: string): string {
  try {
    const { msg, attr } = JSON.parse(line) as { msg?: string; attr?: unknown };
    return `${msg ?? line}${attr === undefined ? '' : ` ${JSON.stringify(attr)}`}`;
  } catch {
    return line;
  }
}
