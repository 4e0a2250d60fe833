import path from 'node:path'
import t from 'tap'
import { runProgram } from '../../support/processes.ts'
import { kinesisEvent } from '../kinesis-event.ts'
import { deadLetterOf, startPipeline, streamRecord } from '../pipeline.ts'

const lambda = new URL('../../../services/worker/lambda.ts', import.meta.url).href

/** A transform that kills the instance that processes `poison.txt`. */
const TRANSFORM = `
export default {
  name: 'deadly',
  version: '1',
  apply(input, { upload }) {
    if (upload.filename === 'poison.txt') process.kill(process.pid, 'SIGKILL')
    return { contentType: 'text/plain', body: input }
  },
}
`

/** Invokes the handler of a new instance, as Lambda does. */
const INSTANCE = `
const { handler } = await import(process.env.ENTRY)
const answer = await handler(JSON.parse(process.env.EVENT), { getRemainingTimeInMillis: () => 60_000 })
console.log('answer ' + JSON.stringify(answer))
process.exit()
`

t.test('a record that kills every instance becomes a dead letter, even if Lambda splits its batch', async t => {
  const pipeline = await startPipeline(t)
  const names = ['before.txt', 'poison.txt', 'after.txt']
  const uploads = await Promise.all(names.map(filename => pipeline.upload('hello', { filename })))
  const records = uploads.map(upload => ({ ...streamRecord(upload), partitionKey: upload.uploadId }))
  const [poison, dead] = [uploads[1], records[1]]
  if (!poison || !dead) throw new Error('There is no poison.')

  const folder = t.testdir({ 'deadly.mjs': TRANSFORM, 'instance.mjs': INSTANCE })
  const env = {
    ...pipeline.aws.env,
    ENTRY: lambda,
    TRANSFORMS: JSON.stringify({
      rules: [{ module: path.join(folder, 'deadly.mjs'), contentType: 'text/plain', inline: true }],
    }),
  }
  let deaths = 0
  const batches = [records]
  for (let batch = batches.shift(); batch && deaths < 20; batch = batches.shift()) {
    const event = kinesisEvent(batch)
    // The records arrived before the instance started, as on AWS.
    for (const { kinesis } of event.Records) kinesis.approximateArrivalTimestamp = Date.now() / 1_000 - 10
    const instance = runProgram(t, [path.join(folder, 'instance.mjs')], {
      env: { ...env, EVENT: JSON.stringify(event) },
    })
    const { signal } = await instance.ended
    if (signal === null) t.match(instance.stdout(), 'answer {"batchItemFailures":[]}')
    else {
      deaths++
      const half = Math.ceil(batch.length / 2)
      batches.unshift(...(batch.length > 1 ? [batch.slice(0, half), batch.slice(half)] : [batch]))
    }
  }

  t.equal(deaths, 4)
  t.match(await pipeline.store.get(poison), { status: 'failed', failure: { code: 'HEADGATE_POISON_RECORD' } })
  t.match(JSON.parse((await pipeline.read(deadLetterOf(dead))).text), { upload: { uploadId: poison.uploadId } })
  for (const upload of uploads) {
    if (upload !== poison) t.match(await pipeline.store.get(upload), { status: 'processed' })
  }
})
