/**
 * The collections, typed, with the two strengths of write they are used with. Full words as field names: people query these
 * by hand. Each statement of the system stands in one of the files beside this one, as a function named for its intent.
 */
import type { Collection, Db, ReadConcernLike, Timestamp, WriteConcernSettings } from 'mongodb';
import type { Attempt } from '../domain/attempt.ts';
import type { BreakerState } from '../domain/breaker.ts';
import type { DeliveryState } from '../domain/delivery.ts';
import type { EventStatus } from '../domain/event.ts';
import type { PayloadFilter } from '../domain/filter.ts';
import type { AuditId, DeliveryId, EventId, ReplayId, SessionId, TargetId, TimerId, TokenId } from '../domain/ids.ts';
import type { Keyring } from '../domain/sealing.ts';
import type { Scope } from '../domain/scope.ts';
import type { Place, SourceLimits, SourceScheme } from '../domain/source.ts';
import type { RetryPolicy, TargetLimits, TargetStatus } from '../domain/target.ts';
import { Vault, type SecretField } from './vault.ts';

export interface EventDocument {
  _id: EventId;
  source: string;
  idempotencyKey: string;
  fingerprint: string;
  type: string | null;
  targetIds: readonly TargetId[];
  body: Buffer;
  contentType: string;
  receivedAt: Date;
  status: EventStatus;
  /** True until every target has its delivery document, then absent. */
  pendingFanOut?: true;
  /** How often replays have opened it again; absent until the first. From then on its word is only written by comparing. */
  reopened?: number;
  settledAt?: Date;
}

export interface DeliveryDocument {
  _id: DeliveryId;
  eventId: EventId;
  targetId: TargetId;
  state: DeliveryState;
  generation: number;
  attemptCount: number;
  attempts: Attempt[];
  /** In `ready` and `waiting` only, so that finished documents leave the hot index. */
  wakeAt?: Date;
  /** The batch of the replay that made it ready last; absent until the first. */
  replay?: ReplayId;
  reason?: string;
  settledAt?: Date;
}

export interface TimerDocument {
  _id: TimerId;
  targetId: TargetId;
  dueAt: Date;
  state: 'waiting' | 'due';
  firedAt?: Date;
}

export interface TargetDocument {
  _id: TargetId;
  url: string;
  eventTypes: string[];
  secrets: SecretField;
  limits: TargetLimits;
  timeoutMs: number;
  retry: RetryPolicy;
  status: TargetStatus;
  statusReason: string | null;
  version: number;
  /** From here on absent in what older versions wrote. */
  filter?: PayloadFilter | null;
  headers?: Readonly<Record<string, string>>;
  description?: string | null;
  metadata?: Readonly<Record<string, string>>;
  createdAt?: Date;
  /** Set when it is deleted, by the server's clock. */
  deletedAt?: Date;
}

/** What a lane owner counted of a target in one hour. Ids begin with the hour, so that the change stream passes them by. */
export interface TargetHourDocument {
  /** `<start of the hour>/<targetId>`. */
  _id: string;
  targetId: TargetId;
  hour: Date;
  attempts: number;
  successes: number;
  failures: number;
  /** Attempts by how long they took: the key is the most milliseconds of its class, or `more`. */
  latency: Readonly<Record<string, number>>;
  lastError?: string;
  lastErrorAt?: Date;
}

export interface AdminTokenDocument {
  _id: TokenId;
  name: string;
  /** SHA-256 of the token, in hex; the token itself is nowhere. */
  hash: string;
  scope: Scope;
  createdAt: Date;
  expiresAt?: Date;
  revokedAt?: Date;
  /** At most a minute old. */
  lastUsedAt?: Date;
}

export interface AuditDocument {
  _id: AuditId;
  at: Date;
  /** A token's id, or one of the words of AuditRecord. */
  actor: string;
  action: string;
  subject: string;
  changes: Readonly<Record<string, unknown>>;
  requestId?: string;
}

export interface SourceDocument {
  /** Its name. */
  _id: string;
  secrets: SecretField;
  scheme: SourceScheme;
  idempotency: Place | null;
  eventType: Place | null;
  /** JSON text. */
  schema: string | null;
  limits: SourceLimits;
  maxBodyBytes: number | null;
  description: string;
  version: number;
  createdAt: Date;
}

export interface LaneDocument {
  _id: TargetId;
  owner: SessionId | null;
  term: number;
  holdUntil?: Date;
  /** Absent while it never had anything to say. */
  breaker?: BreakerDocument;
}

/** What outlives an owner of a target's health (domain/breaker.ts). */
export interface BreakerDocument {
  state: BreakerState['kind'];
  /** While open. */
  until?: Date;
  openings?: number;
  /** While off. */
  why?: 'paused' | 'disabled';
  failingSince?: Date;
  failures: number;
  spells: number;
}

export interface SessionDocument {
  _id: SessionId;
  member: string;
  host: string;
  pid: number;
  until: Date;
  /** Until it is ended, then absent; one live session a member. */
  live?: true;
  /** Set when it begins to end: it is handed no more lanes. */
  leaving?: true;
  endedAt?: Date;
  endedBy?: 'itself' | 'successor' | 'expiry';
}

export interface ResumeTokenDocument {
  _id: string;
  token: unknown;
  clusterTime: Timestamp;
  pipelineHash: string;
  savedAt: Date;
}

/** For everything that a promise hangs on. */
export const DURABLE: WriteConcernSettings = { w: 'majority', journal: true };
/** For what the sweep repairs and what a restart can do without: status marks and tokens. */
export const QUICK: WriteConcernSettings = { w: 1 };
const MAJORITY: ReadConcernLike = { level: 'majority' };

export interface Store {
  readonly db: Db;
  /** Through it go all secrets that documents hold. */
  readonly vault: Vault;
  readonly events: Collection<EventDocument>;
  readonly deliveries: Collection<DeliveryDocument>;
  readonly schedule: Collection<TimerDocument>;
  readonly targets: Collection<TargetDocument>;
  readonly targetHours: Collection<TargetHourDocument>;
  readonly adminTokens: Collection<AdminTokenDocument>;
  readonly audit: Collection<AuditDocument>;
  readonly sources: Collection<SourceDocument>;
  readonly lanes: Collection<LaneDocument>;
  readonly sessions: Collection<SessionDocument>;
  readonly resumeTokens: Collection<ResumeTokenDocument>;
}

/**
 * The collections of one database; reads at majority, writes durable unless a statement says otherwise.
 * @param keyring opens and seals secrets; null for whoever has nothing to do with them
 */
export function openStore(db: Db, keyring: Keyring | null = null): Store {
  const options = { writeConcern: DURABLE, readConcern: MAJORITY };
  return {
    db,
    vault: new Vault(keyring),
    events: db.collection('events', options),
    deliveries: db.collection('deliveries', options),
    schedule: db.collection('schedule', options),
    targets: db.collection('targets', options),
    targetHours: db.collection('targetHours', { ...options, writeConcern: QUICK }),
    adminTokens: db.collection('adminTokens', options),
    audit: db.collection('audit', options),
    sources: db.collection('sources', options),
    lanes: db.collection('lanes', options),
    sessions: db.collection('sessions', options),
    resumeTokens: db.collection('resumeTokens', { ...options, writeConcern: QUICK }),
  };
}
