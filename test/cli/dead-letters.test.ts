import path from 'node:path'
import { PutRecordCommand } from '@aws-sdk/client-kinesis'
import { ListObjectsV2Command } from '@aws-sdk/client-s3'
import t from 'tap'
import { names } from '../../services/platform/resources.ts'
import { encodeEvent } from '../../services/uploads/events/event.ts'
import { eventOf, type UploadRecord } from '../../services/uploads/records/record.ts'
import { createUploadStore } from '../../services/uploads/records/store.ts'
import { startAws } from '../support/aws.ts'
import { runProgram, until } from '../support/processes.ts'
import { putUpload, uploadRecord } from '../worker/pipeline.ts'
import { headgateHere } from './program.ts'

const worker = path.resolve(import.meta.dirname, '../../services/worker/worker.ts')

t.test('lists, shows, redrives and discards dead letters', async t => {
  const aws = await startAws(t, { shards: 1 })
  const headgate = headgateHere(t, aws.env)
  const store = createUploadStore({ dynamodb: aws.dynamodb, table: names.uploadsTable })
  const program = runProgram(t, [worker], { env: { ...aws.env } })
  t.teardown(() => program.child.kill('SIGTERM'))

  const put = (Data: Uint8Array, PartitionKey: string) =>
    aws.kinesis.send(new PutRecordCommand({ StreamName: names.stream, Data, PartitionKey }))
  /** Publishes an upload whose object does not exist yet. */
  async function early(owner: string): Promise<UploadRecord> {
    const upload = uploadRecord({ owner })
    await store.create({ ...upload, status: 'queued' })
    await put(encodeEvent(eventOf(upload)), upload.uploadId)
    return upload
  }
  const givenUp = (count: number) =>
    until(() => program.stdout().split('record dead-lettered').length > count, { what: `${count} dead letters` })
  const [ann, bob] = [await early('ann'), await early('bob')]
  await put(Buffer.from('not json'), 'odd')
  await givenUp(3)

  await t.test('dead-letters list selects by reason, owner and time', async t => {
    const all = await headgate('dead-letters', 'list', '--json')
    t.equal(all.code, 0, all.stderr)
    t.same(new Set(all.lines().map(letter => letter.upload?.owner)), new Set(['ann', 'bob', undefined]))
    const [missing, anns, old] = await Promise.all([
      headgate('dead-letters', 'list', '--json', '--reason', 'HEADGATE_OBJECT_MISSING'),
      headgate('dead-letters', 'list', '--owner', 'ann', '--since', '1h'),
      headgate('dead-letters', 'list', '--until', '1h'),
    ])
    t.equal(missing.lines().length, 2)
    t.match(anns.stdout, new RegExp(`^ID .*\\nshardId-0+/\\d+ .*HEADGATE_OBJECT_MISSING +${ann.uploadId} +-\\n$`))
    t.strictSame([old.code, old.stdout, old.stderr], [0, '', 'No dead letters found.\n'])
    t.match(await headgate('dead-letters', 'list', '--since', 'yesterday'), {
      code: 2,
      stderr: /--since must be a time/,
    })
  })

  const idOf = async (...query: string[]) => (await headgate('dead-letters', 'list', '--json', ...query)).lines()[0].id
  const [annId, oddId] = [await idOf('--upload', ann.uploadId), await idOf('--reason', 'HEADGATE_INVALID_EVENT')]

  await t.test('dead-letters show prints the record, the error and the status of the upload', async t => {
    const shown = await headgate('dead-letters', 'show', annId)
    t.equal(shown.code, 0, shown.stderr)
    t.match(shown.stdout, /^reason +HEADGATE_OBJECT_MISSING: There is no object/m)
    t.match(shown.stdout, `${ann.uploadId} of ann, now failed`)
    t.match(shown.stdout, `"key": "${ann.key}"`)
    t.match(
      (await headgate('dead-letters', 'show', oddId)).stdout,
      /8 bytes that are not an upload event.*\nbm90IGpzb24=\n/,
    )
    t.match(await headgate('dead-letters', 'show', 'shardId-0/1'), { code: 1, stderr: /There is no dead letter/ })
    t.match(await headgate('dead-letters', 'show', 'nonsense'), { code: 2, stderr: /is not the id of a dead letter/ })
  })

  await t.test('dead-letters redrive needs a selection, and changes nothing with --dry-run', async t => {
    t.match(await headgate('dead-letters', 'redrive'), { code: 2, stderr: /No dead letters are selected/ })
    t.match(await headgate('dead-letters', 'redrive', annId, '--all'), { code: 2, stderr: /cannot be combined/ })
    const dry = await headgate('dead-letters', 'redrive', '--all', '--dry-run')
    t.match(dry, { code: 0, stderr: '3 would be redriven. Nothing was changed.\n' })
    t.match(await store.get(ann), { status: 'failed' })
  })

  await t.test('a redriven upload is processed, and a second redrive changes nothing', async t => {
    await putUpload(aws.s3, ann, 'mended')
    const redriven = await headgate('dead-letters', 'redrive', annId)
    t.match(redriven, { code: 0, stderr: '1 redriven\n' })
    t.match(redriven.stdout, /redriven to shardId-0+\/\d+/)
    await until(() => program.stdout().includes('"msg":"processed"'), { what: 'the processed object' })
    const again = await headgate('dead-letters', 'redrive', annId)
    t.match(again, { code: 0, stdout: /was redriven at .*\. Nothing was changed/, stderr: '1 already redriven\n' })
    t.match(await store.get(ann), { status: 'processed', failure: undefined })
    t.match((await headgate('dead-letters', 'show', annId)).stdout, 'ann, now processed')
  })

  await t.test(
    'dead-letters redrive --all redrives each letter once, and leaves a record that fails again for the next run',
    async t => {
      const all = await headgate('dead-letters', 'redrive', '--all', '--json')
      t.equal(all.code, 0, all.stderr)
      t.strictSame(
        all.lines().map(({ outcome }) => outcome),
        ['redriven', 'redriven'],
      )
      await givenUp(5)
      t.match(await store.get(bob), { status: 'failed' })
      t.match((await headgate('dead-letters', 'show', oddId)).stdout, /and +failed again: shardId-0+\/\d+/)
      const open = await headgate('dead-letters', 'list', '--json')
      t.equal(open.lines().length, 2)
      const done = await headgate('dead-letters', 'list', '--redriven', '--json')
      t.equal(done.lines().length, 3)
    },
  )

  await t.test('dead-letters discard deletes a letter by its id, and several only with --yes', async t => {
    t.match(await headgate('dead-letters', 'discard', oddId), { code: 0, stdout: `${oddId}  discarded\n` })
    t.match(await headgate('dead-letters', 'discard', '--redriven', '--all'), {
      code: 1,
      stderr: /This deletes 2 dead letters for good/,
    })
    t.match(await headgate('dead-letters', 'discard', '--all', '--yes'), { code: 0, stderr: '2 discarded\n' })
    t.match(await headgate('dead-letters', 'discard', '--redriven', '--all', '--yes'), {
      code: 0,
      stderr: '2 discarded\n',
    })
    const { KeyCount } = await aws.s3.send(
      new ListObjectsV2Command({ Bucket: names.processedBucket, Prefix: 'dead-letters/' }),
    )
    t.equal(KeyCount, 0)
  })

  program.child.kill('SIGTERM')
  t.match(await program.ended, { code: 0 })
})
