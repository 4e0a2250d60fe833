export interface Request {
  method: string
  url: string
  headers: Record<string, string | string[] | undefined>
  raw: { headers: Record<string, string | string[] | undefined> }
  body: unknown
}

export interface Reply {
  statusCode: number
  getHeader(name: string): unknown
  code(status: number): Reply
  header(name: string, value: string): Reply
  send(body?: string): Reply
}

/** The part of a Fastify instance that this module uses. */
export interface Hooked {
  /** Sends a request to the server itself, without its port. */
  inject(request: { method: 'HEAD'; url: string }): Promise<{ statusCode: number }>
  addHook(name: 'onRequest' | 'preHandler', hook: (request: Request, reply: Reply) => Promise<unknown>): unknown
  addHook(name: 'onSend', hook: (request: Request, reply: Reply, payload: unknown) => Promise<unknown>): unknown
}

interface Upload {
  bucket: string
  key: string
  parts: Map<number, { etag: string; size: number }>
  initiated: Date
}

/** The page size of S3. */
const PAGE = 1_000

/**
 * Adds the listing of multipart uploads and of their parts. fauxqs has neither, and would respond with an empty list of
 * objects. The lists are built from the requests that pass, until an upload is completed or aborted. Uploads from
 * before a restart are not listed.
 */
export function addMultipartLists(fastify: Hooked): void {
  const uploads = new Map<string, Upload>()

  fastify.addHook('onSend', async (request, reply, payload) => {
    if (reply.statusCode >= 300) return
    const { bucket, key, query, uploadId } = parse(request.url)
    if (request.method === 'POST' && query.has('uploads')) {
      const created = /<UploadId>(.+)<\/UploadId>/.exec(String(payload))?.[1]
      if (created !== undefined) uploads.set(created, { bucket, key, parts: new Map(), initiated: new Date() })
    }
    if (uploadId === null) return
    if (request.method === 'PUT') {
      const part = { etag: String(reply.getHeader('etag')), size: sizeOf(request) }
      uploads.get(uploadId)?.parts.set(Number(query.get('partNumber')), part)
    } else if (request.method === 'POST' || request.method === 'DELETE') {
      // Completed or aborted. Other methods change nothing: browsers send OPTIONS to the URL of each part.
      uploads.delete(uploadId)
    }
  })

  fastify.addHook('preHandler', async (request, reply) => {
    const { bucket, query, uploadId } = parse(request.url)
    if (request.method !== 'GET') return
    if (query.has('uploads')) {
      const prefix = query.get('prefix') ?? ''
      const open = [...uploads].filter(([, upload]) => upload.bucket === bucket && upload.key.startsWith(prefix))
      return reply.header('content-type', 'application/xml').send(listUploads(open, query))
    }
    if (uploadId === null) return
    const upload = uploads.get(uploadId)
    reply.header('content-type', 'application/xml')
    if (upload) return reply.send(listParts(upload, query))
    return reply.code(404).send('<Error><Code>NoSuchUpload</Code><Message>The upload does not exist.</Message></Error>')
  })
}

function parse(url: string) {
  const { pathname, searchParams: query } = new URL(url, 'http://s3')
  const [bucket = '', ...key] = pathname.slice(1).split('/')
  return { bucket, key: decodeURIComponent(key.join('/')), query, uploadId: query.get('uploadId') }
}

/** Returns the size of a part, whose body may be wrapped in chunks with a checksum. */
function sizeOf({ headers, body }: Request): number {
  const decoded = headers['x-amz-decoded-content-length']
  if (decoded !== undefined) return Number(decoded)
  return Buffer.isBuffer(body) ? body.length : 0
}

function listUploads(open: ReadonlyArray<[string, Upload]>, query: URLSearchParams): string {
  const [keyMarker, idMarker] = [query.get('key-marker') ?? '', query.get('upload-id-marker')]
  const rest = open
    .map(([uploadId, { key, initiated }]) => ({ uploadId, key, initiated }))
    .filter(({ key, uploadId }) => key > keyMarker || (key === keyMarker && idMarker !== null && uploadId > idMarker))
    .sort((a, b) => (a.key === b.key ? order(a.uploadId, b.uploadId) : order(a.key, b.key)))
  const page = rest.slice(0, pageSize(query.get('max-uploads')))
  const shown = page.map(
    ({ uploadId, key, initiated }) =>
      `<Upload><Key>${escaped(key)}</Key><UploadId>${uploadId}</UploadId><Initiated>${initiated.toISOString()}</Initiated></Upload>`,
  )
  const last = page.at(-1)
  const markers = `<NextKeyMarker>${escaped(last?.key ?? '')}</NextKeyMarker><NextUploadIdMarker>${last?.uploadId ?? ''}</NextUploadIdMarker>`
  const truncated = `<IsTruncated>${rest.length > page.length}</IsTruncated>`
  return `<ListMultipartUploadsResult>${markers}${truncated}${shown.join('')}</ListMultipartUploadsResult>`
}

/**
 * Returns a page of parts. As in S3, NextPartNumberMarker is also on the last page: it is the last part of the page, or
 * 0 on an empty page. A client that follows it starts again with the first part, and never ends.
 * https://github.com/aws/aws-sdk-go-v2/pull/1100
 * https://github.com/awslabs/aws-sdk-rust/issues/1143
 */
function listParts({ parts }: Upload, query: URLSearchParams): string {
  const marker = Number(query.get('part-number-marker'))
  const rest = [...parts].filter(([partNumber]) => partNumber > marker).sort(([a], [b]) => a - b)
  const size = pageSize(query.get('max-parts'))
  const page = rest.slice(0, size)
  const shown = page.map(
    ([partNumber, { etag, size }]) =>
      `<Part><PartNumber>${partNumber}</PartNumber><ETag>${escaped(etag)}</ETag><Size>${size}</Size></Part>`,
  )
  const markers = `<PartNumberMarker>${marker}</PartNumberMarker><NextPartNumberMarker>${page.at(-1)?.[0] ?? 0}</NextPartNumberMarker>`
  const truncated = `<MaxParts>${size}</MaxParts><IsTruncated>${rest.length > page.length}</IsTruncated>`
  return `<ListPartsResult>${markers}${truncated}${shown.join('')}</ListPartsResult>`
}

function pageSize(wanted: string | null): number {
  return wanted === null ? PAGE : Math.min(PAGE, Number(wanted))
}

function order(a: string, b: string): number {
  return a < b ? -1 : Number(a > b)
}

/** Escapes a text for XML. */
export function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}
