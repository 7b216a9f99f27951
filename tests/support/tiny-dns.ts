/**
 * A name server for one test: real packets over UDP on loopback (RFC 1035), with answers that may change between two questions.
 * Only A and AAAA, one question a packet, which is all that a resolver asks it.
 */
import { createSocket, type RemoteInfo } from 'node:dgram';
import { Resolver, type LookupAddress } from 'node:dns';
import { once } from 'node:events';
import { isIPv4 } from 'node:net';
import ipaddr from 'ipaddr.js';
import type { LookupAll } from '../../src/delivery/guard.ts';

export interface TinyDns {
  /** As `dns.lookup` with `all`, but by this server alone. */
  readonly lookup: LookupAll;
  /** What is answered from now on, addresses of both families: one answer to each lookup, the last one to all that follow. */
  say(name: string, ...answers: readonly (readonly string[])[]): void;
  /** Names that were asked for, in order; each is asked for twice, once a family. */
  readonly asked: readonly string[];
  close(): Promise<void>;
}

const [TYPE_A, TYPE_AAAA] = [1, 28];
const HEADER_BYTES = 12;

export async function startTinyDns(): Promise<TinyDns> {
  const socket = createSocket('udp4');
  const answers = new Map<string, readonly (readonly string[])[]>();
  const asked: string[] = [];
  socket.on('message', (query: Buffer, from: RemoteInfo) => {
    const { name, type, end } = readQuestion(query);
    if (type === TYPE_A) asked.push(name);
    const [now = [], ...later] = answers.get(name) ?? [];
    // A lookup asks for both families, one after the other.
    if (type === TYPE_AAAA && later.length > 0) answers.set(name, later);
    const addresses = now.filter((address) => (type === TYPE_A ? isIPv4(address) : type === TYPE_AAAA && !isIPv4(address)));
    socket.send(answerTo(query.subarray(0, end), type, addresses, answers.has(name)), from.port, from.address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const resolver = new Resolver({ tries: 1 });
  resolver.setServers([`127.0.0.1:${socket.address().port}`]);
  return {
    asked,
    say: (name, ...more) => void answers.set(name, more),
    lookup: (name, _options, callback) => lookupBoth(resolver, name, callback),
    close: () => new Promise((resolve) => socket.close(() => resolve())),
  };
}

function lookupBoth(resolver: Resolver, name: string, callback: Parameters<LookupAll>[2]): void {
  resolver.resolve4(name, (fault4, four) => resolver.resolve6(name, (fault6, six) => {
    const ofFamily = (fault: Error | null, addresses: readonly string[], family: 4 | 6): LookupAddress[] => (fault === null ? addresses.map((address) => ({ address, family })) : []);
    const found = [...ofFamily(fault4, four, 4), ...ofFamily(fault6, six, 6)];
    callback(found.length === 0 ? (fault4 ?? fault6) : null, found);
  }));
}

function readQuestion(query: Buffer): { readonly name: string; readonly type: number; readonly end: number } {
  const labels: string[] = [];
  let index = HEADER_BYTES;
  for (let length = query[index] ?? 0; length > 0; length = query[index] ?? 0) {
    labels.push(query.toString('latin1', index + 1, index + 1 + length));
    index += 1 + length;
  }
  return { name: labels.join('.').toLowerCase(), type: query.readUInt16BE(index + 1), end: index + 5 };
}

/** Each answer points back at the name of the question, and lives for no second: it may be another one the next time. */
function answerTo(question: Buffer, type: number, addresses: readonly string[], isKnown: boolean): Buffer {
  const head = Buffer.from(question);
  head.writeUInt16BE(isKnown ? 0x8180 : 0x8183, 2);
  head.writeUInt16BE(addresses.length, 6);
  head.fill(0, 8, HEADER_BYTES);
  const records = addresses.map((address) => {
    const data = Buffer.from(ipaddr.parse(address).toByteArray());
    const record = Buffer.alloc(12);
    record.writeUInt16BE(0xc00c, 0);
    record.writeUInt16BE(type, 2);
    record.writeUInt16BE(1, 4);
    record.writeUInt16BE(data.length, 10);
    return Buffer.concat([record, data]);
  });
  return Buffer.concat([head, ...records]);
}
