import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Ajv, type AnySchema } from 'ajv'
import t from 'tap'
import { catalogue } from '../../services/api/problems/catalogue.ts'
import { COMMON_PROBLEMS } from '../../services/api/routes/schemas.ts'
import { startAws } from '../support/aws.ts'
import { ask, buildTestApi } from './support.ts'

const aws = await startAws(t)
const api = await buildTestApi(t, aws)

interface Response {
  description?: string
  content?: Record<string, { schema?: AnySchema }>
}

interface Operation {
  operationId: string
  security?: unknown
  requestBody?: { content: Record<string, unknown> }
  responses: Record<string, Response>
  parameters?: Array<{ name: string; schema: AnySchema }>
}

interface OpenApi {
  openapi: string
  info: { version: string }
  paths: Record<string, Record<string, Operation>>
  components: {
    securitySchemes: Record<string, unknown>
    schemas: Record<string, AnySchema>
    responses: Record<string, Response>
  }
}

const { body } = await ask(`${api.url}/openapi.json`)
const document = body as unknown as OpenApi

/** Follows a reference to a named response. */
function resolved(response: Response): Response {
  const { $ref } = response as { $ref?: string }
  return $ref === undefined ? response : (document.components.responses[$ref.split('/').at(-1) ?? ''] ?? {})
}

t.test('/openapi.json describes every operation by name in OpenAPI 3.1', async t => {
  t.equal(document.openapi, '3.1.0')
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { operationId }]) => `${method} ${path} ${operationId}`),
  )
  t.same(operations.sort(), [
    'delete /uploads/tus/{id} deleteTusUpload',
    'delete /uploads/{id} deleteUpload',
    'get /.well-known/headgate getSignInMetadata',
    'get /livez getLiveness',
    'get /readyz getReadiness',
    'get /uploads listUploads',
    'get /uploads/limits getUploadLimits',
    'get /uploads/{id} getUpload',
    'get /uploads/{id}/content getContent',
    'get /uploads/{id}/events followUpload',
    'get /uploads/{id}/grant renewGrant',
    'get /uploads/{id}/outputs/{name} getOutput',
    'get /uploads/{id}/processed getProcessed',
    'head /uploads/tus/{id} getTusOffset',
    'options /uploads/tus getTusOptions',
    'patch /uploads/tus/{id} appendToTusUpload',
    'post /uploads createUpload',
    'post /uploads/grants createGrant',
    'post /uploads/tus createTusUpload',
    'post /uploads/{id}/complete completeUpload',
  ])
})

t.test('the document has the version of package.json', async t => {
  const file = new URL('../../package.json', import.meta.url)
  t.equal(document.info.version, JSON.parse(readFileSync(file, 'utf8')).version)
})

t.test('the document has the three bodies of an upload, and the token', async t => {
  const operation = document.paths['/uploads']?.post
  const types = Object.keys(operation?.requestBody?.content ?? {})
  t.same(types, ['application/json', 'multipart/form-data', 'application/octet-stream'])
  t.same(operation?.security, [{ bearer: [] }])
  t.match(document.components.securitySchemes, { bearer: { type: 'http', scheme: 'bearer' } })
})

t.test('every error in the document is a problem with a status of the catalogue', async t => {
  const known = new Set(Object.values(catalogue).map(({ status }) => String(status)))
  const errors = Object.values(document.paths)
    .flatMap(methods => Object.values(methods))
    .flatMap(({ responses }) => Object.entries(responses))
    .filter(([status]) => Number(status) >= 400)
  t.ok(errors.length > 10)
  for (const [status, response] of errors) {
    t.ok(known.has(status), status)
    t.same(Object.keys(resolved(response).content ?? {}), ['application/problem+json'])
  }
})

t.test('every route that needs a token documents the common problems', async t => {
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ name: `${method} ${path}`, ...operation })),
  )
  const needing = operations.filter(({ security }) => security !== undefined)
  t.equal(needing.length, operations.length - 4, 'all but health, the sign-in and the OPTIONS of tus')
  for (const { name, responses } of needing) {
    for (const slug of COMMON_PROBLEMS) {
      t.match(resolved(responses[catalogue[slug].status] ?? {}).description, `\`${slug}\``, `${name}: ${slug}`)
    }
  }
})

t.test('every schema is valid by the meta-schema of JSON Schema', async t => {
  const operations = Object.values(document.paths).flatMap(methods => Object.values(methods))
  const schemas = operations.flatMap(({ responses, parameters = [] }) => [
    ...Object.values(responses).flatMap(response =>
      Object.values(resolved(response).content ?? {}).map(({ schema }) => schema),
    ),
    ...parameters.map(({ schema }) => schema),
  ])
  schemas.push(...Object.values(document.components.schemas))
  const known = schemas.filter(schema => schema !== undefined)
  t.ok(known.length > 50)
  const ajv = new Ajv()
  for (const schema of known) if (!ajv.validateSchema(schema)) t.fail(ajv.errorsText(), { schema })
  t.notOk(ajv.validateSchema({ type: 'text' }), 'an invalid schema is detected')
})

