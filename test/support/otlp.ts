/**
 * Reads the protobuf of OTLP's ExportTraceServiceRequest, as far as tests look at it.
 * https://github.com/open-telemetry/opentelemetry-proto/blob/main/opentelemetry/proto/trace/v1/trace.proto
 */
export interface OtlpSpan {
  readonly traceId: string;
  readonly spanId: string;
  /** Empty: the first of its trace. */
  readonly parentId: string;
  readonly name: string;
  /** 1 internal, 2 server, 3 client. */
  readonly kind: number;
  readonly startNs: bigint;
  readonly endNs: bigint;
  readonly attributes: Values;
  readonly events: readonly { readonly name: string; readonly attributes: Values }[];
  /** 0 unset, 1 ok, 2 error. */
  readonly status: number;
  /** What is said of the process. */
  readonly resource: Values;
}

export type Values = Readonly<Record<string, string | number | boolean | undefined>>;

export function readSpans(request: Buffer): readonly OtlpSpan[] {
  return submessages(fieldsOf(request), 1).flatMap((resourceSpans) => {
    const resource = submessages(resourceSpans, 1).map((one) => valuesOf(one, 1))[0] ?? {};
    return submessages(resourceSpans, 2).flatMap((scopeSpans) =>
      submessages(scopeSpans, 2).map((span) => spanOf(span, resource)),
    );
  });
}

function spanOf(span: Fields, resource: Values): OtlpSpan {
  return {
    traceId: bytes(span, 1).toString("hex"),
    spanId: bytes(span, 2).toString("hex"),
    parentId: bytes(span, 4).toString("hex"),
    name: bytes(span, 5).toString(),
    kind: Number(integer(span, 6)),
    startNs: integer(span, 7),
    endNs: integer(span, 8),
    attributes: valuesOf(span, 9),
    events: submessages(span, 11).map((event) => ({
      name: bytes(event, 2).toString(),
      attributes: valuesOf(event, 3),
    })),
    status: submessages(span, 15).map((status) => Number(integer(status, 3)))[0] ?? 0,
    resource,
  };
}

function valuesOf(message: Fields, number: number): Values {
  const pairs = submessages(message, number).map((pair) => {
    const value = submessages(pair, 2)[0] ?? [];
    return [bytes(pair, 1).toString(), anyOf(value)] as const;
  });
  return Object.fromEntries(pairs);
}

function anyOf(value: Fields): string | number | boolean | undefined {
  const [first] = value;
  if (first === undefined) return undefined;
  const [number, content] = first;
  if (typeof content !== "bigint") return number === 1 ? content.toString() : undefined;
  if (number === 2) return content === 1n;
  if (number === 3) return Number(BigInt.asIntN(64, content));
  const double = Buffer.alloc(8);
  double.writeBigUInt64LE(content);
  return double.readDoubleLE();
}

/** A message as it stands: each field's number with an integer (or what a fixed one's bits say) or bytes. */
type Fields = readonly (readonly [number, bigint | Buffer])[];

function fieldsOf(message: Buffer): Fields {
  const fields: (readonly [number, bigint | Buffer])[] = [];
  let at = 0;
  const varint = () => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = message.readUInt8(at++);
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  const take = (length: number) => {
    if (at + length > message.length) throw new Error("a field is longer than its message");
    at += length;
    return message.subarray(at - length, at);
  };
  while (at < message.length) {
    const tag = Number(varint());
    const number = tag >> 3;
    const type = tag & 7;
    if (type === 0) fields.push([number, varint()]);
    else if (type === 1) fields.push([number, take(8).readBigUInt64LE()]);
    else if (type === 2) fields.push([number, take(Number(varint()))]);
    else if (type === 5) fields.push([number, BigInt(take(4).readUInt32LE())]);
    else throw new Error(`wire type ${type}`);
  }
  return fields;
}

function submessages(message: Fields, number: number): readonly Fields[] {
  return message.flatMap(([one, content]) =>
    one === number && typeof content !== "bigint" ? [fieldsOf(content)] : [],
  );
}

function bytes(message: Fields, number: number): Buffer {
  const content = message.find(([one]) => one === number)?.[1];
  return typeof content === "object" ? content : Buffer.alloc(0);
}

function integer(message: Fields, number: number): bigint {
  const content = message.find(([one]) => one === number)?.[1];
  return typeof content === "bigint" ? content : 0n;
}
