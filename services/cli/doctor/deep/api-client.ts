import { attempt } from '../attempt.ts'
import { parseJsonObject, readBody } from '../http.ts'
import { StepFailedError } from './errors.ts'

/** An answer, read whole. */
export interface ApiResponse {
  /** What was asked for, without its query: presigned URLs have their signature there. */
  request: string
  status: number
  headers: Headers
  bytes: Buffer
  /** The body where it is a JSON object, and an empty object where it is not. */
  body: Record<string, unknown>
  /** From the request to the last byte of the answer, in milliseconds. */
  ms: number
}

export interface Request {
  method?: string
  headers?: Readonly<Record<string, string>>
  body?: Buffer | string
  /** Whether a redirect to S3 is followed. Browsers and `curl -L` leave the token behind then, and so does this. */
  follow?: boolean
  /** The largest body of an answer that is read. @default 16 MiB */
  maxBytes?: number
}

const MAX_BYTES = 16 * 1024 ** 2

/** The api as one user sees it. Remembers every upload that the user's requests made. */
export interface ApiClient {
  /** @param where a path below the root of the api, or a whole URL of S3, which gets no token */
  request(where: string, request?: Request): Promise<ApiResponse>
  /** The URL of a `Location`, a `Link` or a path in an answer. They begin at the root of the host. */
  resolve(reference: string): string
  /** Ids of the uploads that are still to be deleted. */
  readonly uploadIds: Set<string>
}

export interface ApiClientSettings {
  /** Without a slash at its end, with the stage of a REST API. */
  root: string
  token: string
  /** Ends every request. */
  signal: AbortSignal
  uploadIds: Set<string>
  /** Called with every answer of the api that was read whole. */
  onResponse?(): void
}

export function createApiClient({
  root,
  token,
  signal,
  uploadIds: made,
  onResponse: onAnswer,
}: ApiClientSettings): ApiClient {
  return {
    uploadIds: made,
    resolve: reference => new URL(reference, root).href,
    async request(where, { method = 'GET', headers = {}, body, follow = false, maxBytes = MAX_BYTES } = {}) {
      const url = String(where).startsWith('/') ? `${root}${where}` : where
      const isApi = isBelow(root, url)
      const asked = `${method} ${isApi ? new URL(url).pathname : 'of the presigned URL'}`
      const startedAt = performance.now()
      const sending = fetch(url, {
        method,
        headers: { ...(isApi && { authorization: `Bearer ${token}` }), ...headers },
        redirect: follow ? 'follow' : 'manual',
        signal,
        ...(body !== undefined && { body: typeof body === 'string' ? body : new Uint8Array(body) }),
      })
      const of = {
        action: method,
        resource: isApi ? (url.split('?')[0] ?? '') : 'S3, by a presigned URL',
        variable: isApi ? 'API_URL' : 'UPLOAD_BUCKET',
      }
      const response = await attempt(of, sending)
      const bytes = await attempt(of, readBody(response, maxBytes))
      const ms = performance.now() - startedAt
      if (isApi) onAnswer?.()
      if (isApi && method === 'POST') rememberUploads(made, bytes, response.headers)
      const isJson = response.headers.get('content-type')?.includes('json') === true
      const answer = { request: asked, status: response.status, headers: response.headers, bytes, ms }
      return { ...answer, body: (isJson ? parseJsonObject(bytes.toString()) : undefined) ?? {} }
    },
  }
}

/**
 * Returns true for a URL below the root of the api, which gets the token. Compares URLs and not texts: the case of a host
 * and a default port make no difference.
 *
 * @throws StepFailedError if the text is no URL
 */
function isBelow(root: string, text: string): boolean {
  if (!URL.canParse(text)) {
    throw new StepFailedError(
      'an answer has no valid URL where one belongs',
      'Check that API_URL is the root of this api.',
    )
  }
  const url = new URL(text)
  const base = new URL(root)
  return url.origin === base.origin && url.pathname.startsWith(base.pathname.replace(/\/*$/, '/'))
}

/**
 * Remembers every upload that an answer to a POST names, whatever its status and content type: an answer that a step
 * rejects may have made an upload, too. Answers to other methods may name uploads that were there before.
 */
function rememberUploads(made: Set<string>, bytes: Buffer, headers: Headers): void {
  const body = parseJsonObject(bytes.toString()) ?? {}
  const uploads: unknown[] = Array.isArray(body.uploads) ? body.uploads : []
  for (const upload of [body, ...uploads]) {
    if (typeof upload === 'object' && upload !== null && 'uploadId' in upload && typeof upload.uploadId === 'string')
      made.add(upload.uploadId)
  }
  // A tus upload has no body, and is named by its address.
  const id = /\/uploads\/tus\/([^/?#]+)$/.exec(headers.get('location') ?? '')?.[1]
  if (id !== undefined) made.add(decodeURIComponent(id))
}

/** Returns an answer that has one of the statuses. @throws StepFailedError for any other answer */
export function expectStatus(answer: ApiResponse, ...statuses: readonly number[]): ApiResponse {
  if (statuses.includes(answer.status)) return answer
  const { request: asked, status, headers, body, bytes } = answer
  const { type, detail, message } = body
  const said = typeof type === 'string' ? `${type}: ${detail ?? body.title}` : String(message ?? bytes.subarray(0, 200))
  const requestId = headers.get('x-request-id')
  const named = requestId === null ? '' : `, request ${requestId}`
  throw new StepFailedError(
    `${asked} was answered with ${status} instead of ${statuses.join(' or ')}${named}: ${said}`,
    adviceFor(answer),
  )
}

function adviceFor({ status, request: asked }: ApiResponse): string {
  const isS3 = asked.endsWith('presigned URL')
  if (status === 403 && isS3)
    return 'S3 refuses the signature of the api, or its role lacks the permission: see the check of writing uploads, and infra/permissions/.'
  if (status === 401 || status === 403) return 'See the checks `token` and `api-with-token`.'
  if (status === 404) return 'Check that API_URL is the root of this api, with the stage of a REST API.'
  if (status === 413) return 'What is in front of the api takes no body of this size.'
  if (status === 429) return 'Wait a minute, or raise the rate limits of the api, of the account or of the function.'
  if (status >= 500)
    return 'Look for the request in the log of the api by its id. AccessDenied there: see infra/permissions/. No line at all: the function or the task did not start, or ran out of time.'
  return 'Report this with its line: the api and this version of headgate do not agree.'
}
