import { issuerOf } from '../../../platform/config/api.ts'
import { type Check, failed, ok, skipped } from '../check.ts'
import { API_URL_ADVICE, fetchText, parseJsonObject } from '../http.ts'

export const apiWithoutToken: Check = {
  id: 'api-without-token',
  endpointVariable: 'API_URL',
  title: 'the api rejects a request without a token',
  async run({ config, signal }) {
    if (config.API_URL === undefined) return skipped('API_URL is not set')
    const { status, sender, url } = await listUploads(config.API_URL, signal)
    if (status === 401) return ok(`${url} responds with 401, from ${sender}`)
    if (status === 200) {
      return failed(
        `${url} responds with 200 without a token`,
        'The api never does that, so something else responds. Check API_URL.',
      )
    }
    const advice =
      // A REST API answers 403 to a path that it does not have.
      status === 404 || (status === 403 && sender !== 'the api')
        ? API_URL_ADVICE
        : 'See the logs of the api and of the API Gateway in front of it.'
    return failed(`${url} responds with ${status} without a token instead of 401`, advice)
  },
}

export const apiWithToken: Check = {
  id: 'api-with-token',
  endpointVariable: 'API_URL',
  title: 'the api accepts the token',
  async run({ config, signal }) {
    if (config.API_URL === undefined || config.API_TOKEN === undefined)
      return skipped('API_URL or API_TOKEN is not set')
    const { status, sender, url, detail } = await listUploads(config.API_URL, signal, config.API_TOKEN)
    if (status === 200 && sender === 'the api') return ok(`${url} responds with 200`)
    const seen = `${url} responds with ${status}, from ${sender}: ${detail}`
    if (status === 401 && sender === 'API Gateway') {
      return failed(
        seen,
        `The authorizer of API Gateway rejects the token. The authorizer needs the issuer ${issuerOf(config)}, the audience ${config.COGNITO_CLIENT_ID}, and the Authorization header as its identity source. The check \`token\` shows the claims of the token.`,
      )
    }
    if (status === 401) {
      return failed(
        seen,
        'The api rejects the token. COGNITO_USER_POOL_ID, COGNITO_CLIENT_ID and COGNITO_ISSUER of the api must match the token. The check `token` shows the claims of the token. Compare them with the environment of the api.',
      )
    }
    if (sender !== 'the api') return failed(seen, API_URL_ADVICE)
    if (status === 403) {
      return failed(
        seen,
        'The user may not read uploads. Compare READ_SCOPES and READ_GROUPS of the api with the scopes and groups of the token.',
      )
    }
    return failed(seen, 'Look for the request in the log of the api, by its id.')
  },
}

interface ApiResponse {
  url: string
  status: number
  /** The sender of the response. API Gateway's own responses are recognized by their format. */
  sender: 'the api' | 'API Gateway' | 'something else'
  /** The reason of a rejection. Empty for a list of uploads. */
  detail: string
}

/** Lists the latest upload of the token's owner. This creates nothing, and shows no upload of another owner. */
async function listUploads(root: string, signal: AbortSignal, token?: string): Promise<ApiResponse> {
  const url = `${root}/uploads?limit=1`
  const init = { signal, headers: token === undefined ? {} : { authorization: `Bearer ${token}` } }
  const { status, headers, text } = await fetchText(url, init, { action: 'GET', resource: url, variable: 'API_URL' })
  const type = headers.get('content-type') ?? ''
  const body = type.includes('json') ? (parseJsonObject(text) ?? {}) : {}
  if (type.startsWith('application/problem+json')) {
    // A REST API of infra/ rejects with a problem document too, but without `detail`.
    const { detail, title } = body
    if (typeof detail === 'string') return { url, status, sender: 'the api', detail }
    return { url, status, sender: 'API Gateway', detail: String(title) }
  }
  if (status === 200 && Array.isArray(body.uploads)) return { url, status, sender: 'the api', detail: '' }
  const { message } = body
  return typeof message === 'string'
    ? { url, status, sender: 'API Gateway', detail: message }
    : { url, status, sender: 'something else', detail: text.slice(0, 200) }
}
