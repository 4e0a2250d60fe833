import { attempt } from '../attempt.ts'
import { parseJsonObject, readBody } from '../http.ts'
import { StepFailedError } from './errors.ts'

/** A response with its whole body. */
export interface ApiResponse {
  /** The method and path of the request. The query is omitted, because presigned URLs have their signature there. */
  request: string
  status: number
  headers: Headers
  bytes: Buffer
  /** The body, if it is a JSON object. Otherwise an empty object. */
  body: Record<string, unknown>
  /** Time from the request to the last byte of the response, in milliseconds. */
  ms: number
}

export interface Request {
  method?: string
  headers?: Readonly<Record<string, string>>
  body?: Buffer | string
  /** True to follow a redirect to S3. The token is not sent there, as with browsers and `curl -L`. @default false */
  follow?: boolean
  /** Maximum size of the response body. @default 16 MiB */
  maxBytes?: number | undefined
}

const MAX_BYTES = 16 * 1024 ** 2

/** A client of the api for one user. It records every upload that its requests created. */
export interface ApiClient {
  /**
   * Makes a request.
   *
   * @param location a path below the root of the api, or a full URL. A URL outside of the api gets no token
   */
  request(location: string, request?: Request): Promise<ApiResponse>
  /** Returns the URL of a `Location`, a `Link` or a path in a response, which are relative to the host. */
  resolve(reference: string): string
  /** Ids of the created uploads that are not deleted yet. */
  readonly uploadIds: Set<string>
}

export interface ApiClientSettings {
  /** The URL of the api, without a trailing slash, with the stage of a REST API. */
  root: string
  token: string
  /** Aborts all requests. */
  signal: AbortSignal
  uploadIds: Set<string>
  /** Called after every complete response of the api. */
  onResponse?(): void
}

export function createApiClient({ root, token, signal, uploadIds, onResponse }: ApiClientSettings): ApiClient {
  return {
    uploadIds,
    resolve: reference => new URL(reference, root).href,
    async request(location, { method = 'GET', headers = {}, body, follow = false, maxBytes = MAX_BYTES } = {}) {
      const url = location.startsWith('/') ? `${root}${location}` : location
      const isApi = isBelow(root, url)
      const startedAt = performance.now()
      const sent = fetch(url, {
        method,
        headers: { ...(isApi && { authorization: `Bearer ${token}` }), ...headers },
        redirect: follow ? 'follow' : 'manual',
        signal,
        ...(body !== undefined && { body: typeof body === 'string' ? body : new Uint8Array(body) }),
      })
      const target = {
        action: method,
        resource: isApi ? (url.split('?')[0] ?? '') : 'S3, by a presigned URL',
        variable: isApi ? 'API_URL' : 'UPLOAD_BUCKET',
      }
      const response = await attempt(target, sent)
      const bytes = await attempt(target, readBody(response, maxBytes))
      const ms = performance.now() - startedAt
      if (isApi) onResponse?.()
      if (isApi && method === 'POST') rememberUploads(uploadIds, bytes, response.headers)
      const isJson = response.headers.get('content-type')?.includes('json') === true
      return {
        request: `${method} ${isApi ? new URL(url).pathname : 'of the presigned URL'}`,
        status: response.status,
        headers: response.headers,
        bytes,
        body: (isJson ? parseJsonObject(bytes.toString()) : undefined) ?? {},
        ms,
      }
    },
  }
}

/**
 * Returns true for a URL below the root of the api. Only such URLs get the token. Parsed URLs are compared, because the case of a host
 * and a default port make no difference.
 *
 * @throws StepFailedError if the text is not a URL
 */
function isBelow(root: string, text: string): boolean {
  if (!URL.canParse(text)) {
    throw new StepFailedError('a response contains an invalid URL', 'Check that API_URL is the root of this api.')
  }
  const url = new URL(text)
  const base = new URL(root)
  return url.origin === base.origin && url.pathname.startsWith(base.pathname.replace(/\/*$/, '/'))
}

/**
 * Records every upload that a response to a POST names, whatever its status and content type: a response that a step rejects
 * may belong to a created upload. Responses to other methods may name uploads that existed before.
 */
function rememberUploads(uploadIds: Set<string>, bytes: Buffer, headers: Headers): void {
  const body = parseJsonObject(bytes.toString()) ?? {}
  const uploads: unknown[] = Array.isArray(body.uploads) ? body.uploads : []
  for (const upload of [body, ...uploads]) {
    if (typeof upload === 'object' && upload !== null && 'uploadId' in upload && typeof upload.uploadId === 'string')
      uploadIds.add(upload.uploadId)
  }
  // The response for a tus upload has no body. Its Location has the id.
  const id = /\/uploads\/tus\/([^/?#]+)$/.exec(headers.get('location') ?? '')?.[1]
  if (id !== undefined) uploadIds.add(decodeURIComponent(id))
}

/** Returns a response that has one of the statuses. @throws StepFailedError for any other response */
export function expectStatus(response: ApiResponse, ...statuses: readonly number[]): ApiResponse {
  if (statuses.includes(response.status)) return response
  const { request, status, headers, body, bytes } = response
  const { type, detail, message } = body
  const text = typeof type === 'string' ? `${type}: ${detail ?? body.title}` : String(message ?? bytes.subarray(0, 200))
  const requestId = headers.get('x-request-id')
  const suffix = requestId === null ? '' : `, request ${requestId}`
  throw new StepFailedError(
    `${request} returned ${status} instead of ${statuses.join(' or ')}${suffix}: ${text}`,
    adviceFor(response),
  )
}

function adviceFor({ status, request }: ApiResponse): string {
  const isS3 = request.endsWith('presigned URL')
  if (status === 403 && isS3)
    return 'S3 rejects the signature of the api, or the role of the api lacks the permission. See the check `write-uploads`, and infra/permissions/.'
  if (status === 401 || status === 403) return 'See the checks `token` and `api-with-token`.'
  if (status === 404) return 'Check that API_URL is the root of this api, with the stage of a REST API.'
  if (status === 413) return 'A proxy or gateway in front of the api does not accept a body of this size.'
  if (status === 429) return 'Wait a minute, or raise the rate limits of the api, the account or the function.'
  if (status >= 500)
    return 'Look for the request in the log of the api, by its id. If the log says AccessDenied, see infra/permissions/. If it has no line for the request, the function or task did not start, or timed out.'
  return 'Report this with its line. The api and this version of headgate do not match.'
}
