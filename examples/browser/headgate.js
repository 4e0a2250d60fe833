// The code blocks of docs/how-to/browser.md, unchanged. A test compares them.

// The addresses on AWS are outputs of the deployment. `npm start` prints its own.
export const settings = {
  api: 'http://127.0.0.1:3000',
  // On AWS: https://cognito-idp.REGION.amazonaws.com/USER_POOL_ID
  issuer: 'http://127.0.0.1:9229/us-east-1_headgate',
  clientId: 'headgate0local0client00001',
}

import { InMemoryWebStorage, UserManager, WebStorageStateStore } from 'oidc-client-ts'

let manager

export function users() {
  manager ??= new UserManager({
    authority: settings.issuer,
    client_id: settings.clientId,
    redirect_uri: location.origin + location.pathname,
    scope: 'openid email profile',
    userStore: new WebStorageStateStore({ store: new InMemoryWebStorage() }),
    // Keeps the state and the secret of PKCE until the browser returns to the page.
    stateStore: new WebStorageStateStore({ store: sessionStorage }),
    automaticSilentRenew: false,
  })
  return manager
}

// Call this when the page loads. It returns true if the user is signed in. Otherwise the browser leaves the page.
export async function signIn() {
  const answer = new URLSearchParams(location.search)
  if (!answer.has('code') && !answer.has('error')) {
    await users().signinRedirect()
    return false
  }
  // The code works once, so a reload must not use it again.
  const url = location.href
  history.replaceState(null, '', location.pathname)
  await users().signinCallback(url)
  return true
}

let refreshing
let isRefused = false

// Returns a token that is valid for 30 more seconds at least. Concurrent calls share one refresh.
export async function getToken() {
  const user = await users().getUser()
  if (!user) throw new Error('Nobody is signed in.')
  if (!isRefused && user.expires_in > 30) return user.id_token
  refreshing ??= users()
    .signinSilent()
    .finally(() => {
      refreshing = undefined
    })
  const { id_token } = await refreshing
  isRefused = false
  return id_token
}

// The api refused the token: the next getToken() gets another one.
export function dropToken() {
  isRefused = true
}

// Ends the session, in this page and at Cognito. The browser leaves the page, and returns to it.
export async function signOut() {
  const { authorization_endpoint } = await users().metadataService.getMetadata()
  await users().revokeTokens(['refresh_token'])
  await users().removeUser()
  const back = { client_id: settings.clientId, logout_uri: location.origin + location.pathname }
  location.assign(new URL(`/logout?${new URLSearchParams(back)}`, authorization_endpoint))
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
        if (['processed', 'failed', 'quarantined'].includes(upload.status)) return
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
