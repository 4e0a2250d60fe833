import { randomUUID } from 'node:crypto'
import { HeadObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3'
import t from 'tap'
import { v7 as uuidv7 } from 'uuid'
import { names } from '../../services/platform/resources.ts'
import { fromObjectMetadata, toObjectMetadata } from '../../services/uploads/objects/metadata.ts'
import { startAws } from '../support/aws.ts'

const filenames = [
  'demo.txt',
  'a b+c%20d.txt',
  '%',
  '%E0%A4%A',
  'Grüße 日本語 👩‍👩‍👧‍👦.txt',
  '=?UTF-8?B?aGVsbG8=?=',
  '=?UTF-8?B?!?=',
  '"quotes" \\ \u00a0',
  ' both ends ',
  'x'.repeat(1_024),
  '='.repeat(1_024),
  'ä'.repeat(170),
  'ä'.repeat(171),
  'ä'.repeat(512),
  '€'.repeat(341),
  '😀'.repeat(256),
  `${'='.repeat(1_000)}ä`,
]

const upload = (filename: string) => ({ uploadId: uuidv7(), owner: randomUUID(), filename })

t.test('the metadata of an object is decoded unchanged, with any file name', async t => {
  for (const filename of filenames) {
    const metadata = upload(filename)
    t.strictSame(fromObjectMetadata(toObjectMetadata(metadata)), metadata, filename.slice(0, 30))
  }
})

t.test('the metadata is printable ASCII and, with its names, below the limit of 2 KB of S3', async t => {
  for (const filename of filenames) {
    const metadata = toObjectMetadata(upload(filename))
    const bytes = Object.entries(metadata).reduce(
      (sum, [name, value]) => sum + name.length + Buffer.byteLength(value),
      0,
    )
    t.ok(bytes < 2_048, `${bytes} bytes of ${filename.slice(0, 20)}`)
    for (const [name, value] of Object.entries(metadata)) {
      t.match(value, /^[\x21-\x7e]+$/, name)
      t.equal(name, name.toLowerCase(), 'because S3 changes names to lower case')
    }
  }
})

t.test('S3 returns the metadata unchanged', async t => {
  const { s3 } = await startAws(t)
  for (const filename of filenames) {
    const metadata = upload(filename)
    const object = { Bucket: names.uploadBucket, Key: metadata.uploadId }
    await s3.send(new PutObjectCommand({ ...object, Body: 'x', Metadata: toObjectMetadata(metadata) }))
    const { Metadata } = await s3.send(new HeadObjectCommand(object))
    t.strictSame(fromObjectMetadata(Metadata), metadata)
  }
})

t.test(
  'metadata that the api did not write is ignored, and a file name without encoding is kept unchanged',
  async t => {
    t.equal(fromObjectMetadata(undefined), undefined)
    t.equal(fromObjectMetadata({}), undefined)
    const { owner, ...withoutOwner } = toObjectMetadata(upload('a'))
    t.equal(fromObjectMetadata(withoutOwner), undefined)
    t.equal(fromObjectMetadata({ ...withoutOwner, owner: '' }), undefined)
    t.match(fromObjectMetadata({ ...withoutOwner, owner: 'me', filename: '100%' }), { filename: '100%' })
    t.ok(owner)
  },
)
