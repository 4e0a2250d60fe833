import t from 'tap'
import { buildTestApi, createTestUser, postJson } from '../api/support.ts'
import { startAws } from '../support/aws.ts'
import { startChromium, startPages, whyNoChromium } from './chromium.ts'

t.test('a page of another origin than the api', { skip: whyNoChromium() }, async t => {
  const empty = { '/': { type: 'text/html', body: '<!doctype html><title>page</title>' } }
  const allowed = await startPages(t, empty)
  const other = await startPages(t, empty)
  const aws = await startAws(t, { corsOrigins: [allowed] })
  const api = await buildTestApi(t, aws, { env: { CORS_ORIGINS: allowed } })
  const browser = await startChromium(t)

  /** The functions of a page, as it would have them. Each resolves to what the test compares. */
  const PAGE = `
const api = ${JSON.stringify(api.url)}
const cognito = ${JSON.stringify(aws.endpoints.cognito)}
const signIn = async () => {
  const response = await fetch(cognito, {
    method: 'POST',
    headers: {
      'content-type': 'application/x-amz-json-1.1',
      'x-amz-target': 'AWSCognitoIdentityProviderService.InitiateAuth',
    },
    body: JSON.stringify({
      AuthFlow: 'USER_PASSWORD_AUTH',
      ClientId: ${JSON.stringify(aws.env.COGNITO_CLIENT_ID)},
      AuthParameters: { USERNAME: ${JSON.stringify(aws.user.username)}, PASSWORD: ${JSON.stringify(aws.user.password)} },
    }),
  })
  return (await response.json()).AuthenticationResult.IdToken
}
const call = (token, path, init = {}) =>
  fetch(api + path, { ...init, headers: { authorization: 'Bearer ' + token, ...init.headers } })
const attempt = promise => promise.then(value => value, error => String(error))
`

  async function openPage(origin: string) {
    const page = await browser.newPage()
    await page.goto(origin)
    return <T>(code: string) => page.evaluate<T>(`(async () => { ${PAGE}; ${code} })()`)
  }

  t.test(
    'a page of the only allowed origin signs in, uploads by a grant, and downloads by the URL in JSON',
    async t => {
      const run = await openPage(allowed)
      const result = await run<Record<string, unknown>>(`
    const token = await signIn()
    const granted = await call(token, '/uploads/grants', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ filename: 'a.txt', contentType: 'text/plain', size: 5 }),
    })
    const grant = await granted.json()
    const put = await fetch(grant.put.url, { method: 'PUT', headers: grant.put.headers, body: 'hello' })
    const done = await call(token, grant.complete, { method: 'POST' })
    const asked = await call(token, '/uploads/' + grant.uploadId + '/content', { headers: { accept: 'application/json' } })
    const download = await asked.json()
    const file = await fetch(download.url)
    return {
      location: granted.headers.get('location'), put: put.status, etag: put.headers.get('etag'),
      done: done.status, filename: download.filename, text: await file.text(),
    }`)
      t.match(result, { location: /^\/uploads\//, put: 200, etag: /^"/, filename: 'a.txt', text: 'hello' })
      t.ok([200, 202].includes(Number(result.done)))
    },
  )

  t.test('the redirect of a download fails in a page, because it sends Origin: null', async t => {
    const user = await createTestUser(aws)
    const { body } = await postJson(api, user, { content: 'hello' })
    const run = await openPage(allowed)
    const result = await run<Record<string, unknown>>(`
    const path = '/uploads/${body.uploadId}/content'
    const token = ${JSON.stringify(user.idToken)}
    const redirected = await attempt(call(token, path))
    const { url } = await (await call(token, path, { headers: { accept: 'application/json' } })).json()
    return { redirected, text: await (await fetch(url)).text() }`)
    t.match(result, { redirected: /TypeError: Failed to fetch/, text: 'hello' })
  })

  t.test('a page of another origin reaches neither Cognito nor the api nor a signed URL of S3', async t => {
    const user = await createTestUser(aws)
    const { body } = await postJson(api, user, { content: 'hello' })
    const headers = { ...user.auth, accept: 'application/json' }
    const { url } = (await (await fetch(`${api.url}/uploads/${body.uploadId}/content`, { headers })).json()) as {
      url: string
    }
    const run = await openPage(other)
    const results = await run<string[]>(`
    return Promise.all([signIn(), call('token', '/uploads'), fetch(${JSON.stringify(url)})].map(attempt))`)
    t.equal(results.length, 3)
    for (const result of results) t.match(result, /TypeError: Failed to fetch/)
  })
})
