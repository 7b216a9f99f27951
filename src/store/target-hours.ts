/**
 * Statements on `targetHours`: what lane owners counted, added up by target and hour. Quick writes, since a lost one costs a
 * figure and nothing else; a TTL index takes out what is eight days old.
 */
import type { AnyBulkWriteOperation, UpdateFilter } from 'mongodb';
import type { TargetId } from '../domain/ids.ts';
import { LATENCY_BOUNDS_MS } from '../domain/latency.ts';
import type { Store, TargetHourDocument } from './store.ts';

export const HOUR_MS = 3_600_000;

export interface HourCounts {
  readonly attempts: number;
  readonly successes: number;
  readonly failures: number;
  /** Attempts by their class of latency (domain/latency.ts). */
  readonly latency: readonly number[];
  readonly lastError: { readonly error: string; readonly at: Date } | null;
}

export interface TargetHour extends HourCounts {
  readonly targetId: TargetId;
  /** Start of the hour, unix milliseconds on the server's clock. */
  readonly hourMs: number;
}

const PAGE = 1_000;

/** Adds what was counted since it was last added. */
export async function addHours({ targetHours }: Store, hours: readonly TargetHour[]): Promise<void> {
  for (let from = 0; from < hours.length; from += PAGE) await targetHours.bulkWrite(hours.slice(from, from + PAGE).map(toAddition), { ordered: false });
}

function toAddition({ targetId, hourMs, attempts, successes, failures, latency, lastError }: TargetHour): AnyBulkWriteOperation<TargetHourDocument> {
  const classes = latency.flatMap((count, index) => (count === 0 ? [] : [[`latency.${classKey(index)}`, count] as const]));
  const update: UpdateFilter<TargetHourDocument> = {
    $inc: { attempts, successes, failures, ...Object.fromEntries(classes) },
    $setOnInsert: { targetId, hour: new Date(hourMs) },
    ...(lastError === null ? {} : { $set: { lastError: lastError.error, lastErrorAt: lastError.at } }),
  };
  return { updateOne: { filter: { _id: idOf(hourMs, targetId) }, update, upsert: true } };
}

/** What was counted of a target in each of these hours, without those in which nothing was. */
export async function findHours({ targetHours }: Store, targetId: TargetId, hours: readonly number[]): Promise<readonly TargetHour[]> {
  const found = await targetHours.find({ _id: { $in: hours.map((hourMs) => idOf(hourMs, targetId)) } }, { sort: { _id: 1 } }).toArray();
  return found.map(({ hour, attempts, successes, failures, latency, lastError, lastErrorAt }) => ({
    targetId, hourMs: hour.getTime(), attempts, successes, failures,
    latency: [...LATENCY_BOUNDS_MS, 'more'].map((_, index) => latency[classKey(index)] ?? 0),
    lastError: lastError === undefined || lastErrorAt === undefined ? null : { error: lastError, at: lastErrorAt },
  }));
}

const classKey = (index: number): string => String(LATENCY_BOUNDS_MS[index] ?? 'more');

const idOf = (hourMs: number, targetId: TargetId): string => `${new Date(hourMs).toISOString().slice(0, 13)}Z/${targetId}`;
