/** A target as it is shown: without its secrets, and without what looks like a credential in its headers. */
import { shownHeaders } from '../domain/target-headers.ts';
import type { Target } from '../domain/target.ts';
import type { TargetFields } from '../store/target-changes.ts';

export type Shown = Readonly<Record<string, unknown>>;

export const showTarget = ({ id, status, statusReason, version, createdAt, ...fields }: Target): Shown => ({ id, ...showFields(fields), status, statusReason, version, createdAt });

/** Those of its fields that are given, in the words of the API. */
export function showFields({ url, eventTypes, filter, limits, timeoutMs, retry, headers, description, metadata }: Partial<TargetFields>): Shown {
  return {
    ...(url === undefined ? {} : { url }),
    ...(eventTypes === undefined ? {} : { eventTypes }),
    ...(filter === undefined ? {} : { filter }),
    ...limits,
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(retry === undefined ? {} : { retryScheduleMs: retry.scheduleMs, maxAttempts: retry.maxAttempts }),
    ...(headers === undefined ? {} : { headers: shownHeaders(headers) }),
    ...(description === undefined ? {} : { description }),
    ...(metadata === undefined ? {} : { metadata }),
  };
}

/** What these fields were before, for the record of a change. */
export const shownAsBefore = (target: TargetFields, changed: Partial<TargetFields>): Shown =>
  showFields(Object.fromEntries(Object.keys(changed).map((name) => [name, target[name as keyof TargetFields]])));
