/**
 * Statements on `resumeTokens`: where each member's stream may go on. A token is a hint worth little: losing it costs a sweep,
 * never an event, so it is written with w:1.
 */
import type { Timestamp } from 'mongodb';
import { DURABLE, type Store } from './store.ts';

export interface ResumePoint {
  /** Opaque; only the server that made it may look inside. */
  readonly token: unknown;
  readonly clusterTime: Timestamp;
  readonly pipelineHash: string;
}

export async function loadResumePoint({ resumeTokens }: Store, member: string): Promise<(ResumePoint & { readonly savedAt: Date }) | null> {
  const found = await resumeTokens.findOne({ _id: member });
  return found === null ? null : { token: found.token, clusterTime: found.clusterTime, pipelineHash: found.pipelineHash, savedAt: found.savedAt };
}

export async function saveResumePoint({ resumeTokens }: Store, member: string, point: ResumePoint): Promise<void> {
  await resumeTokens.updateOne({ _id: member }, { $set: { ...point }, $currentDate: { savedAt: true } }, { upsert: true });
}

/** Clears the place that turned out useless, unless a newer one has been stored since. */
export async function clearResumePoint({ resumeTokens }: Store, member: string, token: unknown): Promise<void> {
  // Durable, unlike a save: the next opening reads at majority, and must not find it again.
  await resumeTokens.deleteOne({ _id: member, token }, { writeConcern: DURABLE });
}
