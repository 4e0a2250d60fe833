import fastify from 'fastify'
import t from 'tap'
import { createSchemaCompilers } from '../../services/api/http/schema-compilers.ts'

const wrongSchema = { type: 'object', properties: { size: { type: 'bytes' } } }
const querystring = {
  type: 'object',
  required: ['size'],
  properties: { size: { type: 'string', pattern: '^[0-9]+$' } },
}
const answer = { type: 'object', properties: { seen: { type: 'string' } } }

function appOf() {
  const { compilersFactory, load } = createSchemaCompilers()
  const app = fastify({ schemaController: { compilersFactory }, ajv: { customOptions: { coerceTypes: false } } })
  return { app, load }
}

t.test('requests are validated and responses are serialized by their schemas from the first request on', async t => {
  const { app, load } = appOf()
  await load()
  app.get('/', { schema: { querystring, response: { 200: answer } } }, async ({ query }) => ({
    seen: (query as { size: string }).size,
    secret: 'not of the schema',
  }))
  for (const round of ['the first', 'the next']) {
    const [right, wrong, missing] = await Promise.all([
      app.inject('/?size=12'),
      app.inject('/?size=large'),
      app.inject('/'),
    ])
    t.strictSame([right.statusCode, right.json()], [200, { seen: '12' }], round)
    t.equal(wrong.statusCode, 400, round)
    t.match(wrong.json().message, /size must match pattern/, round)
    t.match(missing.json().message, /must have required property 'size'/, round)
  }
})

t.test('a schema that no request needs is never compiled', async t => {
  const { app, load } = appOf()
  app.get('/', { schema: { querystring } }, async () => 'right')
  app.get('/wrong', { schema: { querystring: wrongSchema } }, async () => 'never')
  await load()
  await app.ready()
  t.equal((await app.inject('/?size=1')).body, 'right')
  t.equal((await app.inject('/wrong')).statusCode, 500)
})

t.test('before the compilers are loaded an app can listen but not use its schemas', async t => {
  const { app, load } = appOf()
  app.get('/', { schema: { querystring } }, async () => 'right')
  await app.ready()
  const { statusCode, body } = await app.inject('/?size=1')
  t.equal(statusCode, 500)
  t.match(body, /before its compiler is loaded/)
  await load()
  t.equal((await app.inject('/?size=1')).body, 'right')
})
