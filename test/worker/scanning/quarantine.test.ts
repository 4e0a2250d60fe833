import { PutObjectCommand } from '@aws-sdk/client-s3'
import t from 'tap'
import { names } from '../../../services/platform/resources.ts'
import { createParkedScanStore } from '../../../services/uploads/records/parked-scan-store.ts'
import { createQuarantineStore } from '../../../services/uploads/records/quarantine-store.ts'
import type { UploadRecord } from '../../../services/uploads/records/record.ts'
import { createClamd } from '../../../services/worker/scanning/clamd.ts'
import type { ScanCounts } from '../../../services/worker/scanning/counts.ts'
import { deadLetterOf, going, putUpload, startPipeline, streamRecord, uploadRecord } from '../pipeline.ts'
import { startS3Proxy } from '../s3-proxy.ts'
import { clean, EICAR, startClamdDouble } from './clamd-server.ts'

const pipeline = await startPipeline(t)
const { store, deletions, keys, lines, log } = pipeline
const { dynamodb, s3 } = pipeline.aws
const quarantine = createQuarantineStore({ dynamodb, table: names.uploadsTable })
const parked = createParkedScanStore({ dynamodb, table: names.uploadsTable })
const double = await startClamdDouble(t)

const counted: string[] = []
const counts: ScanCounts = {
  quarantined: () => void counted.push('quarantined'),
  failed: () => void counted.push('failed'),
}

function scanningProcessor(
  change: Parameters<typeof pipeline.processor>[0] & { maxBytes?: number; maxConnections?: number } = {},
) {
  const { maxBytes = 1_000_000, maxConnections = 2, ...settings } = change
  const scanner = createClamd({ address: double.address, timeoutMs: 10_000, maxConnections, maxBytes, log })
  return pipeline.processor({ scanning: { scanner, quarantine, parked, counts }, ...settings })
}

t.beforeEach(() => {
  double.behave(clean)
  double.files.length = 0
  counted.length = 0
  lines.length = 0
})

/** Processes the event of an upload once more. */
const processAgain = (upload: UploadRecord, processor = scanningProcessor()) =>
  processor.process(streamRecord(upload), going)

const outputsOf = async ({ uploadId }: UploadRecord) => (await keys()).filter(key => key.includes(uploadId))

t.test('an infected file is quarantined with the name of the signature, and is never transformed', async t => {
  const upload = await pipeline.upload(EICAR)
  const record = streamRecord(upload)
  const processor = scanningProcessor()
  await processor.process(record, going)
  const found = await store.get(upload)
  t.match(found, {
    status: 'quarantined',
    failure: { code: 'HEADGATE_MALWARE_FOUND', reason: 'The scan found malware in the file: Double.EICAR.' },
    scan: { scanner: 'clamd', verdict: 'infected', signature: 'Double.EICAR' },
  })
  t.strictSame(await outputsOf(upload), [])
  t.notOk((await keys()).includes(deadLetterOf(record)), 'it is no dead letter')
  t.strictSame(counted, ['quarantined'])
  t.match(lines, [{ level: 'warn', msg: 'upload quarantined', signature: 'Double.EICAR', uploadId: upload.uploadId }])

  await processor.process(record, going)
  t.strictSame(await store.get(upload), found, 'a second delivery changes nothing')
  t.equal(double.files.length, 1, 'and is not scanned again')
})

t.test('a clean file is processed, and its record says that it was scanned', async t => {
  const upload = await pipeline.upload('hello')
  await processAgain(upload)
  t.match(await store.get(upload), { status: 'processed', scan: { scanner: 'clamd', verdict: 'clean', at: /Z$/ } })
  t.strictSame(double.files.map(String), ['hello'])
})

t.test('a clean file that cannot be processed fails, and its record says that it was scanned', async t => {
  const upload = await pipeline.upload(Buffer.from([0xff, 0xfe, 0x00]), { contentType: 'text/plain;charset=utf-8' })
  const refusing = pipeline.processor({ rules: [] })
  await refusing.process(streamRecord(upload), going)
  t.equal((await store.get(upload))?.scan, undefined, 'without a scanner there is no report')
  const other = await pipeline.upload('hello')
  await scanningProcessor({ rules: [] }).process(streamRecord(other), going)
  t.match(await store.get(other), { status: 'failed', scan: { verdict: 'clean' } })
})

