import { ProtobufReader, VARINT } from '../../../services/consumer/aggregation/protobuf.ts'

/** A span as a receiver of OTLP sees it. */
export interface TakenSpan {
  traceId: string
  spanId: string
  /** Empty for the root span of a trace. */
  parentSpanId: string
  name: string
  kind: string
  attributes: Record<string, unknown>
  isError: boolean
  /** The `service.name` of its process. */
  service: string
  startNs: bigint
  endNs: bigint
}

type Field = { varint: number } | { bytes: Buffer } | { fixed: bigint }

/** The fields of a message by their numbers, with every occurrence. */
function fieldsOf(message: Buffer): Map<number, Field[]> {
  const fields = new Map<number, Field[]>()
  const reader = new ProtobufReader(message)
  while (!reader.isAtEnd) {
    const tag = reader.tag()
    const number = Math.floor(tag / 8)
    const read = (): Field => {
      if ((tag & 7) === VARINT) return { varint: reader.varint() }
      if ((tag & 7) === 2) {
        const start = reader.skipBytes()
        return { bytes: message.subarray(start, reader.position) }
      }
      const start = reader.position
      reader.skipField(tag)
      const bytes = message.subarray(start, reader.position)
      return { fixed: bytes.byteLength === 8 ? bytes.readBigUInt64LE() : BigInt(bytes.readUInt32LE()) }
    }
    fields.set(number, [...(fields.get(number) ?? []), read()])
  }
  return fields
}

const bytes = (fields: Map<number, Field[]>, number: number): Buffer[] =>
  (fields.get(number) ?? []).flatMap(field => ('bytes' in field ? [field.bytes] : []))
const text = (fields: Map<number, Field[]>, number: number) => bytes(fields, number)[0]?.toString() ?? ''
const hex = (fields: Map<number, Field[]>, number: number) => bytes(fields, number)[0]?.toString('hex') ?? ''
const fixed = (fields: Map<number, Field[]>, number: number) => {
  const [field] = fields.get(number) ?? []
  return field && 'fixed' in field ? field.fixed : 0n
}
const varint = (fields: Map<number, Field[]>, number: number) => {
  const [field] = fields.get(number) ?? []
  return field && 'varint' in field ? field.varint : undefined
}

function attributesOf(pairs: Buffer[]): Record<string, unknown> {
  return Object.fromEntries(
    pairs.map(pair => {
      const fields = fieldsOf(pair)
      const value = fieldsOf(bytes(fields, 2)[0] ?? Buffer.alloc(0))
      const isText = value.has(1)
      return [text(fields, 1), isText ? text(value, 1) : (varint(value, 3) ?? varint(value, 2) ?? fixed(value, 4))]
    }),
  )
}

const KINDS = ['unspecified', 'internal', 'server', 'client', 'producer', 'consumer']

/**
 * Returns the spans of an ExportTraceServiceRequest. It reads fields by their numbers in the file below, and uses no
 * code of the exporter.
 * https://github.com/open-telemetry/opentelemetry-proto/blob/main/opentelemetry/proto/trace/v1/trace.proto
 */
export function decodeSpans(request: Buffer): TakenSpan[] {
  return bytes(fieldsOf(request), 1).flatMap(resourceSpans => {
    const ofResource = fieldsOf(resourceSpans)
    const resource = attributesOf(bytes(fieldsOf(bytes(ofResource, 1)[0] ?? Buffer.alloc(0)), 1))
    const spans = bytes(ofResource, 2).flatMap(scopeSpans => bytes(fieldsOf(scopeSpans), 2))
    return spans.map(span => {
      const fields = fieldsOf(span)
      const status = fieldsOf(bytes(fields, 15)[0] ?? Buffer.alloc(0))
      return {
        traceId: hex(fields, 1),
        spanId: hex(fields, 2),
        parentSpanId: hex(fields, 4),
        name: text(fields, 5),
        kind: KINDS[varint(fields, 6) ?? 0] ?? '',
        attributes: attributesOf(bytes(fields, 9)),
        isError: varint(status, 3) === 2,
        service: String(resource['service.name']),
        startNs: fixed(fields, 7),
        endNs: fixed(fields, 8),
      }
    })
  })
}
