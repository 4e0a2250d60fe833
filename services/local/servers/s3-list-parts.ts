interface Request {
  method: string
  url: string
  headers: Record<string, string | string[] | undefined>
  body: unknown
}

interface Reply {
  statusCode: number
  getHeader(name: string): unknown
  code(status: number): Reply
  header(name: string, value: string): Reply
  send(body: string): Reply
}

/** The part of a Fastify instance that is used. */
export interface Hooked {
  addHook(name: 'preHandler', hook: (request: Request, reply: Reply) => Promise<unknown>): unknown
  addHook(name: 'onSend', hook: (request: Request, reply: Reply, payload: unknown) => Promise<unknown>): unknown
}

interface Part {
  etag: string
  size: number
}

/** S3's page. */
const PAGE = 1_000

/**
 * fauxqs takes multipart uploads and cannot list their parts. It is told here by what passes: each upload that was
 * begun and each part that was taken, until it is completed or aborted. What passed before a restart is not known.
 */
export function addListParts(fastify: Hooked): void {
  const uploads = new Map<string, Map<number, Part>>()

  fastify.addHook('onSend', async (request, reply, payload) => {
    if (reply.statusCode >= 300) return
    const { query, uploadId } = parse(request.url)
    if (request.method === 'POST' && query.has('uploads')) {
      const created = /<UploadId>(.+)<\/UploadId>/.exec(String(payload))?.[1]
      if (created !== undefined) uploads.set(created, new Map())
    }
    if (uploadId === null) return
    const partNumber = Number(query.get('partNumber'))
    if (request.method === 'PUT') {
      const parts = uploads.get(uploadId) ?? new Map<number, Part>()
      parts.set(partNumber, { etag: String(reply.getHeader('etag')), size: sizeOf(request) })
      uploads.set(uploadId, parts)
    } else if (request.method !== 'GET') uploads.delete(uploadId)
  })

  fastify.addHook('preHandler', async (request, reply) => {
    const { query, uploadId } = parse(request.url)
    if (request.method !== 'GET' || uploadId === null) return
    const parts = uploads.get(uploadId)
    reply.header('content-type', 'application/xml')
    if (parts) return reply.send(listing(parts, Number(query.get('part-number-marker'))))
    return reply.code(404).send('<Error><Code>NoSuchUpload</Code><Message>No part of it is known.</Message></Error>')
  })
}

function parse(url: string) {
  const query = new URL(url, 'http://s3').searchParams
  return { query, uploadId: query.get('uploadId') }
}

/** Of the bytes of the part, which may be wrapped with their checksum. */
function sizeOf({ headers, body }: Request): number {
  const decoded = headers['x-amz-decoded-content-length']
  return decoded === undefined ? (Buffer.isBuffer(body) ? body.length : 0) : Number(decoded)
}

function listing(parts: ReadonlyMap<number, Part>, marker: number): string {
  const rest = [...parts].filter(([partNumber]) => partNumber > marker).sort(([a], [b]) => a - b)
  const page = rest.slice(0, PAGE)
  const shown = page.map(
    ([partNumber, { etag, size }]) =>
      `<Part><PartNumber>${partNumber}</PartNumber><ETag>${etag.replaceAll('"', '&quot;')}</ETag><Size>${size}</Size></Part>`,
  )
  const next = rest.length > PAGE ? `<NextPartNumberMarker>${page.at(-1)?.[0]}</NextPartNumberMarker>` : ''
  const truncated = `<IsTruncated>${rest.length > PAGE}</IsTruncated>`
  return `<ListPartsResult>${truncated}${next}${shown.join('')}</ListPartsResult>`
}
