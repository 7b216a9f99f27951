/**
 * The generator, a process of its own: sends a load at its pace, and stamps each event with when it should have been sent and
 * when it was acknowledged. An event that is not accepted ends the load: a rate with refusals in it means nothing.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { seededRandom } from '../../torture/random.ts';
import { answerCalls, now, type LoadOrder, type LoadReport } from './calls.ts';
import { Line } from './line.ts';
import { acceptedIds, createRequests } from './requests.ts';
import { eventsOf, plannedTimes, typesOf, type ClosedPace, type OpenPace } from './schedule.ts';

/** More unanswered requests than this are no load any more but a pile-up: the run fails. */
const MOST_IN_FLIGHT = 4_000;
const FIRST_LINES = 64;
/**
 * Node's timers are late by 0.7 ms in the middle and by 1.3 ms at most on an idle machine (measured). That is the resolution of our
 * clock, and no doing of the system; whatever is sent later than this counts from when it was due.
 */
const TIMER_LATE_MS = 1.3;
const SEED = 20_260_101;

interface Sending {
  readonly report: LoadReport & { readonly ids: string[] };
  /** Sends the events of one request, from this one on, and notes their acknowledgement. */
  readonly send: (index: number, line: Line) => Promise<void>;
  readonly url: string;
  readonly perRequest: number;
}

async function load(order: LoadOrder): Promise<LoadReport> {
  const { pace, url, perRequest } = order;
  const random = seededRandom(SEED);
  const count = eventsOf(pace);
  const requestOf = createRequests(order);
  const report = { ids: new Array<string>(count).fill(''), types: typesOf(count, order, random), intendedAtMs: new Float64Array(count), ackedAtMs: new Float64Array(count) };
  const send = async (index: number, line: Line): Promise<void> => {
    const types = report.types.subarray(index, index + perRequest);
    const answer = await line.ask(requestOf(index, types));
    report.ackedAtMs.fill(now(), index, index + perRequest);
    acceptedIds(answer, types.length).forEach((id, place) => (report.ids[index + place] = id));
  };
  const sending = { report, send, url, perRequest };
  if (pace.kind === 'closed') await sendClosed(sending, pace);
  else await sendOpen(sending, pace, plannedTimes(pace, random));
  return report;
}

async function sendClosed({ report, send, url, perRequest }: Sending, { senders, events }: ClosedPace): Promise<void> {
  const lines = await Promise.all(Array.from({ length: Math.min(senders, events) }, () => Line.open(url)));
  let next = 0;
  const sendAll = async (line: Line): Promise<void> => {
    for (let index = next; index < events; index = next) {
      next += perRequest;
      report.intendedAtMs.fill(now(), index, next);
      await send(index, line);
    }
  };
  try {
    await Promise.all(lines.map(sendAll));
  } finally {
    for (const line of lines) line.close();
  }
}

/**
 * Every event on the line that has been free for the longest, or on a new one: what is slow holds up nothing but itself, and no
 * line is idle for so long that the server closes it.
 */
async function sendOpen({ report, send, url }: Omit<Sending, 'perRequest'>, { seconds }: OpenPace, plan: Float64Array): Promise<void> {
  const lines = await Promise.all(Array.from({ length: FIRST_LINES }, () => Line.open(url)));
  const free = [...lines];
  const failures: unknown[] = [];
  const underWay = new Set<Promise<void>>();

  async function sendOne(index: number): Promise<void> {
    const line = free.shift() ?? (await openLine());
    await send(index, line);
    free.push(line);
  }
  async function openLine(): Promise<Line> {
    const line = await Line.open(url);
    lines.push(line);
    return line;
  }
  function begin(index: number): void {
    if (underWay.size >= MOST_IN_FLIGHT) throw new Error(`Expected fewer than ${MOST_IN_FLIGHT} requests unanswered at once, got more after ${index} of ${plan.length} events: ${(plan.length / seconds).toFixed(0)} events/s are too many`);
    const sent = sendOne(index).catch((error: unknown) => void failures.push(error)).finally(() => underWay.delete(sent));
    underWay.add(sent);
  }

  const startedAtMs = Math.ceil(now()) + 10;
  try {
    for (let index = 0; index < plan.length && failures.length === 0; ) {
      const elapsedMs = now() - startedAtMs;
      for (; index < plan.length && (plan[index] ?? 0) <= elapsedMs; index += 1) {
        report.intendedAtMs[index] = countedFrom(startedAtMs + (plan[index] ?? 0), now());
        begin(index);
      }
      await sleep(Math.max(0, Math.ceil((plan[index] ?? 0) - (now() - startedAtMs))));
    }
    await Promise.all(underWay);
  } finally {
    for (const line of lines) line.close();
  }
  if (failures.length > 0) throw failures[0];
}

/** When an event's latency is counted from: when it was due, unless it was sent no later than timers are anyway. */
const countedFrom = (dueAtMs: number, sentAtMs: number): number => (sentAtMs - dueAtMs <= TIMER_LATE_MS ? sentAtMs : dueAtMs);

answerCalls({ load });
