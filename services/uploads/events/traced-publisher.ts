import type { Tracing } from '../../platform/tracing/tracing.ts'
import type { UploadEvent } from './event.ts'
import type { EventPublisher } from './publisher.ts'

/**
 * Creates a span for each event: below the span that publishes it or, without one, as in the relay, in the trace of the request that the
 * event comes from. Requests to Kinesis have no spans, because several events share each of them.
 *
 * https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/
 */
export function tracedPublisher(
  publisher: EventPublisher,
  { tracing, stream }: { tracing: Tracing; stream: string },
): EventPublisher {
  const name = `send ${stream}`
  return {
    publish: event =>
      tracing.inSpan(
        { name, kind: 'producer', attributes: attributesOf(event, stream), parent: parentOf(event, tracing) },
        () => tracing.within(undefined, () => publisher.publish(event)),
      ),
    drain: () => publisher.drain(),
  }
}

function parentOf({ traceparent }: UploadEvent, tracing: Tracing): string | undefined {
  return tracing.current() ? undefined : traceparent
}

function attributesOf({ uploadId }: UploadEvent, stream: string) {
  return {
    'messaging.system': 'aws_kinesis',
    'messaging.operation.type': 'send',
    'messaging.operation.name': 'PutRecords',
    'messaging.destination.name': stream,
    'headgate.upload.id': uploadId,
  }
}
