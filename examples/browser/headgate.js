// The code blocks of docs/how-to/browser.md, unchanged. A test compares them.

// The addresses on AWS are outputs of the deployment. `npm start` prints its own.
export const settings = {
  api: 'http://127.0.0.1:3000',
  cognito: 'http://127.0.0.1:9229', // on AWS: https://cognito-idp.REGION.amazonaws.com
  clientId: 'headgate0local0client00001',
}

export const tokens = { idToken: '', refreshToken: '', expiresAt: 0 }

export async function signIn(username, password) {
  await authenticate('USER_PASSWORD_AUTH', { USERNAME: username, PASSWORD: password })
}

async function authenticate(flow, parameters) {
  const response = await fetch(settings.cognito, {
    method: 'POST',
    headers: {
      'content-type': 'application/x-amz-json-1.1',
      'x-amz-target': 'AWSCognitoIdentityProviderService.InitiateAuth',
    },
    body: JSON.stringify({ ClientId: settings.clientId, AuthFlow: flow, AuthParameters: parameters }),
  })
  const body = await response.json()
  if (!response.ok) throw new Error(`${body.__type}: ${body.message}`)
  const { IdToken, RefreshToken = tokens.refreshToken, ExpiresIn } = body.AuthenticationResult
  Object.assign(tokens, { idToken: IdToken, refreshToken: RefreshToken, expiresAt: Date.now() + ExpiresIn * 1000 })
}

let refreshing

// Returns a token that is valid for 30 more seconds at least. Concurrent calls share one refresh.
export async function getToken() {
  if (Date.now() > tokens.expiresAt - 30_000) {
    refreshing ??= authenticate('REFRESH_TOKEN_AUTH', { REFRESH_TOKEN: tokens.refreshToken }).finally(() => {
      refreshing = undefined
    })
    await refreshing
  }
  return tokens.idToken
}

// The api refused the token: the next getToken() gets another one.
export function dropToken() {
  tokens.expiresAt = 0
}

export async function call(path, { headers, ...init } = {}) {
  const send = async () =>
    fetch(settings.api + path, { ...init, headers: { ...headers, authorization: `Bearer ${await getToken()}` } })
  let response = await send()
  if (response.status === 401) {
    dropToken()
    response = await send()
  }
  if (response.ok) return response
  const problem = await response.json()
  throw Object.assign(new Error(problem.detail), problem)
}

export async function uploadSmall(file, idempotencyKey = crypto.randomUUID()) {
  const response = await call(`/uploads?filename=${encodeURIComponent(file.name)}`, {
    method: 'POST',
    headers: {
      'content-type': file.type || 'application/octet-stream',
      'idempotency-key': idempotencyKey,
    },
    body: file,
  })
  return response.json()
}

export const tokenOptions = {
  async onBeforeRequest(request) {
    request.setHeader('Authorization', `Bearer ${await getToken()}`)
  },
  onAfterResponse(_request, response) {
    if (response.getStatus() !== 401) return
    dropToken()
    // tus-js-client retries this error like a lost response. Without the error, it would create a new upload after a HEAD with 401.
    throw new Error('The api refused the token.')
  },
  onShouldRetry(error) {
    const status = error.originalResponse?.getStatus() ?? 0
    // 409 and 423: an earlier request of this upload has not ended yet. 429: too many requests.
    return status === 0 || [409, 423, 429].includes(status) || status >= 500
  },
}

export async function* follow(uploadId) {
  let lastSeen
  let retryMs = 1000
  for (;;) {
    const response = await call(`/uploads/${uploadId}/events`, {
      headers: lastSeen === undefined ? {} : { 'last-event-id': lastSeen },
    })
    // 204: there is nothing after the last event.
    if (response.status === 204) return
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader()
    let text = ''
    for (let read = await reader.read(); !read.done; read = await reader.read()) {
      const messages = (text + read.value).split('\n\n')
      text = messages.pop()
      for (const message of messages) {
        const fields = Object.fromEntries(message.split('\n').map(line => line.split(/: ?(.*)/s)))
        if (fields.retry) retryMs = Number(fields.retry)
        if (fields.event === 'deleted') return
        if (fields.event !== 'upload') continue
        lastSeen = fields.id
        const upload = JSON.parse(fields.data)
        yield upload
        if (upload.status === 'processed' || upload.status === 'failed') return
      }
    }
    await new Promise(resolve => setTimeout(resolve, retryMs))
  }
}

export async function downloadOf(uploadId, what = 'content') {
  const response = await call(`/uploads/${uploadId}/${what}`, { headers: { accept: 'application/json' } })
  // { url, expiresAt, filename, contentType, size }
  return response.json()
}

// Saves the file. The browser shows the progress.
export async function save(uploadId, what) {
  const { url, filename } = await downloadOf(uploadId, what)
  Object.assign(document.createElement('a'), { href: url, download: filename }).click()
}

// Reads the file into the page.
export async function read(uploadId, what) {
  const { url } = await downloadOf(uploadId, what)
  const response = await fetch(url)
  if (!response.ok) throw new Error(`S3 responded with ${response.status}.`)
  return response.blob()
}
