import type { Test } from 'tap'
import { createLocalClients } from '../../services/local/clients.ts'
import { names } from '../../services/platform/resources.ts'
import { decodeEvent } from '../../services/uploads/events/decode-event.ts'
import { isUploadEvent, type UploadEvent } from '../../services/uploads/events/event.ts'
import { createPublisher, type PublisherSettings } from '../../services/uploads/events/publisher.ts'
import { eventOf } from '../../services/uploads/records/record.ts'
import type { TestAws } from '../support/aws.ts'
import { startFaultProxy } from '../support/fault-proxy.ts'
import { readStream } from '../support/stream.ts'
import { uploadRecord } from './examples.ts'

/** Creates a publisher for the embedded stream, behind its own proxy. */
export async function startPublisher(
  t: Pick<Test, 'teardown'>,
  aws: TestAws,
  settings: Partial<PublisherSettings> = {},
) {
  const proxy = await startFaultProxy(t, aws.endpoints.kinesis)
  const { kinesis, destroy } = createLocalClients({ ...aws.endpoints, kinesis: proxy.url })
  t.teardown(destroy)
  const publisher = createPublisher({ kinesis, stream: names.stream, timeoutMs: 20_000, ...settings })
  return { proxy, publisher }
}

export function events(count: number): UploadEvent[] {
  return Array.from({ length: count }, () => eventOf(uploadRecord()))
}

/** Counts how often events are on the stream: `{ 1: 99, 2: 1 }` if one of a hundred is there twice. */
export async function timesOnStream(aws: TestAws, published: readonly UploadEvent[]): Promise<Record<number, number>> {
  const times = new Map(published.map(({ uploadId }) => [uploadId, 0]))
  for (const { Data } of await readStream(aws.kinesis, names.stream)) {
    const event = decodeEvent(Data ?? new Uint8Array())
    const known = isUploadEvent(event) ? times.get(event.uploadId) : undefined
    if (isUploadEvent(event) && known !== undefined) times.set(event.uploadId, known + 1)
  }
  const counts: Record<number, number> = {}
  for (const count of times.values()) counts[count] = (counts[count] ?? 0) + 1
  return counts
}
