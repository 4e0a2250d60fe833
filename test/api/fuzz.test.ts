import t from 'tap'
import { Compile } from 'typebox/compile'
import { startAws } from '../support/aws.ts'
import { seededRandom } from '../uploads/examples.ts'
import { withoutReferences } from './contract.ts'
import { form } from './form.ts'
import { mutated, pick, type Random, type Schema, text, valueFor } from './fuzz-generator.ts'
import { grant } from './grants/support.ts'
import { buildTestApi, createTestUser, postJson, type TestUser } from './support.ts'
import { tusClient, uploadIdOf } from './tus/client.ts'

// `HEADGATE_FUZZ=seed:count` sets the seed and the number of requests.
const [SEED = 20_261_123, COUNT = 1_200] = (process.env.HEADGATE_FUZZ ?? '').split(':').filter(Boolean).map(Number)
const AT_ONCE = 8
const ANSWERED_WITHIN_MS = 15_000

/** Responses that must occur, so that not every request is rejected at the start. */
const SEEN = [
  'createUpload 200',
  'createUpload 400',
  'createUpload 401',
  'createGrant 201',
  'renewGrant 200',
  'completeUpload 200',
  'completeUpload 409',
  'getUpload 200',
  'getUpload 404',
  'getContent 302',
  'deleteUpload 204',
  'createTusUpload 201',
  'getTusOffset 200',
  'appendToTusUpload 204',
  'deleteTusUpload 204',
  'getLiveness 200',
]

interface Parameter {
  name: string
  in: 'path' | 'query' | 'header'
  schema: Schema
  required?: boolean
  /** The example of the parameter, which the document does not have in the schema. */
  example?: unknown
}

interface Operation {
  operationId: string
  security?: unknown
  parameters?: Parameter[]
  requestBody?: { content: Record<string, { schema: Schema }> }
  responses: Record<string, { content?: Record<string, { schema: Schema }> }>
}

interface Case {
  operation: Operation
  method: string
  path: string
  headers: Record<string, string>
  body?: Buffer<ArrayBuffer>
}

const aws = await startAws(t)
const api = await buildTestApi(t, aws, { env: { MAX_UPLOAD_BYTES: '20000', MAX_JSON_BYTES: '10000' } })
const user = await createTestUser(aws)
// Enough uploads, because some requests delete them.
const uploads = await Promise.all(Array.from({ length: 30 }, () => postJson(api, user, { content: 'x' })))
const uploadIds = uploads.map(({ body }) => String(body.uploadId))
const client = tusClient(api, user)
const begun = await Promise.all(Array.from({ length: 40 }, () => client.begin(11)))
const granted = await Promise.all(Array.from({ length: 15 }, () => grant(api, user, { size: 1 })))
const pendingIds = [...begun.map(uploadIdOf), ...granted.map(({ uploadId }) => uploadId)]
const served: unknown = await (await fetch(`${api.url}/openapi.json`)).json()
const document = withoutReferences(served, served) as {
  paths: Record<string, Record<string, Operation>>
}
const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
)

const secured = operations.filter(({ operation }) => operation.security !== undefined)

/** Returns a value that is valid in a header. */
const headerValue = (value: unknown) =>
  String(value)
    .replace(/[^\x20-\x7e]/g, '')
    .trim()

const withExample = ({ example, ...parameter }: Parameter): Parameter =>
  example === undefined ? parameter : { ...parameter, schema: { ...parameter.schema, examples: [example] } }

/** Returns a query parameter. `wait` is short. */
const queryValue = ({ name, schema }: Parameter, random: Random) =>
  String(name === 'wait' ? pick(random, [0, 1, -1, 'x']) : valueFor(schema, random))

function caseFor(random: Random): Case {
  const { path, method, operation } = pick(random, random() < 0.9 ? secured : operations)
  const parameters = (operation.parameters ?? []).map(withExample)
  const ids = path.includes('/tus/') || random() < 0.3 ? pendingIds : uploadIds
  const filled = path.replace(/\{(\w+)\}/g, () =>
    encodeURIComponent((random() < 0.6 ? pick(random, ids) : text(random)).toWellFormed() || 'x'),
  )
  const query = parameters
    .filter(each => each.in === 'query' && random() < 0.5)
    .map(each => `${each.name}=${encodeURIComponent(queryValue(each, random).toWellFormed())}`)
  const headers: Record<string, string> = {}
  for (const { name, schema } of parameters.filter(
    each => each.in === 'header' && random() < (each.required ? 0.9 : 0.3),
  )) {
    headers[name] = headerValue(valueFor(schema, random))
  }
  const token = pick(random, [
    ...Array.from({ length: 7 }, () => user.accessToken),
    user.idToken,
    'nonsense',
    undefined,
  ])
  if (token !== undefined) headers.authorization = `Bearer ${token}`
  const sent = operation.requestBody && bodyFor(operation.requestBody.content, random)
  const url = query.length > 0 ? `${filled}?${query.join('&')}` : filled
  return { operation, method, path: url, ...sent, headers: { ...headers, ...sent?.headers } }
}

