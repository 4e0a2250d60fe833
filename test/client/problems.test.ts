import t from 'tap'
import { catalogue } from '../../services/api/problems/catalogue.ts'
import { ProblemError } from '../../services/client/errors.ts'
import { problemOf } from '../../services/client/problem-of.ts'
import * as problems from '../../services/client/problems.ts'

t.test('every kind of problem of the api has an error class, and no other class exists', async t => {
  t.strictSame(
    Object.values(problems)
      .map(({ slug }) => slug)
      .sort(),
    Object.keys(catalogue).sort(),
  )
})

t.test('the class of an error follows the type of the response', async t => {
  for (const [name, Kind] of Object.entries(problems)) {
    const type = `urn:headgate:problem:${Kind.slug}`
    const { status, title } = catalogue[Kind.slug as keyof typeof catalogue]
    const body = JSON.stringify({ type, title, status, detail: 'Why.', instance: 'urn:headgate:request:1' })
    const error = await problemOf(new Response(body, { status, headers: { 'retry-after': '7' } }))
    t.ok(error instanceof Kind && error instanceof ProblemError, name)
    t.match(error, { name, type, status, title, detail: 'Why.', message: 'Why.', instance: /:1$/, retryAfter: 7 })
  }
})

t.test('a response of a gateway, and a kind that the client does not know, are a ProblemError', async t => {
  const gateway = await problemOf(new Response('{"message":"Unauthorized"}', { status: 401 }))
  t.match(gateway, { name: 'ProblemError', status: 401, type: 'about:blank', message: /401: Unauthorized/ })
  const page = await problemOf(new Response('<h1>Bad gateway</h1>', { status: 502 }))
  t.match(page, { name: 'ProblemError', status: 502, retryAfter: undefined })
  const later = await problemOf(new Response('{"type":"urn:headgate:problem:new","detail":"New."}', { status: 418 }))
  t.match(later, { name: 'ProblemError', type: 'urn:headgate:problem:new', status: 418, message: 'New.' })
})
