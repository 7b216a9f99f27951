/** What a receiver does with a request, drawn from the request itself, so that one seed gives every delivery the same fate. Pure. */
import { answer, type SinkAnswer } from '../tools/sink/answer.ts';
import { shareOf } from './random.ts';
import type { Temper } from './targets.ts';

export interface Asked {
  /** Of the event, as its sender counts. */
  readonly number: number;
  readonly targetId: string;
  readonly attempt: number;
}

export function behaviourOf(temper: Temper, seed: number, asked: Asked): SinkAnswer {
  const { number, targetId, attempt } = asked;
  if (shareOf(seed, 'refuse', targetId, number) < temper.refuses) return answer(400);
  if (attempt > temper.failsThrough) return answer(200);
  const drawn = shareOf(seed, 'answer', targetId, number, attempt);
  if (drawn < temper.resets) return { kind: 'reset' };
  if (drawn < temper.resets + temper.fails) return answer(temper.failsWith ?? 500);
  return answer(200, { delayMs: delayOf(temper, seed, asked) });
}

function delayOf({ slow, slowMs }: Temper, seed: number, { number, targetId, attempt }: Asked): number {
  const isSlow = shareOf(seed, 'slow', targetId, number, attempt) < slow;
  return isSlow ? Math.round(shareOf(seed, 'delay', targetId, number, attempt) * slowMs) : 0;
}