t.test('while clamd fails, an upload is neither processed nor quarantined', async t => {
  const upload = await pipeline.upload('hello')
  double.behave({ reply: () => 'out of order ERROR' })
  await t.rejects(processAgain(upload), { code: 'HEADGATE_SCANNER_UNAVAILABLE' })
  t.match(await store.get(upload), { status: 'stored' })
  t.strictSame(await outputsOf(upload), [])
  t.strictSame(counted, ['failed'])
})

t.test('an upload whose scan keeps failing is given up when it is too old', async t => {
  const upload = await pipeline.upload('hello')
  double.behave({ reply: () => 'out of order ERROR' })
  const processor = scanningProcessor({ giveUpAfterMs: 3_600_000 })
  const record = { ...streamRecord(upload), arrivedAt: new Date(Date.now() - 2 * 3_600_000) }
  await processor.process(record, { ...going, attempt: 3 })
  t.match(await store.get(upload), { status: 'failed', failure: { code: 'HEADGATE_OVERDUE' } })
  t.ok((await keys()).includes(deadLetterOf(record)))
  t.equal((await store.get(upload))?.scan, undefined)
})

t.test('a file above CLAMD_MAX_BYTES fails with a code of its own, and clamd gets nothing', async t => {
  const upload = await pipeline.upload('hello hello')
  await processAgain(upload, scanningProcessor({ maxBytes: 10 }))
  t.match(await store.get(upload), {
    status: 'failed',
    failure: {
      code: 'HEADGATE_SCAN_LIMIT',
      reason: 'The file is too large to be scanned: it has 11 bytes, and CLAMD_MAX_BYTES is 10.',
    },
  })
  t.strictSame(double.files, [])
})

t.test('a file that newer signatures find loses the outputs of its earlier processing', async t => {
  const upload = await pipeline.upload('hello')
  await processAgain(upload)
  t.equal((await outputsOf(upload)).length, 1)
  double.behave({ reply: () => 'stream: New.Name FOUND' })
  await processAgain(upload)
  const found = await store.get(upload)
  t.match(found, { status: 'quarantined', scan: { signature: 'New.Name' } })
  t.strictSame([found?.processed, found?.outputs, found?.transform], [undefined, undefined, undefined])
  t.strictSame(await outputsOf(upload), [])
})

t.test('an attempt that another one overtakes by quarantining the file leaves no outputs', async t => {
  const upload = await pipeline.upload('hello')
  const processor = scanningProcessor({
    store: {
      ...store,
      async markProcessed(...args) {
        const failure = { code: 'HEADGATE_MALWARE_FOUND', reason: 'Found.' }
        const scan = { scanner: 'clamd', verdict: 'infected', signature: 'Late', at: new Date().toISOString() } as const
        await quarantine.markQuarantined(upload, { source: upload, failure, scan })
        return store.markProcessed(...args)
      },
    },
  })
  await processor.process(streamRecord(upload), going)
  t.match(await store.get(upload), { status: 'quarantined' })
  t.strictSame(await outputsOf(upload), [])
})

t.test('an object that is replaced between its scan and its transform is scanned again', async t => {
  const proxy = await startS3Proxy(t, pipeline.aws)
  const upload = await pipeline.upload('hello')
  double.behave({
    async reply() {
      await putUpload(s3, upload, EICAR)
      return 'stream: OK'
    },
  })
  await t.rejects(processAgain(upload, scanningProcessor({ s3: proxy.s3 })), { code: 'HEADGATE_OBJECT_CHANGED' })
  t.strictSame(await outputsOf(upload), [])
  double.behave(clean)
  await processAgain(upload)
  t.match(await store.get(upload), { status: 'quarantined' })
})

