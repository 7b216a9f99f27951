/** Statements on the signing secrets of one target. Each write compares the whole field with what was read, and raises the version. */
import type { SecretId, TargetId } from '../domain/ids.ts';
import type { SecretKind, SigningSecret } from '../domain/signing-secret.ts';
import { freshSecretOf, rotated, without } from './secret-rotation.ts';
import type { Store, TargetDocument } from './store.ts';
import { signingOf, type SecretField } from './vault.ts';

export interface TargetSecrets {
  readonly secrets: readonly SigningSecret[];
  readonly version: number;
  /** As it stands in the database, to compare with. */
  readonly field: SecretField;
  /** The server's time of the reading. */
  readonly now: Date;
}

export async function findSecrets({ targets, vault }: Store, id: TargetId): Promise<TargetSecrets | null> {
  const [found] = await targets.aggregate<Pick<TargetDocument, 'secrets' | 'version'> & { now: Date }>([{ $match: { _id: id } }, { $project: { secrets: 1, version: 1, now: '$$NOW' } }]).toArray();
  return found === undefined ? null : { secrets: vault.read(signingOf(id), found.secrets), version: found.version, field: found.secrets, now: found.now };
}

export type WrittenSecrets = Pick<TargetSecrets, 'secrets' | 'version'>;

export interface Rotation {
  readonly secret: string;
  readonly secretId: SecretId;
  readonly kind: SecretKind;
  readonly overlapMs: number;
}

/** Adds a secret; those of its kind expire after the overlap. Null when somebody else changed the target meanwhile. */
export const rotateSecret = (store: Store, id: TargetId, read: TargetSecrets, { secret, secretId, kind, overlapMs }: Rotation): Promise<WrittenSecrets | null> =>
  writeSecrets(store, id, read, rotated(read.field, [freshSecretOf(store, signingOf(id), secret, secretId)], overlapMs, [kind]));

/** Takes one away. Null when somebody else changed the target meanwhile. */
export const removeSecret = (store: Store, id: TargetId, read: TargetSecrets, secretId: SecretId): Promise<WrittenSecrets | null> =>
  writeSecrets(store, id, read, without(read.field, secretId));

async function writeSecrets({ targets, vault }: Store, id: TargetId, { field, version }: TargetSecrets, secrets: Readonly<Record<string, unknown>>): Promise<WrittenSecrets | null> {
  const written = await targets.findOneAndUpdate({ _id: id, version, secrets: field }, [{ $set: { secrets, version: { $add: ['$version', 1] } } }], { returnDocument: 'after' });
  return written === null ? null : { secrets: vault.read(signingOf(id), written.secrets), version: written.version };
}
