/** What the routes of signing secrets take and answer. */
import type { Answer, JsonSchema, Operation } from '../http/operation.ts';
import { SECRET_KINDS } from '../domain/signing-secret.ts';

const TIME: JsonSchema = { type: ['string', 'null'], format: 'date-time' };
const KEY = { id: { type: 'string' }, createdAt: TIME, expiresAt: TIME, publicKey: { type: 'string', description: 'whpk_… of an ed25519 key' } };
const SECRET: JsonSchema = { type: 'object', required: ['id', 'kind', 'createdAt', 'expiresAt'], properties: { ...KEY, kind: { enum: SECRET_KINDS }, fault: { type: 'string', description: 'Why it cannot be used, when it cannot' } } };
const SECRETS: JsonSchema = { type: 'object', required: ['secrets'], properties: { secrets: { type: 'array', items: SECRET } } };
const IF_MATCH = { 'if-match': { type: 'string', description: 'The ETag of what was read; without it, whatever is there is changed' } };
const MOST_OVERLAP_S = 2_592_000;

export const ROTATION: JsonSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    overlapSeconds: { type: 'integer', minimum: 0, maximum: MOST_OVERLAP_S, default: 86_400, description: 'How long those of its kind go on signing beside it' },
    kind: { enum: SECRET_KINDS, description: 'That of the newest secret unless said otherwise; secrets of the other kind go on' },
  },
};

const ABSENT: Answer = { description: 'No such target, or no such secret of it' };
const GUARDED: Readonly<Record<number, Answer>> = { 404: ABSENT, 409: { description: 'Too many secrets would be live, or none would stay, or somebody else changed the target meanwhile' }, 412: { description: 'It has been changed since' } };

export const LISTS: Operation = { summary: 'List the signing secrets of a target', tag: 'targets', scope: 'read', answers: { 200: { description: 'Newest first, without the secrets themselves', schema: SECRETS }, 404: ABSENT } };
export const ROTATES: Operation = { summary: 'Exchange the signing secret of a target', tag: 'targets', scope: 'write', headers: IF_MATCH, body: ROTATION, answers: { 201: { description: 'The new secret, told here and never again; of an ed25519 key the public half', schema: { ...SECRET, properties: { ...(SECRET['properties'] as object), secret: { type: ['string', 'null'] } } } }, ...GUARDED } };
export const REMOVES: Operation = { summary: 'Delete a signing secret', tag: 'targets', scope: 'write', headers: IF_MATCH, answers: { 200: { description: 'Those that are left', schema: SECRETS }, ...GUARDED } };
export const TELLS_KEYS: Operation = {
  summary: 'Read the public keys that a target is signed with', tag: 'targets', scope: null,
  answers: { 200: { description: 'Empty, too, for a target that is not there', schema: { type: 'object', required: ['keys'], properties: { keys: { type: 'array', items: { type: 'object', required: ['id', 'publicKey'], properties: KEY } } } } } },
};
