import type { Tracing } from '../../platform/tracing/tracing.ts'
import type { UploadEvent } from './event.ts'
import type { EventPublisher } from './publisher.ts'

/**
 * Tells how long each event took to be on the stream: in the span that publishes it, and where there is none, as in the relay, in the
 * trace of the request that the event comes from. The requests that events share are no one's, and not told.
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
