import t from 'tap'
import { Compile } from 'typebox/compile'
import { startAws } from '../support/aws.ts'
import { seededRandom } from '../uploads/examples.ts'
import { form } from './form.ts'
import { mutated, pick, type Random, type Schema, text, valueFor } from './fuzz-generator.ts'
import { buildTestApi, createTestUser, postJson, type TestUser } from './support.ts'

// `HEADGATE_FUZZ=seed:count` makes another run, or a longer one.
const [SEED = 20_261_123, COUNT = 800] = (process.env.HEADGATE_FUZZ ?? '').split(':').filter(Boolean).map(Number)
const AT_ONCE = 8
const ANSWERED_WITHIN_MS = 15_000

interface Parameter {
  name: string
  in: 'path' | 'query' | 'header'
  schema: Schema
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
// So many that those which are deleted on the way leave enough to be asked for.
const uploads = await Promise.all(Array.from({ length: 30 }, () => postJson(api, user, { content: 'x' })))
const uploadIds = uploads.map(({ body }) => String(body.uploadId))
const document = (await (await fetch(`${api.url}/openapi.json`)).json()) as {
  paths: Record<string, Record<string, Operation>>
}
const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
)

const secured = operations.filter(({ operation }) => operation.security !== undefined)

/** A value that can stand in a header. */
const headerValue = (value: unknown) =>
  String(value)
    .replace(/[^\x20-\x7e]/g, '')
    .trim()

/** What can be waited for is not waited for long. */
const queryValue = ({ name, schema }: Parameter, random: Random) =>
  String(name === 'wait' ? pick(random, [0, 1, -1, 'x']) : valueFor(schema, random))

function caseFor(random: Random): Case {
  const { path, method, operation } = pick(random, random() < 0.9 ? secured : operations)
  const parameters = operation.parameters ?? []
  const filled = path.replace(/\{(\w+)\}/g, () =>
    encodeURIComponent((random() < 0.3 ? pick(random, uploadIds) : text(random)).toWellFormed() || 'x'),
  )
  const query = parameters
    .filter(each => each.in === 'query' && random() < 0.5)
    .map(each => `${each.name}=${encodeURIComponent(queryValue(each, random).toWellFormed())}`)
  const headers: Record<string, string> = {}
  for (const { name, schema } of parameters.filter(each => each.in === 'header' && random() < 0.3)) {
    headers[name] = headerValue(valueFor(schema, random))
  }
  const token = pick(random, [
    user.accessToken,
    user.accessToken,
    user.accessToken,
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
      isJson ? (JSON.stringify(valueFor(schema, random)) ?? '') : text(random).repeat(1 + Math.floor(random() * 9)),
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

/** A stream of events has no end. */
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

t.test(`requests made from the OpenAPI document are answered as it says (seed ${SEED})`, async t => {
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
  for (const key of [
    'createUpload 200',
    'createUpload 400',
    'createUpload 401',
    'getUpload 200',
    'getUpload 404',
    'live 200',
  ]) {
    t.ok(statuses.has(key), `${key} is among the answers`)
  }
  t.notMatch(api.log.join(''), /"level":"(?:error|fatal)"/)
  await isConsistent(t, user)
})

async function isConsistent(t: { equal(a: unknown, b: unknown, message: string): unknown }, { traces }: TestUser) {
  const { objects, records } = await traces()
  // A grant has no object yet, and of a deleted upload only its tombstone stays.
  const stored = records.filter(({ status }) => status !== 'pending' && status !== 'deleted')
  t.equal(objects.length, stored.length, 'what is stored is recorded')
}
