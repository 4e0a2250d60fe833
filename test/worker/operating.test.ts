import path from 'node:path'
import { PutRecordCommand } from '@aws-sdk/client-kinesis'
import t from 'tap'
import { names } from '../../services/platform/resources.ts'
import { encodeEvent } from '../../services/uploads/events/event.ts'
import { eventOf } from '../../services/uploads/records/record.ts'
import { startAws } from '../support/aws.ts'
import { startFaultProxy, to } from '../support/fault-proxy.ts'
import { hold } from '../support/faults/faults.ts'
import { runProgram, until } from '../support/processes.ts'
import { putUpload, uploadRecord } from './pipeline.ts'

const worker = path.resolve(import.meta.dirname, '../../services/worker/worker.ts')

t.test(
  'a worker with a stuck shard reports it in /readyz and /metrics, and on SIGTERM releases the lease in time',
  async t => {
    const aws = await startAws(t, { shards: 1 })
    const s3 = await startFaultProxy(t, aws.endpoints.s3)
    const released = Promise.withResolvers<void>()
    const hang = s3.inject(hold(released.promise), {
      when: to('GET', /^\/headgate-uploads\/uploads/),
    })
    const program = runProgram(t, [worker], {
      env: {
        ...aws.env,
        AWS_ENDPOINT_URL_S3: s3.url,
        ...{ HEALTH_PORT: '0', HEALTH_HOST: '127.0.0.1', STUCK_AFTER_MS: '1000', SHUTDOWN_TIMEOUT_MS: '6000' },
      },
    })
    t.teardown(() => released.resolve())
    const upload = uploadRecord()
    await putUpload(aws.s3, upload, 'hello')
    const event = { StreamName: names.stream, PartitionKey: 'a', Data: encodeEvent(eventOf(upload)) }
    await aws.kinesis.send(new PutRecordCommand(event))
    await hang.reached()

    const url = () => /"health":"(http:[^"]+)"/.exec(program.stdout())?.[1]
    await until(() => url() !== undefined, { what: 'the start' })
    const page = async (name: string) => {
      const response = await fetch(`${url()}/${name}`)
      return { status: response.status, text: await response.text() }
    }
    let ready = await page('readyz')
    for (const end = Date.now() + 30_000; ready.status === 200 && Date.now() < end; ) ready = await page('readyz')
    t.equal(ready.status, 503)
    t.match(JSON.parse(ready.text), {
      status: 'unavailable',
      stuck: [{ shardId: 'shardId-000000000000', why: 'records wait and none is done', isHung: false }],
    })
    t.equal((await page('livez')).status, 200, 'a restart would not help')
    const { text } = await page('metrics')
    t.match(text, /^headgate_shard_records_pending\{shard="shardId-000000000000"\} 1$/m)
    t.match(text, /^headgate_shard_stalled_seconds\{shard="shardId-000000000000"\} [1-9]/m)

    program.child.kill('SIGTERM')
    t.strictSame(await program.ended, { code: 0, signal: null })
    t.match(program.stdout(), '"reason":"released"')
  },
)