function bodyFor(content: Record<string, { schema: Schema }>, random: Random) {
  const type = pick(random, Object.keys(content))
  const schema = content[type]?.schema ?? {}
  if (type !== 'multipart/form-data') {
    const isJson = /json$/.test(type)
    const bytes = Buffer.from(
      isJson
        ? (JSON.stringify(valueFor(schema, random)) ?? '')
        : random() < 0.5
          ? text(random).slice(0, 11)
          : text(random).repeat(1 + Math.floor(random() * 9)),
    )
    return {
      headers: { 'content-type': random() < 0.9 ? type : headerValue(text(random)) || type },
      body: mutated(bytes, random),
    }
  }
  const names = Object.keys(schema.properties ?? {})
  const parts = Array.from({ length: Math.floor(random() * 5) }, () => {
    const name = random() < 0.8 ? pick(random, names) : text(random)
    const file = { filename: text(random), type: pick(random, ['text/plain', 'image/png', text(random)]) }
    return { name, value: text(random), ...(name === 'file' && file) }
  })
  const made = form(parts)
  return { headers: made.headers, body: mutated(made.body, random) }
}

/** Reads the text of a response. Cancels a stream of events, which may not end. */
async function textOf(response: Response, type: string): Promise<string> {
  if (!type.startsWith('text/event-stream')) return response.text()
  await response.body?.cancel()
  return ''
}

const isProblem = (type: string) => type.startsWith('application/problem+json')

async function send(
  { operation, method, path, headers, body }: Case,
  seenStatuses: Map<string, number>,
): Promise<string | undefined> {
  const what = `${method} ${path} ${JSON.stringify(headers).replace(user.accessToken, '…').replace(user.idToken, '…')} ${body?.toString('latin1').slice(0, 300)}`
  const response = await fetch(`${api.url}${path}`, {
    method,
    headers,
    redirect: 'manual',
    signal: AbortSignal.timeout(ANSWERED_WITHIN_MS),
    ...(body && { body }),
  })
  const { status } = response
  const type = response.headers.get('content-type') ?? ''
  const key = `${operation.operationId} ${status}`
  seenStatuses.set(key, (seenStatuses.get(key) ?? 0) + 1)
  const text = await textOf(response, type)
  if (status >= 500) return `${status} ${text}: ${what}`
  // fetch sends `/uploads/..` as `/`, which redirects to the documentation and has no other method.
  if (new URL(response.url).pathname === '/' && (status === 302 || status === 405)) return undefined
  const documented = operation.responses[status]
  if (!documented) return `${status} is not documented, ${text}: ${what}`
  const schema = documented.content?.[type.split(';', 1)[0] ?? '']?.schema
  if (text === '') return undefined
  if (!schema) return `${status} is documented without ${type}: ${what}`
  if (isProblem(type) || type.startsWith('application/json')) {
    const [fault] = Compile(schema as never).Errors(JSON.parse(text))
    if (fault) return `${status} is not as documented, ${fault.instancePath} ${fault.message}, ${text}: ${what}`
  }
  return undefined
}

t.test(`requests generated from the OpenAPI document get documented responses (seed ${SEED})`, async t => {
  const random = seededRandom(SEED)
  const cases = Array.from({ length: COUNT }, () => caseFor(random))
  const statuses = new Map<string, number>()
  async function work(): Promise<void> {
    for (let each = cases.shift(); each; each = cases.shift()) {
      const fault = await send(each, statuses)
      if (fault !== undefined) t.fail(fault)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
  t.comment(
    [...statuses]
      .sort()
      .map(([key, count]) => `${key}: ${count}`)
      .join(', '),
  )
  for (const { operation } of operations) {
    const asked = [...statuses.keys()].some(key => key.startsWith(`${operation.operationId} `))
    t.ok(asked, `${operation.operationId} is requested`)
  }
  // Another seed may not cause these responses.
  if (!process.env.HEADGATE_FUZZ) for (const key of SEEN) t.ok(statuses.has(key), `${key} occurs`)
  t.notMatch(api.log.join(''), /"level":"(?:error|fatal)"/)
  await isConsistent(t, user)
})

t.test('an undocumented method is rejected with the list of documented methods', async t => {
  const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']
  // The document omits this method, which is for clients whose network blocks PATCH.
  const unnamed = new Set(['POST /uploads/tus/{id}'])
  for (const [path, described] of Object.entries(document.paths)) {
    const filled = path.replace('{id}', uploadIds[0] ?? '').replace('{name}', 'main')
    // One path may match several templates: `/uploads/tus` also matches `/uploads/{id}`.
    const alike = Object.entries(document.paths)
      .filter(([other]) => new RegExp(`^${other.replace(/\{\w+\}/g, '[^/]+')}$`).test(path))
      .flatMap(([, methods]) => Object.keys(methods).map(method => method.toUpperCase()))
    for (const method of METHODS.filter(each => !alike.includes(each) && !unnamed.has(`${each} ${path}`))) {
      const { status, headers } = await fetch(`${api.url}${filled}`, { method, headers: user.auth })
      t.equal(status, 405, `${method} ${path}`)
      const allowed = headers.get('allow') ?? ''
      for (const known of Object.keys(described)) t.match(allowed, known.toUpperCase(), `${method} ${path}`)
    }
  }
})

async function isConsistent(t: { equal(a: unknown, b: unknown, message: string): unknown }, { traces }: TestUser) {
  const { objects, records } = await traces()
  // A pending upload has no object, and a deleted upload has only a tombstone.
  const stored = records.filter(({ status }) => status !== 'pending' && status !== 'deleted')
  t.equal(objects.length, stored.length, 'every object has a record')
}
