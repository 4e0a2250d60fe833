import { Readable } from 'node:stream'
import t from 'tap'
import { eventOf } from '../../services/uploads/records/record.ts'
import {
  checkOwnObject,
  describeUpload,
  provenance,
  toMetadata,
  uploadKeyOf,
} from '../../services/worker/outputs/provenance.ts'
import type { SourceObject } from '../../services/worker/processing/source-object.ts'
import { copy } from '../../services/worker/transforms/built-in/copy.ts'
import { uploadRecord } from './pipeline.ts'

const event = eventOf(uploadRecord({ uploadId: 'id-1', filename: 'report.txt' }))
const bare = { bucket: event.bucket, key: event.key }

function source(metadata: Record<string, string> = {}): SourceObject {
  const plain = { contentType: 'text/plain', contentEncoding: undefined, size: 3, etag: 'e1', versionId: undefined }
  const body = Readable.from([])
  return { body, head: Buffer.alloc(0), content: body, ...plain, metadata }
}

const metadata = (...of: [typeof event, SourceObject]) => toMetadata(provenance(...of, copy))

const own = { 'upload-id': 'id-1', owner: 'owner-1', filename: 'r%C3%A9port.txt' }

t.test('the upload of an object is named by the event, or else by the metadata of the object', async t => {
  const other = { ...own, 'upload-id': 'id-2', owner: 'owner-2' }
  t.strictSame(uploadKeyOf(event, source(other)), { owner: 'owner-1', uploadId: 'id-1' })
  t.strictSame(uploadKeyOf(bare, source(other)), { owner: 'owner-2', uploadId: 'id-2' })
  t.equal(uploadKeyOf(bare, source({ owner: 'owner-2' })), undefined)
  t.equal(uploadKeyOf(bare), undefined)
})

t.test('an object whose metadata names another upload is rejected', async t => {
  for (const other of [{ 'upload-id': 'id-2' }, { owner: 'owner-2' }, { 'upload-id': 'id-2', owner: 'owner-2' }]) {
    t.throws(() => checkOwnObject(event, source({ ...own, ...other })), { code: 'HEADGATE_OBJECT_REPLACED' })
    t.doesNotThrow(() => checkOwnObject(bare, source({ ...own, ...other })), 'a bare event names no upload')
  }
  t.doesNotThrow(() => checkOwnObject(event, source(own)))
  t.doesNotThrow(() => checkOwnObject(event, source()), 'an object of another producer names no upload')
})

t.test('the file name is the client’s, or else the last segment of the key', async t => {
  t.equal((await describeUpload(event, source(own))).filename, 'réport.txt')
  t.equal((await describeUpload(event, source())).filename, 'report.txt')
  const keyed = async (key: string) => (await describeUpload({ bucket: 'headgate-uploads', key }, source())).filename
  t.equal(await keyed('uploads/x/y.txt'), 'y.txt')
  t.equal(await keyed('y.txt'), 'y.txt')
})

t.test('the digest is written only if it is the digest of the bytes that were read', async t => {
  t.equal(metadata(event, source(own))['source-sha256'], event.sha256)
  t.equal(metadata(event, source())['source-sha256'], event.sha256)
  const overwritten = metadata(event, source({ ...own, 'upload-id': 'id-2' }))
  t.notOk('source-sha256' in overwritten)
  t.equal(overwritten['upload-id'], 'id-2')
})

t.test('a value that can not be a header is omitted', async t => {
  for (const uploadId of ['a\r\nx-evil: 1', 'é', 'u'.repeat(1_025)]) {
    t.notOk('upload-id' in metadata({ ...event, uploadId }, source()))
  }
})
