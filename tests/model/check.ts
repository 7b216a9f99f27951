/**
 * Many scripts, on a database of its own for each of several players that play beside each other. What fails is cut down to
 * the shortest script that still fails; seed and path play that one again.
 */
import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { MongoClient } from 'mongodb';
import { ensureIndexes } from '../../src/store/indexes.ts';
import { openStore, type Store } from '../../src/store/store.ts';
import { TargetBook } from '../../src/store/target-book.ts';
import { registerTargets } from './ground.ts';
import { play } from './play.ts';
import { script, tell, type Action } from './script.ts';

export interface ModelCheck {
  readonly uri: string;
  readonly runs: number;
  readonly seed: number;
  /** Of a counterexample, as it was told. */
  readonly path?: string;
  /** No script is begun after so long; null for as long as it takes. */
  readonly withinMs?: number | null;
  readonly players?: number;
  readonly signal?: AbortSignal;
}

export interface ModelVerdict {
  readonly runs: number;
  readonly failure: ModelFailure | null;
}

export interface ModelFailure {
  readonly seed: number;
  readonly path: string;
  /** How many scripts it took, the failing one included. */
  readonly after: number;
  /** The shortest script that fails. */
  readonly script: string;
  readonly law: string;
}

const PLAYERS = 4;

export async function checkModel({ uri, runs, seed, path, withinMs = null, players = PLAYERS, signal }: ModelCheck): Promise<ModelVerdict> {
  const client = await new MongoClient(uri, { promoteBuffers: true }).connect();
  // A path leads to one script of one player.
  const seeds = path === undefined ? Array.from({ length: players }, (_, index) => seed + index) : [seed];
  const each = Math.ceil(runs / seeds.length);
  try {
    const progress: Progress = { played: 0, failing: null };
    const failures = await Promise.all(seeds.map((own) => checkAlone(client, { runs: each, seed: own, path, withinMs, progress, signal })));
    return { runs: progress.played, failure: failures.find((failure) => failure !== null) ?? null };
  } finally {
    await client.close();
  }
}

/** Plays scripts that were found once, each from the start. @throws LawBroken */
export async function playKnown(uri: string, scripts: readonly (readonly Action[])[]): Promise<void> {
  const client = await new MongoClient(uri, { promoteBuffers: true }).connect();
  try {
    await onStage(client, async (store, targets) => {
      for (const actions of scripts) await play(store, targets, actions);
    });
  } finally {
    await client.close();
  }
}

/** A database for one player. */
async function onStage<Result>(client: MongoClient, act: (store: Store, targets: TargetBook) => Promise<Result>): Promise<Result> {
  const db = client.db(`model_${randomUUID().slice(0, 8)}`);
  const store = openStore(db);
  try {
    await ensureIndexes(store, 30);
    await registerTargets(store);
    const targets = new TargetBook(store);
    await targets.refresh();
    return await act(store, targets);
  } finally {
    await db.dropDatabase();
  }
}

/** What the players know of each other. */
interface Progress {
  played: number;
  /** Whose script failed first; the others need not go on. */
  failing: number | null;
}

interface AloneOptions {
  readonly runs: number;
  readonly seed: number;
  readonly path: string | undefined;
  readonly withinMs: number | null;
  readonly progress: Progress;
  readonly signal: AbortSignal | undefined;
}

function checkAlone(client: MongoClient, { runs, seed, path, withinMs, progress, signal }: AloneOptions): Promise<ModelFailure | null> {
  return onStage(client, async (store, targets) => {
    const property = fc.asyncProperty(script, async (actions: readonly Action[]) => {
      if (signal?.aborted === true || (progress.failing !== null && progress.failing !== seed)) return;
      if (progress.failing === null) progress.played += 1;
      await play(store, targets, actions).catch((error: unknown) => {
        progress.failing ??= seed;
        throw error;
      });
    });
    const limits = withinMs === null ? {} : { interruptAfterTimeLimit: withinMs, markInterruptAsFailure: false };
    const details = await fc.check(property, { numRuns: runs, seed, ...(path === undefined ? {} : { path }), ...limits });
    return progress.failing === seed ? failureOf(details, progress.played) : null;
  });
}

function failureOf({ seed, counterexample, counterexamplePath, errorInstance }: fc.RunDetails<[readonly Action[]]>, after: number): ModelFailure {
  const law = errorInstance instanceof Error ? errorInstance.message : String(errorInstance);
  return { seed, path: counterexamplePath ?? '', after, script: counterexample === null ? '' : tell(counterexample[0]), law };
}
