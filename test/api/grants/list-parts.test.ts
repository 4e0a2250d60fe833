import { CreateMultipartUploadCommand, type S3Client, UploadPartCommand } from '@aws-sdk/client-s3'
import t, { type Test } from 'tap'
import { createMultipart } from '../../../services/api/grants/multipart.ts'
import { createLocalClients } from '../../../services/local/clients.ts'
import type { PartsArrival, PendingRecord } from '../../../services/uploads/pending/pending.ts'
import { startAnswering } from '../../support/answering.ts'
import { startAws } from '../../support/aws.ts'
import { startFaultProxy, to } from '../../support/fault-proxy.ts'

const PAGE = 1_000
const PARTS = 2_500
const PAGES = 3

/** Returns a pending upload with parts of one byte. */
function uploadOf(size: number, change: Partial<PendingRecord<PartsArrival>> = {}): PendingRecord<PartsArrival> {
  return {
    ...{
      owner: 'o',
      uploadId: 'i',
      bucket: 'b',
      key: 'uploads/o/i/a.bin',
      filename: 'a.bin',
      contentType: 'x/y',
      size,
    },
    ...{ status: 'pending', uploadedAt: '', updatedAt: '', expiresAt: '', requestId: 'r' },
    arrival: { way: 'parts', multipartId: 'm', partBytes: 1 },
    ...change,
  } as PendingRecord<PartsArrival>
}

interface Shape {
  /** Returns the elements of a page before the last. */
  middle(last: number): string
  /** Returns the elements of the last page. */
  end(last: number): string
}

const truncated = (last: number) =>
  `<IsTruncated>true</IsTruncated><NextPartNumberMarker>${last}</NextPartNumberMarker>`

/** How servers end a listing: the last page may lack IsTruncated, and may have any marker. */
const shapes: Record<string, Shape> = {
  'the last part as the marker of the last page': {
    middle: truncated,
    end: last => `<IsTruncated>false</IsTruncated><NextPartNumberMarker>${last}</NextPartNumberMarker>`,
  },
  'a marker of 0 on the last page, which would restart the listing': {
    middle: truncated,
    end: () => '<IsTruncated>false</IsTruncated><NextPartNumberMarker>0</NextPartNumberMarker>',
  },
  'an empty marker on the last page': {
    middle: truncated,
    end: () => '<IsTruncated>false</IsTruncated><NextPartNumberMarker/>',
  },
  'no marker on the last page': { middle: truncated, end: () => '<IsTruncated>false</IsTruncated>' },
  'neither a marker nor IsTruncated on the last page': { middle: truncated, end: () => '' },
  'a marker and no IsTruncated on the last page': {
    middle: truncated,
    end: last => `<NextPartNumberMarker>${last}</NextPartNumberMarker>`,
  },
}

/** Starts a server that lists these parts in pages. A page starts after the requested marker. */
async function startListing(t: Test, parts: readonly number[], { middle, end }: Shape) {
  const asked: Array<string | null> = []
  const server = await startAnswering(t, (_nth, path) => {
    const marker = new URL(path, 'http://s3').searchParams.get('part-number-marker')
    asked.push(marker)
    const rest = parts.filter(partNumber => partNumber > Number(marker))
    const page = rest.slice(0, PAGE)
    const last = page.at(-1) ?? 0
    const shown = page.map(n => `<Part><PartNumber>${n}</PartNumber><ETag>"e${n}"</ETag><Size>1</Size></Part>`)
    const ending = rest.length > page.length ? middle(last) : end(last)
    return `<ListPartsResult>${ending}${shown.join('')}</ListPartsResult>`
  })
  const clients = createLocalClients({ s3: server.url, dynamodb: server.url, kinesis: server.url })
  t.teardown(() => clients.destroy())
  return { s3: clients.s3, asked }
}

const numbered = (count: number) => Array.from({ length: count }, (_, index) => index + 1)

for (const [name, shape] of Object.entries(shapes)) {
  t.test(`2,500 parts are listed once each from a server that sends ${name}`, async t => {
    const all = await startListing(t, numbered(PARTS), shape)
    t.strictSame(await createMultipart(all.s3).missing(uploadOf(PARTS)), [])
    t.strictSame(all.asked, [null, '1000', '2000'], `${PAGES} pages, each behind the last part of the one before`)

    const gaps = [1, 1_000, 1_001, 1_500, 2_500]
    const some = await startListing(
      t,
      numbered(PARTS).filter(n => !gaps.includes(n)),
      shape,
    )
    const missing = await createMultipart(some.s3).missing(uploadOf(PARTS))
    t.strictSame(
      missing.map(({ partNumber }) => partNumber),
      gaps,
      'parts that are missing on any page are named',
    )
    t.equal(some.asked.length, PAGES)

    const none = await startListing(t, [], shape)
    t.equal((await createMultipart(none.s3).missing(uploadOf(3))).length, 3, 'a listing without a part')
    t.equal(none.asked.length, 1)
  })
}

t.test('a truncated page without a marker is an error, not the end and not a loop', async t => {
  const shape = { middle: () => '<IsTruncated>true</IsTruncated>', end: () => '<IsTruncated>false</IsTruncated>' }
  const { s3, asked } = await startListing(t, numbered(PARTS), shape)
  await t.rejects(createMultipart(s3).missing(uploadOf(PARTS)), { code: 'HEADGATE_PAGES' })
  t.ok(asked.length <= 2, `${asked.length} requests`)
})

t.test('a server that marks every page as truncated, as moto does, is an error after two pages', async t => {
  const { s3, asked } = await startListing(t, numbered(3), { middle: truncated, end: truncated })
  await t.rejects(createMultipart(s3).missing(uploadOf(3)), { code: 'HEADGATE_PAGES' })
  t.strictSame(asked, [null, '3'])
})

t.test('more than 1,000 parts on the embedded S3 take two pages, and each part is found', async t => {
  const aws = await startAws(t)
  const proxy = await startFaultProxy(t, aws.endpoints.s3)
  const clients = createLocalClients({ ...aws.endpoints, s3: proxy.url })
  t.teardown(() => clients.destroy())
  const { s3 } = clients
  const where = { Bucket: aws.env.UPLOAD_BUCKET, Key: 'uploads/o/i/a.bin' }
  const { UploadId } = await s3.send(new CreateMultipartUploadCommand(where))
  const put = (PartNumber: number) =>
    aws.s3.send(new UploadPartCommand({ ...where, UploadId, PartNumber, Body: Buffer.from('x') }))
  const count = 1_050
  await putAll(numbered(count).filter(n => n !== 1_020))
  const upload = uploadOf(count, {
    bucket: where.Bucket ?? '',
    arrival: { way: 'parts', multipartId: UploadId ?? '', partBytes: 1 },
  })
  await holds(s3, [1_020])
  await put(1_020)
  await holds(s3, [])

  async function putAll(partNumbers: readonly number[]): Promise<void> {
    const rest = [...partNumbers]
    const lane = async () => {
      for (let next = rest.pop(); next !== undefined; next = rest.pop()) await put(next)
    }
    await Promise.all(Array.from({ length: 16 }, lane))
  }
  async function holds(client: S3Client, partNumbers: readonly number[]): Promise<void> {
    const before = proxy.count(to('GET'))
    const missing = await createMultipart(client).missing(upload)
    t.strictSame(
      missing.map(({ partNumber }) => partNumber),
      partNumbers,
    )
    t.equal(proxy.count(to('GET')) - before, 2, 'pages')
  }
})
