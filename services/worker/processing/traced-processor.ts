import type { Tracing } from '../../platform/tracing/tracing.ts'
import { decodeEvent } from '../../uploads/events/decode-event.ts'
import { isUploadEvent } from '../../uploads/events/event.ts'
import type { StreamRecord } from '../stream-record.ts'
import type { Processor } from './processor.ts'

/**
 * Creates a span for each attempt of a record, in the trace of the request that its event comes from, or in a new trace.
 *
 * https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/
 */
export function tracedProcessor(
  processor: Processor,
  { tracing, stream }: { tracing: Tracing; stream: string },
): Processor {
  const name = `process ${stream}`
  return {
    process(record, options) {
      const { parent, uploadId } = originOf(record)
      const attributes = {
        'messaging.system': 'aws_kinesis',
        'messaging.operation.type': 'process',
        'messaging.operation.name': 'process',
        'messaging.destination.name': stream,
        'messaging.destination.partition.id': record.shardId,
        'messaging.message.id': record.sequenceNumber,
        'messaging.message.body.size': record.data.byteLength,
        'headgate.attempt': options.attempt ?? 1,
        ...(uploadId !== undefined && { 'headgate.upload.id': uploadId }),
      }
      return tracing.inSpan({ name, kind: 'consumer', attributes, parent }, () => processor.process(record, options))
    },
  }
}

/** An invalid event has no origin. The processor reports it. */
function originOf({ data }: StreamRecord): { parent?: string | undefined; uploadId?: string } {
  try {
    const event = decodeEvent(data)
    return isUploadEvent(event) ? { parent: event.traceparent, uploadId: event.uploadId } : {}
  } catch {
    return {}
  }
}
