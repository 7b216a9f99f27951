/** What a program has told so far, and waiting for it to tell something. */
import type { Telemetry, TelemetryEvents, TelemetryName } from '../../src/runtime/telemetry.ts';
import { eventually } from './eventually.ts';

type Fields<Name extends TelemetryName> = TelemetryEvents[Name];

export interface TelemetryWatch {
  all<Name extends TelemetryName>(name: Name): readonly Fields<Name>[];
  /** Resolves with the first one that matches, told already or yet to come. */
  until<Name extends TelemetryName>(name: Name, matches?: (fields: Fields<Name>) => boolean, timeoutMs?: number): Promise<Fields<Name>>;
}

export function watchTelemetry(telemetry: Telemetry): TelemetryWatch {
  const told = new Map<TelemetryName, unknown[]>();
  telemetry.listen((name, fields) => {
    const list = told.get(name) ?? [];
    list.push(fields);
    told.set(name, list);
  });
  const all = <Name extends TelemetryName>(name: Name): readonly Fields<Name>[] => (told.get(name) ?? []) as Fields<Name>[];
  return {
    all,
    until: (name, matches = () => true, timeoutMs = 20_000) =>
      eventually(() => {
        const found = all(name).find(matches);
        if (found === undefined) throw new Error(`Expected ${name} to be told, got ${JSON.stringify(all(name).slice(-3))}`);
        return found;
      }, { timeoutMs, everyMs: 10 }),
  };
}
