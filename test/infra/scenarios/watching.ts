import { PutRecordCommand } from '@aws-sdk/client-kinesis'
import type { Test } from 'tap'
import type { LettersLine } from '../../../services/console/letter-views.ts'
import type { LiveEvent } from '../../../services/console/snapshot.ts'
import { names } from '../../../services/platform/resources.ts'
import { liveEvents, startTestConsole } from '../../console/support.ts'
import type { Pipeline } from '../../worker/pipeline.ts'
import type { Recorder } from '../support/recorder.ts'

/** Opens every view of a console that allows no changes. The consuming scenario ran before, and left a lease and a dead letter. */
export async function watch(t: Test, { aws }: Pipeline, { endpoints }: Recorder): Promise<void> {
  // The owner of the token is all that the console needs to know of the api.
  const payload = Buffer.from(JSON.stringify({ sub: 'nobody' })).toString('base64url')
  const console = await startTestConsole(t, endpoints, {
    deadLetters: { bucket: names.processedBucket },
    uploads: { apiUrl: 'http://127.0.0.1:9', user: 'ann', getToken: () => `.${payload}.` },
  })
  const stop = new AbortController()
  t.teardown(() => stop.abort())
  const read = new Set<string>()
  for await (const { shards } of liveEvents<LiveEvent>(console, stop.signal)) {
    for (const { id, arrivals } of shards) if (arrivals) read.add(id)
    if (read.size > 0) break
  }
  const put = new PutRecordCommand({ StreamName: names.stream, PartitionKey: 'key', Data: Buffer.from('a record') })
  const { ShardId } = await aws.kinesis.send(put)
  t.match(await (await console.get(`/api/shards/${ShardId}/records?from=oldest`)).text(), '"type":"record"')
  const lines = (await (await console.get('/api/dead-letters')).text()).trim().split('\n')
  const [first] = lines.map(line => JSON.parse(line) as LettersLine)
  if (first?.type !== 'letter') throw new Error(`There is no dead letter: ${lines.join()}`)
  const letter = await console.get(`/api/dead-letters/letter?id=${encodeURIComponent(first.letter.id)}`)
  t.equal(letter.status, 200)
  t.strictSame(await (await console.get('/api/uploads/x/trail')).json(), {
    ...{ trail: null, traceId: null, redrivenAt: null, notifications: [] },
  })
  const notifications = (await (await console.get('/api/notifications')).text()).trim().split('\n')
  t.notMatch(notifications.join(), 'failure')
}
