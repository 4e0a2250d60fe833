import t from 'tap'
import { createMultipart } from '../../services/api/grants/multipart.ts'
import { isUnavailable } from '../../services/api/problems/unavailable.ts'
import { createLocalClients } from '../../services/local/clients.ts'
import { isKeyAfter, PagesError, pages } from '../../services/platform/pages.ts'
import { createRemoveOutputs } from '../../services/uploads/objects/remove-outputs.ts'
import { createResultStore } from '../../services/uploads/objects/result-store.ts'
import type { PartsArrival, PendingRecord } from '../../services/uploads/pending/pending.ts'
import { createListUploads } from '../../services/uploads/records/listing.ts'
import { createDeadLetterArchive } from '../../services/worker/dead-letters/archive.ts'
import { createListUploadObjects as createListObjects } from '../../services/worker/orphans/list-upload-objects.ts'
import { createUploadBucket } from '../../services/worker/orphans/upload-bucket.ts'
import { startAnswering } from '../support/answering.ts'

type Clients = ReturnType<typeof createLocalClients>

interface Listing {
  /** Returns the response whose next marker is given. The service may also mark the page as the last one. */
  page(marker: number, isTruncated: boolean): string
  run(clients: Clients): Promise<unknown>
}

const signal = new AbortController().signal
const source = { bucket: 'b', key: 'uploads/o/i/a.txt' }
const upload = {
  owner: 'o',
  uploadId: 'i',
  bucket: 'b',
  key: 'uploads/o/i/a.bin',
  filename: 'a.bin',
  contentType: 'x/y',
  size: 10,
  status: 'pending',
  uploadedAt: '',
  updatedAt: '',
  expiresAt: '',
  requestId: 'r',
  arrival: { way: 'parts', multipartId: 'm', partBytes: 10 },
} as PendingRecord<PartsArrival>

async function drain(items: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of items);
}

const objectsPage = (marker: number, isTruncated: boolean) =>
  `<ListBucketResult><IsTruncated>${isTruncated}</IsTruncated><NextContinuationToken>t${marker}</NextContinuationToken>` +
  `<Contents><Key>uploads/k${marker}</Key><Size>1</Size></Contents></ListBucketResult>`

const queryPage = (marker: number, isTruncated: boolean) =>
  JSON.stringify({
    Items: [],
    ScannedCount: 0,
    ...(isTruncated && { LastEvaluatedKey: { owner: { S: 'o' }, uploadId: { S: `i${marker}` } } }),
  })

const partsPage = (marker: number, isTruncated: boolean) =>
  `<ListPartsResult><IsTruncated>${isTruncated}</IsTruncated><NextPartNumberMarker>${marker}</NextPartNumberMarker>` +
  '<Part><PartNumber>1</PartNumber><ETag>e</ETag><Size>10</Size></Part></ListPartsResult>'

const listings: Record<string, Listing> = {
  'the parts of a grant': {
    page: partsPage,
    run: ({ s3 }) => createMultipart(s3).missing(upload),
  },
  'multipart uploads': {
    page: (marker, isTruncated) =>
      `<ListMultipartUploadsResult><IsTruncated>${isTruncated}</IsTruncated><NextKeyMarker>k${marker}</NextKeyMarker>` +
      `<NextUploadIdMarker>u${marker}</NextUploadIdMarker></ListMultipartUploadsResult>`,
    run: ({ s3 }) => drain(createUploadBucket(s3, 'b').multiparts(signal)),
  },
  tails: { page: objectsPage, run: ({ s3 }) => drain(createUploadBucket(s3, 'b').tails(signal)) },
  'dead letters': {
    page: objectsPage,
    run: ({ s3 }) => drain(createDeadLetterArchive({ s3, bucket: 'b', stream: 's' }).list({})),
  },
  'outputs of an upload': {
    page: (marker, isTruncated) => objectsPage(marker, isTruncated).replace(/<Contents>.*<\/Contents>/, ''),
    run: ({ s3 }) =>
      createRemoveOutputs(s3, { removeAll: async () => ({ kept: new Set(), removed: new Set() }) })(source, 'i', ['b']),
  },
  'results of an upload': {
    page: queryPage,
    run: ({ dynamodb }) => createResultStore({ dynamodb, table: 't' }).removeAll(source, 'i'),
  },
  'the uploads of an owner': {
    page: (marker, isTruncated) => queryPage(10_000 - marker, isTruncated),
    run: ({ dynamodb }) => createListUploads({ dynamodb, table: 't' })({ owner: 'o', limit: 10 }),
  },
}

