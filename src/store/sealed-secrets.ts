/**
 * Statements on all stored secrets at once: under which keys they are, and sealing them anew. A document is written only over the
 * very secrets that were read, so programs may change them meanwhile; its version stays, since nothing of what it signs with has changed.
 */
import type { Collection } from 'mongodb';
import { DURABLE, type Store } from './store.ts';
import { asStored, ingestOf, signingOf, type SecretField, type SecretOwner, type StoredSecret } from './vault.ts';

/** What a document with secrets must look like here, whatever else it holds. */
interface SecretsDocument {
  _id: string;
  secrets: SecretField;
}

interface SecretPlace {
  readonly collection: string;
  readonly ownerOf: (id: string) => SecretOwner;
}

/** Every collection whose documents hold secrets in a field `secrets`. */
const PLACES: readonly SecretPlace[] = [{ collection: 'targets', ownerOf: signingOf }, { collection: 'sources', ownerOf: ingestOf }];

const collectionOf = ({ db }: Store, { collection }: SecretPlace): Collection<SecretsDocument> => db.collection(collection, { writeConcern: DURABLE, readConcern: { level: 'majority' } });

export interface KeyUse {
  /** Null: plain. */
  readonly keyId: string | null;
  readonly secrets: number;
}

/** How many secrets each key has sealed, and how many are plain. */
export async function countByKey(store: Store): Promise<readonly KeyUse[]> {
  const counts = new Map<string | null, number>();
  for (const place of PLACES) {
    const found = await collectionOf(store, place)
      .aggregate<{ _id: string | null; count: number }>([{ $project: { secrets: 1 } }, { $unwind: '$secrets' }, { $group: { _id: { $ifNull: ['$secrets.sealed.keyId', null] }, count: { $sum: 1 } } }])
      .toArray();
    for (const { _id, count } of found) counts.set(_id, (counts.get(_id) ?? 0) + count);
  }
  return [...counts].map(([keyId, secrets]) => ({ keyId, secrets })).sort((a, b) => (a.keyId ?? '').localeCompare(b.keyId ?? ''));
}

export interface Rewrapped {
  readonly sealed: number;
  /** Secrets that do not open, each as `collection/id/secret`: they stay as they are. */
  readonly unreadable: readonly string[];
  /** Documents that somebody else changed meanwhile: to be looked at again. */
  readonly missed: number;
}

const PAGE = 200;

/** Seals anew whatever is plain or under another key than the newest, one pass over all of it; stops early when told to. */
export async function rewrapAll(store: Store, { signal, onPage }: { readonly signal: AbortSignal; readonly onPage: (sealed: number) => void }): Promise<Rewrapped> {
  let [sealed, missed] = [0, 0];
  const unreadable: string[] = [];
  for (const place of PLACES) {
    for (let after = ''; !signal.aborted; ) {
      const page = await findUnder(store, place, after);
      for (const document of page) {
        const result = await rewrap(store, place, document);
        sealed += result.sealed;
        missed += result.missed;
        unreadable.push(...result.unreadable);
      }
      onPage(sealed);
      if (page.length < PAGE) break;
      after = page.at(-1)?._id ?? after;
    }
  }
  return { sealed, unreadable, missed };
}

/** Documents with a secret that the newest key has not sealed, in the order of their ids. */
function findUnder(store: Store, place: SecretPlace, after: string): Promise<SecretsDocument[]> {
  const keyId = store.vault.keyring.newest?.id ?? '';
  const others = { $or: [{ secrets: { $type: 'string' } }, { 'secrets.plain': { $exists: true } }, { secrets: { $elemMatch: { 'sealed.keyId': { $exists: true, $ne: keyId } } } }] };
  return collectionOf(store, place).find({ _id: { $gt: after }, ...others } as object, { projection: { secrets: 1 }, sort: { _id: 1 }, limit: PAGE }).toArray();
}

async function rewrap(store: Store, place: SecretPlace, { _id, secrets }: SecretsDocument): Promise<Rewrapped> {
  const owner = place.ownerOf(_id);
  const newest = store.vault.keyring.newest?.id;
  const unreadable: string[] = [];
  let sealed = 0;
  const next = asStored(secrets).map((stored): StoredSecret => {
    if ('sealed' in stored && stored.sealed.keyId === newest) return stored;
    const again = store.vault.rekey(owner, stored);
    if (again === null) unreadable.push(`${place.collection}/${_id}/${stored.id}`);
    else sealed += 1;
    return again ?? stored;
  });
  if (sealed === 0) return { sealed, unreadable, missed: 0 };
  const { matchedCount } = await collectionOf(store, place).updateOne({ _id, secrets }, { $set: { secrets: next } });
  return matchedCount === 1 ? { sealed, unreadable, missed: 0 } : { sealed: 0, unreadable: [], missed: 1 };
}
