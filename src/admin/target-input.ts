/**
 * What a person says of a target → its fields, or everything that is wrong with it, each with its place. Shapes have been
 * checked by then (target-schema.ts); here is what a schema cannot say.
 */
import { readFilter, type FieldFault } from '../domain/filter-reading.ts';
import type { PayloadFilter } from '../domain/filter.ts';
import { readHeaders } from '../domain/target-headers.ts';
import { savedUrlFault, type UrlRules } from '../domain/target-url.ts';
import { TARGET_DEFAULTS, type RetryPolicy, type TargetLimits } from '../domain/target.ts';
import { patternFault, wantsSomething } from '../domain/type-pattern.ts';
import { Problem } from '../http/problem.ts';
import type { TargetFields } from '../store/target-changes.ts';

/** As it comes over the wire. */
export interface TargetInput {
  readonly url: string;
  readonly eventTypes: readonly string[];
  readonly filter: unknown;
  readonly ratePerSecond: number;
  readonly concurrency: number;
  readonly timeoutMs: number;
  readonly retryScheduleMs: readonly number[];
  readonly maxAttempts: number | null;
  readonly headers: Readonly<Record<string, string>>;
  readonly description: string | null;
  readonly metadata: Readonly<Record<string, string>>;
}

/** What a target gets when its maker says nothing. */
export interface DeliveryDefaults {
  readonly limits: TargetLimits;
  readonly timeoutMs: number;
  readonly retry: RetryPolicy;
}

export const newFields = (input: Partial<TargetInput> & Pick<TargetInput, 'url'>, defaults: DeliveryDefaults, urlRules: UrlRules): TargetFields => {
  const base: TargetFields = { url: input.url, eventTypes: ['*'], ...TARGET_DEFAULTS, ...defaults };
  return { ...base, ...changedFields(input, base, urlRules) };
};

/** The fields that an input names. `before` completes those that consist of several. @throws Problem `invalid_target` */
export function changedFields(input: Partial<TargetInput>, before: TargetFields, urlRules: UrlRules): Partial<TargetFields> {
  const faults: FieldFault[] = [];
  const { url, eventTypes, timeoutMs, description, metadata } = input;
  const fields: Partial<TargetFields> = {
    ...defined({ url, eventTypes, timeoutMs, description, metadata }),
    ...(input.filter === undefined ? {} : { filter: filterOf(input.filter, faults) }),
    ...(input.headers === undefined ? {} : { headers: headersOf(input.headers, faults) }),
    ...(input.ratePerSecond === undefined && input.concurrency === undefined ? {} : { limits: { ...before.limits, ...defined({ ratePerSecond: input.ratePerSecond, concurrency: input.concurrency }) } }),
    ...(input.retryScheduleMs === undefined && input.maxAttempts === undefined ? {} : { retry: { ...before.retry, ...defined({ scheduleMs: input.retryScheduleMs, maxAttempts: input.maxAttempts }) } }),
  };
  faults.push(...faultsOf(input, urlRules));
  if (faults.length > 0) throw new Problem('invalid_target', 'Expected a target that can be delivered to; see errors', { errors: faults });
  return fields;
}

/** Without what was not said. */
const defined = <Fields extends object>(fields: Fields): { readonly [Key in keyof Fields]?: Exclude<Fields[Key], undefined> } =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as { readonly [Key in keyof Fields]?: Exclude<Fields[Key], undefined> };

function filterOf(value: unknown, faults: FieldFault[]): PayloadFilter | null {
  if (value === null) return null;
  const reading = readFilter(value, '/filter');
  if (reading.ok) return reading.filter;
  faults.push(reading.fault);
  return null;
}

function headersOf(given: Readonly<Record<string, string>>, faults: FieldFault[]): Readonly<Record<string, string>> {
  const reading = readHeaders(given);
  if (reading.ok) return reading.headers;
  faults.push(...reading.faults.map(({ pointer, message }) => ({ pointer: `/headers${pointer}`, message })));
  return {};
}

function faultsOf({ url, eventTypes, ratePerSecond, description, metadata }: Partial<TargetInput>, urlRules: UrlRules): readonly FieldFault[] {
  const told: readonly (readonly [pointer: string, message: string | null])[] = [
    ['/url', url === undefined ? null : savedUrlFault(url, urlRules)],
    ...(eventTypes ?? []).map((pattern, index) => [`/eventTypes/${index}`, patternFault(pattern)] as const),
    ['/eventTypes', eventTypes === undefined || wantsSomething(eventTypes) ? null : 'Expected a pattern without !: the others only take away from it'],
    ['/ratePerSecond', ratePerSecond === undefined || ratePerSecond === 0 || ratePerSecond >= 0.001 ? null : 'Expected 0, or 0.001 and more'],
    ['/description', isText(description) ? null : 'Expected Unicode text'],
    ...Object.entries(metadata ?? {}).map(([name, value]) => [`/metadata/${name}`, isText(value) ? null : 'Expected Unicode text'] as const),
  ];
  return told.flatMap(([pointer, message]) => (message === null ? [] : [{ pointer, message }]));
}

/** Whether MongoDB would keep it as it is. */
const isText = (text: string | null | undefined): boolean => text === null || text === undefined || text.isWellFormed();
