/** A write sent as the plain command that it is, without what the driver adds so that it could repeat it by itself. */
import type { Db, Document, WriteConcernSettings } from 'mongodb';
import type { WriteFault } from './write-errors.ts';

export interface WriteReply {
  /** Documents inserted, or matched by updates. */
  readonly n: number;
  /** Those that were refused. */
  readonly writeErrors: readonly WriteFault[];
}

/** Unordered. @throws what the driver throws, a write concern that was not met included */
export async function plainWrite(db: Db, command: Document, { w, journal, wtimeoutMS }: WriteConcernSettings): Promise<WriteReply> {
  const writeConcern = { w, j: journal, ...(wtimeoutMS === undefined ? {} : { wtimeout: wtimeoutMS }) };
  return { writeErrors: [], ...(await db.command({ ...command, ordered: false, writeConcern })) } as unknown as WriteReply;
}