t.test('a released file is processed without another scan', async t => {
  const upload = await pipeline.upload(EICAR)
  await processAgain(upload)
  t.equal(await quarantine.release(upload, 'alice'), true)
  const released = await store.get(upload)
  t.match(released, { status: 'stored', scan: { verdict: 'released', signature: 'Double.EICAR', releasedBy: 'alice' } })
  t.equal(released?.failure, undefined)
  const partition = { before: new Date(Date.now() + 1_000).toISOString(), limit: 100 }
  const marks = Array.from({ length: 16 }, (_, index) =>
    store.listOutbox({ ...partition, partition: `outbox-${index}` }),
  )
  const outbox = (await Promise.all(marks)).flat()
  t.ok(
    outbox.some(({ uploadId }) => uploadId === upload.uploadId),
    'a relay publishes its event',
  )
  double.files.length = 0
  await processAgain(upload)
  t.match(await store.get(upload), { status: 'processed', scan: { verdict: 'released', releasedBy: 'alice' } })
  t.strictSame(double.files, [])
  t.equal(await quarantine.release(upload, 'bob'), false, 'it is not quarantined any more')
})

t.test('a file that is replaced after its release is not processed', async t => {
  const upload = await pipeline.upload(EICAR)
  await processAgain(upload)
  await quarantine.release(upload, 'alice')
  await putUpload(s3, upload, `${EICAR} and more`)
  await processAgain(upload)
  t.match(await store.get(upload), { status: 'failed', failure: { code: 'HEADGATE_OBJECT_REPLACED' } })
})

t.test('an upload that is released during a second scan stays released', async t => {
  const upload = await pipeline.upload(EICAR)
  await processAgain(upload)
  const before = await store.get(upload)
  await quarantine.release(upload, 'alice')
  const { scan: _scan, ...unscanned } = before as UploadRecord
  let reads = 0
  // The first read is from before the first scan.
  const get: typeof store.get = async key => (reads++ === 0 ? { ...unscanned, status: 'queued' } : store.get(key))
  const processor = scanningProcessor({ store: { ...store, get } })
  await processor.process(streamRecord(upload), going)
  t.match(await store.get(upload), { status: 'processed', scan: { verdict: 'released' } })
})

t.test('quarantined uploads are listed until they are released or deleted', async t => {
  const uploads = [
    await pipeline.upload(EICAR),
    await pipeline.upload(EICAR, { owner: 'owner-2' }),
    await pipeline.upload(EICAR),
  ]
  const [released, kept, deleted] = uploads
  if (!released || !kept || !deleted) throw new Error('There are three uploads.')
  for (const upload of uploads) await processAgain(upload)
  await quarantine.release(released, 'alice')
  const hidden = await deletions.begin(deleted)
  if (hidden) await deletions.complete(hidden)
  const listed: string[] = []
  for await (const { uploadId } of quarantine.list()) listed.push(uploadId)
  t.ok(listed.includes(kept.uploadId))
  t.notOk(listed.includes(released.uploadId) || listed.includes(deleted.uploadId))
  t.equal(await store.get(deleted), undefined)
})

t.test('an upload that its owner deletes during the scan is not quarantined', async t => {
  const upload = await pipeline.upload(EICAR)
  double.behave({
    async reply() {
      const hidden = await deletions.begin(upload)
      if (hidden) await deletions.complete(hidden)
      return 'stream: Double.EICAR FOUND'
    },
  })
  const record = streamRecord(upload)
  await scanningProcessor().process(record, going)
  t.equal(await store.get(upload), undefined)
  t.notOk((await keys()).includes(deadLetterOf(record)))
  t.strictSame(counted, [])
})

t.test('an infected object without a record becomes a dead letter', async t => {
  const { bucket } = uploadRecord()
  const key = 'uploads/elsewhere/eicar.txt'
  await s3.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: EICAR }))
  const record = streamRecord({ bucket, key })
  await scanningProcessor().process(record, going)
  t.match(JSON.parse((await pipeline.read(deadLetterOf(record))).text), { error: { code: 'HEADGATE_MALWARE_FOUND' } })
})

t.test('no more files are scanned at a time than there are connections', async t => {
  const uploads = await Promise.all(Array.from({ length: 8 }, () => pipeline.upload('hello')))
  const processor = scanningProcessor({ maxConnections: 2 })
  const before = double.maxOpen()
  t.ok(before <= 2)
  let waits = 0
  const onWait = () => void waits++
  await Promise.all(uploads.map(upload => processor.process(streamRecord(upload), { ...going, onWait })))
  t.ok(double.maxOpen() <= 2, `${double.maxOpen()} connections`)
  t.ok(waits >= 6, 'records that wait give their place to others')
})
