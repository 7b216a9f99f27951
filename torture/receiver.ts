/**
 * The receiver of all targets, a process of its own: `/<target>` is that target. It answers by the target's temper, and tells
 * its parent of every request twice: when it has come, and when it has been answered, cut off or left. It ends with its parent.
 */
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { once, setMaxListeners } from 'node:events';
import { systemClock } from '../src/runtime/clock.ts';
import { messageOf } from '../src/runtime/errors.ts';
import { give, type SinkAnswer } from '../tools/sink/answer.ts';
import { headerOf } from '../tools/sink/headers.ts';
import { listen } from '../tools/sink/listen.ts';
import { readBody } from '../tools/sink/request.ts';
import { behaviourOf } from './behaviour.ts';
import { now, type Arrival } from './ledger.ts';
import type { Command, Numbered, Outcome, Told } from './receiver-calls.ts';
import type { TargetPlan } from './targets.ts';

const TELL_EVERY_MS = 50;
const MAX_BODY_BYTES = 9_000_000;
/** Longer than a sender keeps an idle connection: it is never we who close one that is just being written to. */
const KEEP_ALIVE_MS = 120_000;

let settings: { readonly seed: number; readonly port: number; readonly targets: ReadonlyMap<string, TargetPlan> } = { seed: 0, port: 0, targets: new Map() };
let delayMs = 0;
let hanging: ReadonlySet<string> = new Set();
let closing = newClosing();
let nextSeq = 0;
let arrivals: Arrival[] = [];
let outcomes: Outcome[] = [];

const server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS }, (message, response) => void receive(message, response).catch(() => response.destroy()));

async function receive(message: IncomingMessage, response: ServerResponse): Promise<void> {
  const atMs = now();
  const body = await readBody(message, MAX_BODY_BYTES);
  if (body === null) return void response.destroy();
  const targetId = (message.url ?? '').slice(1);
  const attempt = Number(headerOf(message.headers, 'hooktail-attempt'));
  const seq = nextSeq++;
  arrivals.push({ seq, eventId: headerOf(message.headers, 'webhook-id') ?? '', targetId, attempt, atMs, fingerprint: createHash('sha256').update(body).digest('hex') });
  const asked = { number: numberOf(body), targetId, attempt };
  const target = settings.targets.get(targetId);
  const answer = await answerWith(target === undefined ? { kind: 'answer', status: 404 } : hanging.has(targetId) ? { kind: 'hang' } : behaviourOf(target.temper, settings.seed, asked), response);
  outcomes.push({ seq, answer, atMs: now() });
}

async function answerWith(decided: SinkAnswer, response: ServerResponse): Promise<Outcome['answer']> {
  const { signal } = closing;
  const held: SinkAnswer = decided.kind === 'answer' ? { ...decided, delayMs: (decided.delayMs ?? 0) + delayMs } : decided;
  await give(held, response, systemClock, signal);
  if (held.kind === 'hang' && !response.destroyed) await once(response, 'close');
  if (held.kind === 'answer' && response.writableFinished) return held.status;
  return held.kind === 'reset' || signal.aborted ? 'reset' : 'gone';
}

function numberOf(body: Buffer): number {
  const { data } = JSON.parse(body.toString('utf8')) as { readonly data?: { readonly number?: number } };
  return data?.number ?? 0;
}

async function obey(command: Command): Promise<void> {
  switch (command.kind) {
    case 'open':
      settings = { seed: command.seed, port: command.port, targets: new Map(command.targets.map((target) => [target.id, target])) };
      await listen(server, '127.0.0.1', command.port);
      return;
    case 'close':
      return close();
    case 'reopen':
      closing = newClosing();
      await listen(server, '127.0.0.1', settings.port);
      return;
    case 'delay':
      delayMs = command.ms;
      return;
    case 'hang':
      hanging = new Set(command.targetIds);
      return;
    case 'flush':
      tell();
      return;
  }
}

/** Every answer that is held back listens to it. */
function newClosing(): AbortController {
  const controller = new AbortController();
  setMaxListeners(0, controller.signal);
  return controller;
}

async function close(): Promise<void> {
  const closed = once(server, 'close');
  closing.abort();
  server.close();
  server.closeAllConnections();
  await closed;
}

function tell(): void {
  if (arrivals.length + outcomes.length > 0) say({ kind: 'records', arrivals, outcomes });
  [arrivals, outcomes] = [[], []];
}

const say = (told: Told): void => void process.send?.(told);

process.on('message', ({ call, command }: Numbered) => {
  obey(command).then(() => say({ kind: 'done', call, error: null }), (error: unknown) => say({ kind: 'done', call, error: messageOf(error) }));
});
process.on('disconnect', () => process.exit());
process.on('SIGINT', () => undefined); // A Ctrl-C goes to the whole group; our parent ends us in its own order.
setInterval(tell, TELL_EVERY_MS);