t.test('the document names the schemas and responses that operations share', async t => {
  const { schemas, responses } = document.components
  t.strictSame(Object.keys(schemas), [
    'Problem',
    'ObjectReference',
    'Output',
    'Upload',
    'UploadPage',
    'JsonUpload',
    'AcceptedUpload',
    'AcceptedUploads',
    'Grant',
    'Download',
    'UploadLimits',
  ])
  const text = JSON.stringify(body)
  for (const name of Object.keys(schemas)) t.match(text, `"$ref":"#/components/schemas/${name}"`, `${name} is used`)
  for (const name of Object.keys(responses)) t.match(text, `"$ref":"#/components/responses/${name}"`, `${name} is used`)
  const targets = [...text.matchAll(/"#\/components\/(\w+)\/(\w+)"/g)]
  const dead = targets.filter(([, kind = '', name = '']) => !(name in (document.components[kind as 'schemas'] ?? {})))
  t.strictSame(dead, [])
  t.match(responses.Unauthorized, { description: '`missing-token`, `invalid-token`' })
})

t.test('the document is short enough that generated clients stay readable', async t => {
  // openapi-typescript 7.13 generated 1,709 lines from a document of 2,651.
  const lines = JSON.stringify(body, null, 1).split('\n').length
  t.ok(lines < 2_700, `${lines} lines`)
})

t.test('/ redirects to /docs, before anything is loaded', async t => {
  const response = await fetch(`${api.url}/`, { redirect: 'manual' })
  t.equal(response.status, 302)
  t.equal(response.headers.get('location'), '/docs')
})

t.test('behind a gateway that removes PUBLIC_PATH, / leads to a page whose links and requests keep it', async t => {
  const behind = await buildTestApi(t, aws, { env: { PUBLIC_PATH: '/api' } })
  const gateway = createServer(async (request, response) => {
    const path = /^\/api(\/.*)$/.exec(request.url ?? '')?.[1]
    if (path === undefined) return response.writeHead(403).end()
    const answer = await fetch(behind.url + path, { redirect: 'manual' })
    const type = answer.headers.get('content-type')
    const location = answer.headers.get('location')
    response.writeHead(answer.status, { ...(type && { 'content-type': type }), ...(location && { location }) })
    return response.end(Buffer.from(await answer.arrayBuffer()))
  }).listen(0, '127.0.0.1')
  await once(gateway, 'listening')
  t.teardown(() => gateway.close())
  const url = `http://127.0.0.1:${(gateway.address() as AddressInfo).port}`

  const page = await fetch(`${url}/api/`)
  t.equal(page.url, `${url}/api/docs`)
  const html = await page.text()
  const linked = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, link = '']) => new URL(link, page.url))
  t.ok(linked.length > 3)
  for (const link of linked) t.equal((await fetch(link)).status, 200, link.pathname)
  const { body: document } = await ask(`${url}/api/openapi.json`)
  t.match(document, { servers: [{ url: '/api' }] }, 'a request that the page makes goes to /api')
})

t.test('every JSON response ends with a newline', async t => {
  for (const path of ['/livez', '/openapi.json', '/none', '/uploads']) {
    const response = await fetch(api.url + path)
    const text = await response.text()
    t.match(text, /[}]\n$/, path)
    t.equal(response.headers.get('content-length'), String(Buffer.byteLength(text)), `the length of ${path}`)
  }
})

t.test('/docs is a page that loads the document', async t => {
  const page = await fetch(`${api.url}/docs`)
  t.equal(page.status, 200)
  t.match(page.headers.get('content-type'), /^text\/html/)
  const script = await fetch(`${api.url}/docs/static/swagger-initializer.js`)
  t.equal(script.status, 200)
  t.match(await script.text(), "resolveUrl('./json')")
  t.same((await ask(`${api.url}/docs/json`)).body, body)
  const policy = page.headers.get('content-security-policy')
  t.match(policy, /script-src 'self' *(?:;|'sha256)/, 'it has a policy of its own, which allows no foreign scripts')
  t.match(policy, "style-src 'self' 'unsafe-inline'", 'Swagger UI sets inline styles')
  const style = await fetch(`${api.url}/docs/static/swagger-ui.css`)
  const known = { 'if-none-match': style.headers.get('etag') ?? '' }
  t.equal((await fetch(style.url, { headers: known })).status, 304)
  const head = await fetch(`${api.url}/docs`, { method: 'HEAD' })
  t.equal(head.headers.get('content-length'), page.headers.get('content-length'))
  t.match(await ask(`${api.url}/docs/none`), { status: 404, body: { type: /not-found/ } })
})