async function listFrom(t: Parameters<typeof startAnswering>[0], answer: (nth: number) => string) {
  const server = await startAnswering(t, answer)
  const clients = createLocalClients({ s3: server.url, dynamodb: server.url, kinesis: server.url })
  t.teardown(() => clients.destroy())
  return { server, clients }
}

for (const [name, { page, run }] of Object.entries(listings)) {
  t.test(`ends a listing of ${name} if the service never ends it`, async t => {
    const last = await listFrom(t, nth => page(nth, false))
    await run(last.clients)
    t.equal(last.server.count(), 1, 'a marker on the last page is not followed')

    const same = await listFrom(t, () => page(7, true))
    await t.rejects(run(same.clients), { code: 'HEADGATE_PAGES' }, 'the same page again is an error')
    t.equal(same.server.count(), 2)

    const back = await listFrom(t, nth => page([5, 7, 5][nth - 1] ?? 9, true))
    await t.rejects(run(back.clients), { code: 'HEADGATE_PAGES' }, 'a marker that goes back is an error')
    t.equal(back.server.count(), 3)
  })
}

t.test('limits a listing of parts whose markers advance forever', async t => {
  const { server, clients } = await listFrom(t, nth => partsPage(nth, true))
  const error = await createMultipart(clients.s3)
    .missing(upload)
    .catch(thrown => thrown)
  t.match(error, { code: 'HEADGATE_PAGES', message: 'ListParts returned more than 100 pages.' })
  t.equal(server.count(), 100)
  t.ok(isUnavailable(error), 'a client is told that a service fails, and to come again')
})

t.test('limits a listing of an owner’s uploads in which no record is examined', async t => {
  const { server, clients } = await listFrom(t, nth => queryPage(99_999 - nth, true))
  const listing = createListUploads({ dynamodb: clients.dynamodb, table: 't' })({ owner: 'o', limit: 10 })
  await t.rejects(listing, { code: 'HEADGATE_PAGES' })
  t.equal(server.count(), 1_000)
})

t.test('ends the listing of objects for the sweep at a page that does not advance', async t => {
  const list = async (answer: string, after = 'uploads/') => {
    const { clients } = await listFrom(t, () => answer)
    return createListObjects(clients.s3, 'b')({ after, since: 0 })
  }
  t.match(await list(objectsPage(7, true), 'uploads/k5'), { next: 'uploads/k7' })
  t.match(await list(objectsPage(7, false), 'uploads/k9'), { next: undefined })
  await t.rejects(list(objectsPage(7, true), 'uploads/k7'), { code: 'HEADGATE_PAGES' })
  await t.rejects(list(objectsPage(7, true), 'uploads/k9'), { code: 'HEADGATE_PAGES' })
  const empty = '<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>'
  await t.rejects(list(empty), { code: 'HEADGATE_PAGES' }, 'an empty page with more to come is no end either')
})

t.test('ends between two pages when the signal fires', async t => {
  const stopping = new AbortController()
  let fetched = 0
  const endless = pages<number, number>({
    operation: 'List',
    fetch: async () => ++fetched,
    next: page => page,
    signal: stopping.signal,
  })
  const reason = new Error('stopped')
  await t.rejects(async () => {
    for await (const page of endless) if (page === 3) stopping.abort(reason)
  }, reason)
  t.equal(fetched, 3)
})

t.test('starts at the given marker, and has a maximum number of pages by default', async t => {
  const markers: Array<number | undefined> = []
  const listing = pages<number, number>({
    operation: 'List',
    fetch: async marker => {
      markers.push(marker)
      return (marker ?? 0) + 1
    },
    next: page => page,
    isAfter: (marker, previous) => marker > previous,
    from: 5,
  })
  await t.rejects(drain(listing), new PagesError('List returned more than 10000 pages.'))
  t.equal(markers.length, 10_000)
  t.same(markers.slice(0, 3), [5, 6, 7])
})

t.test('compares keys in the order in which S3 lists them', async t => {
  t.ok(isKeyAfter('b', 'a'))
  t.notOk(isKeyAfter('a', 'a'))
  t.ok(isKeyAfter('a', ''))
  // By UTF-16 units, as JavaScript compares, the emoji would come first.
  t.ok(isKeyAfter('\u{1F600}', '\uFF5E'))
})
