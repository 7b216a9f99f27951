/**
 * Telemetry as log lines on stderr: one JSON object a line for machines, or a short line for people. What is logged at which
 * level stands in one table, and which fields are written stands in another (log-fields.ts).
 */
import { writtenFields } from './log-fields.ts';
import type { Telemetry, TelemetryEvents, TelemetryName } from './telemetry.ts';

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];
export type LogFormat = 'json' | 'pretty';

/** Names not listed here are `debug`. */
const LEVELS: Partial<Record<TelemetryName, LogLevel>> = {
  'server.started': 'info',
  'processor.started': 'info',
  'process.stopping': 'info',
  'process.stopped': 'info',
  'process.failed': 'error',
  'loop.failed': 'warn',
  'request.failed': 'error',
  'stream.opened': 'info',
  'stream.closed': 'warn',
  'stream.caughtUp': 'info',
  'history.lost': 'warn',
  'session.lost': 'warn',
  'database.connectionsLost': 'info',
  'lane.taken': 'info',
  'lane.released': 'info',
  'lane.held': 'info',
  'admin.changed': 'info',
  'target.registered': 'info',
  'target.ended': 'info',
  'target.removed': 'info',
  'target.disabled': 'warn',
  'target.unreadable': 'error',
  'secrets.plain': 'warn',
  'target.failing': 'warn',
  'target.recovered': 'info',
  'breaker.opened': 'info',
  'breaker.closed': 'info',
  'write.failed': 'warn',
  'write.retried': 'warn',
};

export interface LoggerOptions {
  readonly level: LogLevel;
  readonly format: LogFormat;
  readonly name: string;
  readonly write?: (line: string) => void;
  readonly now?: () => Date;
}

/** Starts logging; answers the function that ends it. */
export function logTelemetry(telemetry: Telemetry, options: LoggerOptions): () => void {
  const { level, format, name: process, write = toStderr, now = () => new Date() } = options;
  const least = LOG_LEVELS.indexOf(level);
  return telemetry.listen((name, fields) => {
    const eventLevel: LogLevel = LEVELS[name] ?? 'debug';
    if (LOG_LEVELS.indexOf(eventLevel) < least) return;
    const line = { time: now(), level: eventLevel, process, name, fields: writtenFields(fields) };
    write(format === 'json' ? jsonLine(line) : prettyLine(line));
  });
}

interface Line {
  readonly time: Date;
  readonly level: LogLevel;
  readonly process: string;
  readonly name: TelemetryName;
  readonly fields: TelemetryEvents[TelemetryName];
}

const jsonLine = ({ time, level, process, name, fields }: Line): string => JSON.stringify({ time: time.toISOString(), level, process, event: name, ...fields });

function prettyLine({ time, level, process, name, fields }: Line): string {
  const mark = level === 'warn' || level === 'error' ? `${level.toUpperCase()} ` : '';
  return [time.toISOString().slice(11, 23), process.padEnd(9), mark + (sentenceOf(name, fields) ?? nameWithFields(name, fields))].join('  ');
}

function nameWithFields(name: TelemetryName, fields: TelemetryEvents[TelemetryName]): string {
  const details = Object.entries(fields).filter(([, value]) => value !== null).map(([key, value]) => `${key}=${printable(String(value))}`);
  return [name, ...details].join(' ');
}

/** One line stays one line, and no text of others moves the cursor. */
const printable = (text: string): string => text.replace(/[\u0000-\u001f\u007f-\u009f]/g, (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`);

/** The few lines a person looks for after a crash are sentences; the rest is the event's name. */
function sentenceOf(name: TelemetryName, fields: TelemetryEvents[TelemetryName]): string | null {
  if (name === 'stream.opened') return openedSentence(fields as TelemetryEvents['stream.opened']);
  if (name === 'stream.caughtUp') {
    const { offered, tookMs } = fields as TelemetryEvents['stream.caughtUp'];
    return `caught up ${offered} event${offered === 1 ? '' : 's'} in ${(tookMs / 1000).toFixed(1)} s`;
  }
  return null;
}

function openedSentence({ from, ageMs }: TelemetryEvents['stream.opened']): string {
  if (from === 'now' || ageMs === null) return 'watching events from now; what was owed before is found by the sweep';
  return `resumed from a stored position ${(ageMs / 1000).toFixed(1)} s old`;
}

const toStderr = (line: string): void => void process.stderr.write(`${line}\n`);
