/**
 * The secrets that a target signs with: exchanged with overlap, listed without what they are, taken away. And the public halves of
 * its ed25519 keys, for everybody: they are no secret, and receivers should be able to fetch them. Who asks for a target that is not
 * there, or has no such key, hears the same, so that nobody learns from it which targets there are.
 */
import type { Context } from 'hono';
import { isTargetId, newSecretId, type SecretId, type TargetId } from '../domain/ids.ts';
import { isLive, MOST_LIVE, newSecretOf, publicKeyOf, SECRET_KINDS, type SecretKind, type SigningSecret } from '../domain/signing-secret.ts';
import type { Target } from '../domain/target.ts';
import type { Route } from '../http/app.ts';
import { createJsonReader } from '../http/operation.ts';
import { databaseUnavailable, Problem } from '../http/problem.ts';
import type { Clock } from '../runtime/clock.ts';
import { findSecrets, removeSecret, rotateSecret, type TargetSecrets, type WrittenSecrets } from '../store/secrets.ts';
import type { Store } from '../store/store.ts';
import type { RecordChange } from './audit-port.ts';
import { checkIfMatch, etagOf } from './precondition.ts';
import { LISTS, REMOVES, ROTATES, ROTATION, TELLS_KEYS } from './secret-operations.ts';

export interface SecretRouteDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly recordChange: RecordChange;
  /** From memory, a second old at most: asked for without a token, so it must not cost a read each time. */
  readonly freshTarget: (id: TargetId) => Promise<Target | null>;
}

interface RotationRequest {
  readonly overlapSeconds?: number;
  readonly kind?: SecretKind;
}

const DAY_S = 86_400;
const KEYS_MAX_AGE_S = 60;

export function secretRoutes({ store, clock, recordChange, freshTarget }: SecretRouteDeps): readonly Route[] {
  const readRotation = createJsonReader<RotationRequest>(ROTATION, { ifEmpty: {} });

  async function list(context: Context): Promise<Response> {
    const { secrets, version, now } = await read(context);
    return answer(context, { secrets, version }, { secrets: secrets.filter((secret) => isLive(secret, now.getTime())).map(describe) });
  }

  async function rotate(context: Context): Promise<Response> {
    const { overlapSeconds = DAY_S, kind: wanted } = await readRotation(context);
    const [id, before] = [targetIdOf(context), await readToChange(context)];
    const live = before.secrets.filter((secret) => isLive(secret, before.now.getTime()));
    const kind = wanted ?? live[0]?.kind ?? SECRET_KINDS[0];
    const ending = live.filter((secret) => secret.kind === kind);
    const staying = overlapSeconds === 0 ? live.length - ending.length : live.length;
    if (staying >= MOST_LIVE) throw new Problem('too_many_secrets', `Expected fewer than ${MOST_LIVE} live secrets, got ${live.length}: wait until one expires, or delete one`);
    const [secret, secretId] = [newSecretOf(kind), newSecretId()];
    await recordChange(context, { action: 'target.secretRotated', subject: id, changes: { added: { id: secretId, kind }, expiring: ending.map((old) => old.id), overlapSeconds } });
    const after = (await rotateSecret(store, id, before, { secret, secretId, kind, overlapMs: overlapSeconds * 1_000 })) ?? changedMeanwhile();
    const made = after.secrets.find((one) => one.id === secretId) ?? changedMeanwhile();
    // A receiver has no use for a private key.
    return answer(context, after, { ...describe(made), secret: kind === 'ed25519' ? null : secret }, 201);
  }

  async function remove(context: Context): Promise<Response> {
    const [id, before] = [targetIdOf(context), await readToChange(context)];
    const gone = before.secrets.find((secret) => secret.id === context.req.param('secretId'));
    if (gone === undefined) throw new Problem('not_found', 'Expected the id of a secret of this target, got another');
    if (!before.secrets.some((secret) => secret !== gone && secret.expiresAt === null)) throw new Problem('last_secret', 'Expected another secret that does not expire to stay, got none: rotate first');
    await recordChange(context, { action: 'target.secretDeleted', subject: id, changes: { removed: { id: gone.id, kind: gone.kind } } });
    const after = (await removeSecret(store, id, before, gone.id)) ?? changedMeanwhile();
    return answer(context, after, { secrets: after.secrets.map(describe) });
  }

  async function tellKeys(context: Context): Promise<Response> {
    const id = context.req.param('id') ?? '';
    const target = isTargetId(id) ? await known(id) : null;
    const keys = (target?.secrets ?? []).filter((secret) => isLive(secret, clock.now())).flatMap(describeKey);
    return context.json({ keys }, 200, { 'cache-control': `public, max-age=${KEYS_MAX_AGE_S}` });
  }

  async function known(id: TargetId): Promise<Target | null> {
    try {
      return await freshTarget(id);
    } catch {
      throw databaseUnavailable('Expected the database to tell of the target, got no answer');
    }
  }

  async function read(context: Context): Promise<TargetSecrets> {
    const id = targetIdOf(context);
    const found = await findSecrets(store, id);
    if (found === null) throw new Problem('not_found', `Expected a stored target, got none with the id ${id}`);
    return found;
  }

  async function readToChange(context: Context): Promise<TargetSecrets> {
    const [found, match] = [await read(context), context.req.header('if-match')];
    if (match !== undefined) checkIfMatch(match, found);
    return found;
  }

  const path = '/api/v1/targets/:id';
  return [
    { method: 'GET', path: `${path}/secrets`, operation: LISTS, handler: list },
    { method: 'POST', path: `${path}/rotate-secret`, operation: ROTATES, handler: rotate },
    { method: 'DELETE', path: `${path}/secrets/:secretId`, operation: REMOVES, handler: remove },
    { method: 'GET', path: `${path}/public-keys`, operation: TELLS_KEYS, handler: tellKeys },
  ];
}

function targetIdOf(context: Context): TargetId {
  const id = context.req.param('id') ?? '';
  if (isTargetId(id)) return id;
  throw new Problem('not_found', 'Expected a target id such as tgt_default, got something else');
}

const answer = (context: Context, written: WrittenSecrets, body: object, status: 200 | 201 = 200): Response =>
  context.json(body, status, { etag: etagOf(written), 'cache-control': 'no-store' });

function describe(secret: SigningSecret): { readonly id: SecretId } & Readonly<Record<string, unknown>> {
  const { id, kind, createdAt, expiresAt } = secret;
  return { id, kind, createdAt, expiresAt, ...('fault' in secret ? { fault: secret.fault } : {}), ...(publicKeyOf(secret) === null ? {} : { publicKey: publicKeyOf(secret) }) };
}

function describeKey(secret: SigningSecret): readonly object[] {
  const [{ id, createdAt, expiresAt }, publicKey] = [secret, publicKeyOf(secret)];
  return publicKey === null ? [] : [{ id, publicKey, createdAt, expiresAt }];
}

function changedMeanwhile(): never {
  throw new Problem('conflict', 'Expected the target as it was read, but somebody else changed it meanwhile: look again, and repeat');
}
