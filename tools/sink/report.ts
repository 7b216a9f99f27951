/** How the sink's requests and its summary are printed. */
import type { ToolContext } from '../cli/context.ts';
import { formatBytes, formatMs, formatTime, printable } from '../cli/format.ts';
import type { SinkCounts } from './request-log.ts';
import type { SinkRequest } from './request.ts';

type Paint = ToolContext['paint'];

export function requestLine(request: SinkRequest, tookMs: number, paint: Paint): string {
  return [
    paint('dim', formatTime(request.receivedAt)),
    '-->',
    paint('cyan', printable(request.type ?? '(no type)')),
    printable(request.id ?? '(no webhook-id)'),
    `attempt ${request.attempt ?? '?'}`,
    formatBytes(request.bytes),
    signatureWords(request, paint),
    answerWords(request.status, tookMs, paint),
  ].join('  ');
}

function signatureWords(request: SinkRequest, paint: Paint): string {
  switch (request.verified) {
    case 'ok':
      return `signature ${paint('green', 'ok')}`;
    case 'bad':
      return `signature ${paint('red', 'BAD')} (${request.reason})`;
    case 'unchecked':
      return paint('dim', 'signature unchecked');
  }
}

function answerWords(status: number | null, tookMs: number, paint: Paint): string {
  if (status === null) return paint('yellow', 'no answer');
  return `${paint(status < 300 ? 'green' : 'red', String(status))} in ${formatMs(tookMs)}`;
}

export const summaryLine = ({ received, distinct, duplicates, badSignatures }: SinkCounts): string =>
  `${received} received, ${distinct} distinct ids, ${duplicates} duplicates, ${badSignatures} bad signatures`;
