import { hash } from "node:crypto";
import { type Id, makeId, numberOf, TAG_LENGTH } from "../protocol/ids.js";
import type { Entry, Publication } from "./port.js";

/** What the store knows of one stream. */
export interface StreamRecord {
  /** Stands for the stream in the keys of the other records. */
  readonly no: number;
  /** The last id, or the base when there is none. */
  readonly head: Id;
  /** The trim base. */
  readonly base: Id;
  /** When the last entry was appended, ms since the Unix epoch. */
  readonly at: number;
  /** Number up to which trimmed entries were removed; what lies between here and the base waits for that, unseen. */
  readonly swept: number;
}

/** What the store knows beside its streams. */
export interface Facts {
  /** Streams made so far; the next one's number. */
  readonly streams: number;
  /** Which of the two databases of keys learns. */
  readonly young: 0 | 1;
  /** When that began, ms since the Unix epoch. */
  readonly since: number;
  /** The longest life of a key in the young and in the old one, ms. */
  readonly lifeMs: number;
  readonly oldLifeMs: number;
}

/** What a key was first used for. */
export interface KeyRecord {
  readonly id: Id;
  /** ms since the Unix epoch. */
  readonly until: number;
  readonly fingerprint: Buffer;
}

/** Changes with every change of what stands below, so that no release reads another one's records wrong. */
const FORMAT = 1;

export const FACTS_KEY = Buffer.from("facts");
export const PROOF_KEY = Buffer.from("proof");
const STREAM_PREFIX = "stream/";
export const STREAMS_END = Buffer.from("stream0");

export function streamKey(name: string): Buffer {
  return Buffer.from(STREAM_PREFIX + name, "latin1");
}

export function streamName(key: Uint8Array): string {
  return view(key).toString("latin1", STREAM_PREFIX.length);
}

export function encodeStream({ no, head, base, at, swept }: StreamRecord): Buffer {
  const bytes = Buffer.allocUnsafe(20 + 2 * ID_BYTES);
  bytes.writeUInt32LE(no, 0);
  bytes.writeDoubleLE(at, 4);
  bytes.writeDoubleLE(swept, 12);
  writeId(bytes, head, 20);
  writeId(bytes, base, 20 + ID_BYTES);
  return bytes;
}

export function decodeStream(value: Uint8Array): StreamRecord {
  const bytes = view(value);
  return {
    no: bytes.readUInt32LE(0),
    at: bytes.readDoubleLE(4),
    swept: bytes.readDoubleLE(12),
    head: readId(bytes, 20),
    base: readId(bytes, 20 + ID_BYTES),
  };
}

export function encodeFacts({ streams, young, since, lifeMs, oldLifeMs }: Facts): Buffer {
  const bytes = Buffer.allocUnsafe(33);
  bytes.writeUInt32LE(FORMAT, 0);
  bytes.writeUInt32LE(streams, 4);
  bytes.writeUInt8(young, 8);
  bytes.writeDoubleLE(since, 9);
  bytes.writeDoubleLE(lifeMs, 17);
  bytes.writeDoubleLE(oldLifeMs, 25);
  return bytes;
}

/** Undefined when another release wrote them in another format. */
export function decodeFacts(value: Uint8Array): Facts | undefined {
  const bytes = view(value);
  if (bytes.length !== 33 || bytes.readUInt32LE(0) !== FORMAT) return undefined;
  return {
    streams: bytes.readUInt32LE(4),
    young: bytes.readUInt8(8) === 0 ? 0 : 1,
    since: bytes.readDoubleLE(9),
    lifeMs: bytes.readDoubleLE(17),
    oldLifeMs: bytes.readDoubleLE(25),
  };
}

/** Big-endian, so that the entries of a stream stand together and in order. */
export function entryKey(no: number, n: number): Buffer {
  const bytes = Buffer.allocUnsafe(10);
  bytes.writeUInt32BE(no, 0);
  bytes.writeUIntBE(n, 4, 6);
  return bytes;
}

const ENTRY_HEADER = 8 + TAG_LENGTH;

export function encodeEntry(at: number, tag: string, data: string): Buffer {
  const bytes = Buffer.allocUnsafe(ENTRY_HEADER + Buffer.byteLength(data));
  bytes.writeDoubleLE(at, 0);
  bytes.write(tag, 8, "latin1");
  bytes.write(data, ENTRY_HEADER);
  return bytes;
}

export function decodeEntry(n: number, value: Uint8Array): Entry {
  const bytes = view(value);
  return { id: makeId(n, tagAt(bytes, 8)), at: bytes.readDoubleLE(0), data: bytes.toString("utf8", ENTRY_HEADER) };
}

export function entryId(n: number, value: Uint8Array): Id {
  return makeId(n, tagAt(view(value), 8));
}

export function entryTime(value: Uint8Array): number {
  return view(value).readDoubleLE(0);
}

/** LMDB's own limit is higher; longer ones stand by their digest. */
const KEY_BYTES = 256;

/** The stream, the publisher and its key as one key; no two of them are alike. */
export function keyKey(no: number, { publisher, key }: Publication): Buffer {
  const owner = Buffer.byteLength(publisher);
  const size = owner + Buffer.byteLength(key);
  const bytes = Buffer.allocUnsafe(8 + size);
  bytes.writeUInt32BE(no, 0);
  bytes.writeUInt32BE(owner, 4);
  bytes.write(publisher, 8);
  bytes.write(key, 8 + owner);
  if (size <= KEY_BYTES) return bytes;
  // Where the length of the publisher's name stands it has one that no name reaches: a digest is never taken for a key.
  const short = Buffer.alloc(8 + DIGEST_BYTES, 0xff);
  short.writeUInt32BE(no, 0);
  sha256(bytes).copy(short, 8);
  return short;
}

export function encodeKey({ id, until, fingerprint }: KeyRecord): Buffer {
  const bytes = Buffer.allocUnsafe(8 + ID_BYTES + fingerprint.length);
  bytes.writeDoubleLE(until, 0);
  writeId(bytes, id, 8);
  fingerprint.copy(bytes, 8 + ID_BYTES);
  return bytes;
}

export function decodeKey(value: Uint8Array): KeyRecord {
  const bytes = view(value);
  return { until: bytes.readDoubleLE(0), id: readId(bytes, 8), fingerprint: bytes.subarray(8 + ID_BYTES) };
}

const DIGEST_BYTES = 32;

/** Stands for the data when it is compared: itself, or a digest, which is longer than any data that stands for itself. */
export function fingerprint(data: string): Buffer {
  const bytes = Buffer.from(data);
  return bytes.length < DIGEST_BYTES ? bytes : sha256(bytes);
}

function sha256(bytes: Buffer): Buffer {
  return hash("sha256", bytes, "buffer");
}

const ID_BYTES = 8 + TAG_LENGTH;

function writeId(bytes: Buffer, id: Id, offset: number): void {
  bytes.writeDoubleLE(numberOf(id), offset);
  bytes.write(id.slice(-TAG_LENGTH), offset + 8, "latin1");
}

function readId(bytes: Buffer, offset: number): Id {
  return makeId(bytes.readDoubleLE(offset), tagAt(bytes, offset + 8));
}

function tagAt(bytes: Buffer, offset: number): string {
  return bytes.toString("latin1", offset, offset + TAG_LENGTH);
}

/** LMDB gives plain arrays; the same bytes with a Buffer's methods. */
function view(value: Uint8Array): Buffer {
  return Buffer.isBuffer(value) ? value : Buffer.from(value.buffer, value.byteOffset, value.byteLength);
}
